import type { Context } from '#kernel/context/context.ts'
import { TargetMissing } from './errors.ts'
import { type Audience, type Frame, type LiveEvent, rooms } from './event.ts'
import { knownHub } from './hub.ts'
import { listenersOf } from './relay.ts'
import { speak } from './speak.ts'

/** Who is to hear; one of these, or a task of a user. */
export interface Target {
  /** This user, wherever signed in. */
  readonly user?: string
  /** Whoever listens to the document and may read it; without `docname` whoever listens to the DocType and may read all of it. */
  readonly doctype?: string
  readonly docname?: string
  /** `all` (system users), `website` (everybody, visitors included), or a room of an app. */
  readonly room?: string
  /** Whoever follows this task, as `user` (default: the acting user). */
  readonly taskId?: string
}

/**
 * Says something to those who are connected, once the change is durable; never when it is undone. The message must be JSON, and hold
 * nothing that some of those who hear it may not know: names and times, as a rule.
 * @throws TargetMissing when the target names nobody
 */
export async function publish(ctx: Context, event: string, message: unknown, target: Target): Promise<void> {
  const { room, audience } = aim(ctx, event, target)
  await emit(ctx, () => [{ frames: [{ room, event, message }], audience }])
}

/** Tells how far something has come, in percent, as Frappe's clients show it. */
export async function publishProgress(
  ctx: Context,
  percent: number,
  { title = '', description = '', ...target }: Target & { title?: string; description?: string } = {},
): Promise<void> {
  const message = { percent, title, description, task_id: target.taskId, doctype: target.doctype, docname: target.docname }
  const aimed = Object.keys(target).length === 0 ? { user: ctx.user.name } : target
  await publish(ctx, target.taskId === undefined ? 'progress' : 'task_progress', message, aimed)
}

function aim(ctx: Context, event: string, target: Target): { room: string; audience: Audience } {
  const { user, doctype, docname, room, taskId } = target
  if (taskId !== undefined) return { room: rooms.task(taskId), audience: { user: user ?? ctx.user.name } }
  if (user !== undefined) return { room: rooms.user(user), audience: { user } }
  if (room === rooms.all || room === rooms.website) return { room, audience: { inRoom: true } }
  if (room !== undefined) return { room, audience: { room } }
  if (doctype === undefined) throw new TargetMissing({ event })
  if (docname === undefined) return { room: rooms.doctype(doctype), audience: { readersOf: { doctype } } }
  return { room: rooms.document(doctype, docname), audience: { readersOf: { doctype, name: docname } } }
}

/** What somebody may hear of a document that was written; see announce.ts. */
export function publishToReaders(ctx: Context, doctype: string, name: string, frames: () => readonly Frame[]): void | Promise<void> {
  return emit(ctx, () => [{ frames: frames(), audience: { readersOf: { doctype, name } } }])
}

/** Queues events where somebody listens. Nobody does on most sites most of the time: that must cost nothing. */
function emit(ctx: Context, make: () => readonly LiveEvent[]): void | Promise<void> {
  const listeners = listenersOf(ctx)
  if ('then' in listeners) return listeners.then((known) => queue(ctx, known, make))
  return listeners.length === 0 ? undefined : queue(ctx, listeners, make)
}

async function queue(ctx: Context, listeners: readonly string[], make: () => readonly LiveEvent[]): Promise<void> {
  if (listeners.length === 0) return
  const hub = knownHub(ctx.site)
  // The message as it is now: whoever made it may go on changing it.
  const events = JSON.parse(JSON.stringify(make())) as LiveEvent[]
  for (const event of events) {
    if (hub && listeners.includes(hub.id)) ctx.afterCommit(() => hub.deliver(event))
    const others = listeners.filter((id) => id !== hub?.id)
    await speak(ctx, others, event)
  }
}
