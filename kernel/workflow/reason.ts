import type { Context } from '#kernel/context/context.ts'

const key = (doctype: string, name: string): string => `workflow:reason:${doctype}\n${name}`

/** Runs `work` with a reason for the transition that it makes; the save asks for it, and what follows the save writes it down. */
export async function withReason<T>(ctx: Context, doctype: string, name: string, reason: string, work: () => Promise<T>): Promise<T> {
  ctx.memo.set(key(doctype, name), reason)
  try {
    return await work()
  } finally {
    ctx.memo.delete(key(doctype, name))
  }
}

/** Why the transition under way is made; '' when nobody said. */
export function reasonFor(ctx: Context, doctype: string, name: string): string {
  return String(ctx.memo.get(key(doctype, name)) ?? '')
}
