import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { load } from '#kernel/documents/load.ts'
import { save } from '#kernel/documents/save.ts'
import { rowsOf } from '../shared/rows.ts'

/** Open appraisals follow the goals and the feedback of their cycle. Submitted ones stay as they are. */
export async function scoreAppraisals(ctx: Context, about: { employee: string; appraisal_cycle: string | null }): Promise<void> {
  if (!about.appraisal_cycle) return
  const meta = await ctx.site.meta.get('Appraisal')
  const open = await rowsOf(
    ctx,
    'Appraisal',
    and(where('employee', '=', about.employee), where('appraisal_cycle', '=', about.appraisal_cycle), where('docstatus', '=', 0)),
    { fields: ['name'] },
  )
  const elevated = ctx.asSystem('scores follow goals and feedback')
  for (const { name } of open) await save(elevated, await load(elevated, meta, name, true))
}
