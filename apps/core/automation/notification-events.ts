import { AppError } from '#client/rules/errors.ts'
import { where } from '#client/rules/predicate.ts'
import { type RuleKind, rulesFor } from '#kernel/automation/active-rules.ts'
import { conditionHolds } from '#kernel/automation/condition.ts'
import type { Context } from '#kernel/context/context.ts'
import { sameValue } from '#kernel/documents/cast.ts'
import type { AnyDocument, DocumentListener, HookName } from '#kernel/documents/document.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { findJob } from '#kernel/jobs/manage.ts'

/** Notifications in force, by DocType. */
export const notificationKind: RuleKind = { doctype: 'Notification', target: 'document_type', active: where('enabled', '=', 1) }

/** Notifications that may follow from one another: what sets a property may make the next one due. */
const longestChain = 3

/** What the job is told; the text is made when it runs. */
export interface NotificationInput {
  notification: string
  doctype: string
  name: string
  /** How many notifications led to this one. */
  chain: number
}

/** Hooks after writing that an event `Method` may name. */
export const notificationHooks = [
  'after_insert',
  'on_update',
  'on_submit',
  'on_cancel',
  'on_update_after_submit',
  'on_discard',
  'on_change',
] as const satisfies readonly HookName[]

type Hook = (typeof notificationHooks)[number]

/** What each event of a Notification listens to. */
const eventsOf: Readonly<Record<Hook, readonly string[]>> = {
  after_insert: ['New'],
  on_update: ['Save', 'Value Change'],
  on_submit: ['Submit'],
  on_cancel: ['Cancel', 'Value Change'],
  on_update_after_submit: ['Save', 'Value Change'],
  on_discard: [],
  on_change: [],
}

/** Listens to one hook of every DocType; a look-up in memory where no Notification is for it. */
export function notificationListener(hook: Hook): DocumentListener {
  return (ctx, document, extra) => {
    const rules = rulesFor(ctx, notificationKind, document.doctype)
    if (rules instanceof Promise) return rules.then((known) => hear(ctx, known, hook, document, extra))
    if (rules.length > 0) return hear(ctx, rules, hook, document, extra)
  }
}

async function hear(
  ctx: Context,
  rules: readonly AnyDocument[],
  hook: Hook,
  document: AnyDocument,
  extra: Record<string, unknown> = {},
): Promise<void> {
  const before = extra.before as AnyDocument | undefined
  for (const rule of rules)
    if (isMeant(rule, hook, document, before) && holds(ctx, rule, document, before)) {
      const moment = `${hook} ${document.modified}`
      await queueNotification(ctx, rule, document, moment)
    }
}

function isMeant(rule: AnyDocument, hook: Hook, document: AnyDocument, before: AnyDocument | undefined): boolean {
  if (rule.event === 'Method') return rule.method === hook
  if (!eventsOf[hook].includes(String(rule.event))) return false
  if (rule.event !== 'Value Change') return true
  const field = String(rule.value_changed)
  return before !== undefined && !sameValue(document[field], before[field])
}

/** A rule that cannot be worked out must not keep people from saving. */
export function holds(ctx: Context, rule: AnyDocument, document: AnyDocument, before?: AnyDocument): boolean {
  try {
    return conditionHolds(ctx, rule.condition, document, before)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    ctx.site.log.warn({ err: error, notification: rule.name, doctype: document.doctype }, 'the condition of a notification fails')
    return false
  }
}

/**
 * Asks for a notification in the caller's transaction: once per `moment`. One that is itself the consequence of a notification stops at
 * a third, or where it comes round to the same one.
 */
export async function queueNotification(ctx: Context, rule: AnyDocument, document: AnyDocument, moment: string): Promise<void> {
  const cause = await causeOf(ctx)
  const isRound = cause?.notification === rule.name && cause.doctype === document.doctype && cause.name === String(document.name)
  if (isRound) return
  const chain = cause ? cause.chain + 1 : 0
  if (chain >= longestChain) {
    ctx.site.log.error({ notification: rule.name, doctype: document.doctype, name: document.name }, 'notifications set off one another')
    return
  }
  const input: NotificationInput = { notification: String(rule.name), doctype: document.doctype, name: String(document.name), chain }
  await enqueue(
    ctx,
    'core.notification',
    { ...input },
    { idempotencyKey: `${rule.name}\n${document.doctype}\n${document.name}\n${moment}` },
  )
}

/** The notification in whose job this happens. */
async function causeOf(ctx: Context): Promise<NotificationInput | undefined> {
  if (ctx.request.via !== 'job') return undefined
  const job = await findJob(ctx, ctx.request.id)
  return job?.job_name === 'core.notification' ? (JSON.parse(job.input) as NotificationInput) : undefined
}
