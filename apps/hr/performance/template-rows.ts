import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { assignValues, documentForm } from '#kernel/documents/cast.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { rowsOf } from '../shared/rows.ts'
import { AppraisalRefused } from './errors.ts'

/** Fills a new appraisal with the KRAs and criteria of its template. @throws AppraisalRefused when that has no KRAs */
export async function templateRows(ctx: Context, appraisal: AnyDocument): Promise<void> {
  const inOrder = { orderBy: [['idx', 'asc']] } as const
  const of = where('parent', '=', appraisal.appraisal_template)
  const goals = (await rowsOf(ctx, 'Appraisal Template Goal', of, inOrder)).map((row) => ({
    kra: row.key_result_area,
    per_weightage: row.per_weightage,
  }))
  if (goals.length === 0) throw new AppraisalRefused({ field: 'appraisal_template', reason: 'it has no KRAs.' })
  const criteria = await rowsOf(ctx, 'Employee Feedback Rating', of, inOrder)
  await assignValues(
    ctx,
    await ctx.site.meta.get('Appraisal'),
    appraisal,
    {
      appraisal_kra: appraisal.rate_goals_manually ? [] : goals,
      goals: appraisal.rate_goals_manually ? goals.map((row) => ({ ...row, score: 0 })) : [],
      self_ratings: criteria.map((row) => ({ criteria: row.criteria, per_weightage: row.per_weightage, rating: 0 })),
    },
    documentForm,
  )
}
