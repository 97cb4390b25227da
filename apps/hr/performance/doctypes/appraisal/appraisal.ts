import { Type } from 'typebox'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { type AnyDocument, type ChildFields, Document } from '#kernel/documents/document.ts'
import { save } from '#kernel/documents/save.ts'
import { defineDocumentMethod } from '#kernel/methods/method.ts'
import { Overlapping } from '../../../errors.ts'
import { peopleOf } from '../../../shared/access.ts'
import { rowOf, rowsOf } from '../../../shared/rows.ts'
import { AppraisalRefused, NotYours } from '../../errors.ts'
import { templateRows } from '../../template-rows.ts'
import { finalScore, meanOf, percentScore, ratingScore, topScore, weighed, weightsMatch } from '../../score.ts'

interface AppraisalFields {
  employee: string
  organization: string
  appraisal_cycle: string
  appraisal_template: string
  rate_goals_manually: number
  final_score: number
  appraisal_kra: ({ kra: string; per_weightage: number; goal_completion: number; goal_score: number } & ChildFields)[]
  goals: ({ kra: string; per_weightage: number; score: number; score_earned: number } & ChildFields)[]
  goal_score_percentage: number
  total_score: number
  avg_feedback_score: number
  self_ratings: ({ criteria: string; per_weightage: number; rating: number } & ChildFields)[]
  self_score: number
  reflections: string | null
}

/** How somebody did in a cycle. Every score is reckoned; what is typed are ratings. */
export default class Appraisal extends Document<AppraisalFields> {
  async before_validate(ctx: Context, { before }: { before?: AppraisalFields } = {}): Promise<void> {
    if (!before) await this.takeTemplate(ctx)
  }

  async validate(ctx: Context, { before }: { before?: AppraisalFields } = {}): Promise<void> {
    if (!before) await this.checkOnly(ctx)
    else if (before.employee !== this.employee || before.appraisal_cycle !== this.appraisal_cycle)
      throw new AppraisalRefused({
        field: before.employee !== this.employee ? 'employee' : 'appraisal_cycle',
        reason: 'whom and when an appraisal is about stays the same.',
      })
    await this.scoreGoals(ctx)
    this.self_score = ratingScore(this.self_ratings.map(({ rating, per_weightage }) => ({ rating, weight: per_weightage })))
    const feedback = await rowsOf(
      ctx,
      'Employee Performance Feedback',
      and(where('appraisal', '=', this.name), where('docstatus', '=', 1)),
      {
        fields: ['total_score'],
      },
    )
    this.avg_feedback_score = meanOf(feedback.map(({ total_score }) => Number(total_score)))
    await this.scoreAll(ctx)
  }

  private async takeTemplate(ctx: Context): Promise<void> {
    const cycle = await rowOf(ctx, 'Appraisal Cycle', this.appraisal_cycle, ['kra_evaluation_method', 'status'])
    if (cycle?.status === 'Completed') throw new AppraisalRefused({ field: 'appraisal_cycle', reason: 'the cycle is completed.' })
    this.rate_goals_manually = cycle?.kra_evaluation_method === 'Manual Rating' ? 1 : 0
    await templateRows(ctx, this as unknown as AnyDocument)
  }

  private async checkOnly(ctx: Context): Promise<void> {
    const [other] = await rowsOf(
      ctx,
      'Appraisal',
      and(where('employee', '=', this.employee), where('appraisal_cycle', '=', this.appraisal_cycle), where('docstatus', '<', 2)),
      { fields: ['name'], limit: 1 },
    )
    if (other) throw new Overlapping({ field: 'appraisal_cycle', doctype: 'Appraisal', other: other.name })
  }

  private async scoreGoals(ctx: Context): Promise<void> {
    const table = this.rate_goals_manually ? 'goals' : 'appraisal_kra'
    if (!weightsMatch(this[table].map(({ per_weightage }) => per_weightage)))
      throw new AppraisalRefused({ field: table, reason: 'the weights do not sum to 100.' })
    if (this.rate_goals_manually) {
      for (const [index, row] of this.goals.entries()) {
        if (row.score > topScore) throw new AppraisalRefused({ field: `goals[${index}].score`, reason: `it is from 0 to ${topScore}.` })
        row.score_earned = weighed([{ value: row.score, weight: row.per_weightage }])
      }
      this.total_score = weighed(this.goals.map(({ score, per_weightage }) => ({ value: score, weight: per_weightage })))
      this.goal_score_percentage = 0
      return
    }
    const goals = await rowsOf(
      ctx,
      'Goal',
      and(where('employee', '=', this.employee), where('appraisal_cycle', '=', this.appraisal_cycle), where('status', '!=', 'Archived'), {
        any: [where('parent_goal', '=', ''), { field: 'parent_goal', op: 'not set' as const }],
      }),
      { fields: ['kra', 'progress'] },
    )
    for (const row of this.appraisal_kra) {
      row.goal_completion = meanOf(goals.filter(({ kra }) => kra === row.kra).map(({ progress }) => Number(progress)))
      row.goal_score = weighed([{ value: row.goal_completion, weight: row.per_weightage }])
    }
    this.goal_score_percentage = weighed(
      this.appraisal_kra.map(({ goal_completion, per_weightage }) => ({ value: goal_completion, weight: per_weightage })),
    )
    this.total_score = percentScore(this.goal_score_percentage)
  }

  private async scoreAll(ctx: Context): Promise<void> {
    const cycle = await rowOf(ctx, 'Appraisal Cycle', this.appraisal_cycle, [
      'calculate_final_score_based_on_formula',
      'final_score_formula',
    ])
    const formula = cycle?.calculate_final_score_based_on_formula ? String(cycle.final_score_formula ?? '') || null : null
    const facts = await rowOf(ctx, 'Employee', this.employee, ['department', 'designation', 'branch', 'grade'])
    this.final_score = finalScore(
      { goal_score: this.total_score, average_feedback_score: this.avg_feedback_score, self_appraisal_score: this.self_score },
      formula,
      { ...facts },
    )
  }
}

/** People rate themselves, and only themselves, while their appraisal is open; the rest of it is not theirs to write. */
async function rateMyself(
  ctx: Context,
  document: AnyDocument,
  ratings: readonly { criteria: string; rating: number }[],
  reflections: string | undefined,
): Promise<{ self_score: number }> {
  const { own } = await peopleOf(ctx, ctx.user.name)
  if (!own.includes(String(document.employee))) throw new NotYours({ field: 'employee', reason: 'It is somebody else’s appraisal.' })
  if (document.docstatus !== 0) throw new AppraisalRefused({ field: 'docstatus', reason: 'the appraisal is no longer open.' })
  const rows = (document as unknown as Appraisal).self_ratings
  for (const [index, { criteria, rating }] of ratings.entries()) {
    const row = rows.find((one) => one.criteria === criteria)
    if (!row) throw new AppraisalRefused({ field: `ratings[${index}].criteria`, reason: 'people are not rated on it.' })
    row.rating = rating
  }
  const saved = await save(ctx.asSystem('people rate themselves'), document, reflections === undefined ? {} : { reflections })
  return { self_score: Number(saved.self_score) }
}

export const documentMethods = [
  defineDocumentMethod({
    verb: 'rate_myself',
    doctype: 'Appraisal',
    summary: 'Rates oneself on the criteria of one’s appraisal: 0 to 1 each, as stars are stored.',
    input: Type.Object({
      ratings: Type.Array(Type.Object({ criteria: Type.String({ maxLength: 140 }), rating: Type.Number({ minimum: 0, maximum: 1 }) }), {
        maxItems: 100,
      }),
      reflections: Type.Optional(Type.String({ maxLength: 20_000 })),
    }),
    // Reading is what everybody may do with their own; the handler lets nobody else in. A GET that saves is undone.
    needs: 'print',
    handler: (ctx, document, { ratings, reflections }) => rateMyself(ctx, document, ratings, reflections),
  }),
]
