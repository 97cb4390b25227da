import type { Context } from '#kernel/context/context.ts'
import { find } from '#kernel/documents/load.ts'
import { save } from '#kernel/documents/save.ts'

/** A goal takes over how far its parts are; its own save hands that on to the goal above. */
export async function rollUp(ctx: Context, name: string): Promise<void> {
  const goal = await find(ctx, await ctx.site.meta.get('Goal'), name, true)
  if (goal) await save(ctx.asSystem('a goal is as far as its parts'), goal)
}
