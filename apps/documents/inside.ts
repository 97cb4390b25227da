import type { Context } from '#kernel/context/context.ts'

/**
 * What the app's own verbs may do in a unit of work and nobody else may, however many rights they have: filling the fields that it keeps
 * itself, writing versions, purging. Nothing that a caller sends can set it.
 */
type Inside = 'filing' | 'purge' | 'retention' | 'release'

const open = new WeakMap<object, Set<Inside>>()

/** Whether the app itself is at work. */
export function isInside(ctx: Context, what: Inside): boolean {
  return open.get(ctx.db)?.has(what) === true
}

/** Does some work from the inside; afterwards the door is shut again. */
export async function inside<T>(ctx: Context, what: Inside, work: () => Promise<T>): Promise<T> {
  const doors = open.get(ctx.db) ?? new Set()
  open.set(ctx.db, doors)
  if (doors.has(what)) return work()
  doors.add(what)
  try {
    return await work()
  } finally {
    doors.delete(what)
  }
}
