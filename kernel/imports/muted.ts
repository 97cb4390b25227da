import type { Context } from '#kernel/context/context.ts'

/** By what all contexts of a unit of work share. */
const muted = new WeakSet<object>()

/** No mails and notifications about what is done in this unit of work, whoever's context does it. */
export function muteMails(ctx: Pick<Context, 'db'>): void {
  muted.add(ctx.db)
}

/** Whether this unit of work was muted; whoever queues mails that nobody asked for by name asks first. */
export function areMailsMuted(ctx: Pick<Context, 'db'>): boolean {
  return muted.has(ctx.db)
}
