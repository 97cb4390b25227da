import type { Context } from '#kernel/context/context.ts'
import { type ChildFields, Document } from '#kernel/documents/document.ts'
import { rowOf } from '../../../shared/rows.ts'
import { AppraisalRefused } from '../../errors.ts'
import { scoreAppraisals } from '../../score-appraisals.ts'
import { ratingScore, weightsMatch } from '../../score.ts'

interface FeedbackFields {
  employee: string
  reviewer: string
  appraisal: string
  appraisal_cycle: string | null
  feedback_ratings: ({ per_weightage: number; rating: number } & ChildFields)[]
  total_score: number
}

/** What somebody says about somebody else's work. Once submitted it counts in the appraisal, as long as that is open. */
export default class EmployeePerformanceFeedback extends Document<FeedbackFields> {
  async validate(ctx: Context): Promise<void> {
    if (this.reviewer === this.employee) throw new AppraisalRefused({ field: 'reviewer', reason: 'for oneself there is the self rating.' })
    const appraisal = await rowOf(ctx, 'Appraisal', this.appraisal, ['employee', 'appraisal_cycle', 'docstatus'])
    if (appraisal && appraisal.employee !== this.employee)
      throw new AppraisalRefused({ field: 'appraisal', reason: 'it is about somebody else.' })
    if (Number(appraisal?.docstatus) !== 0) throw new AppraisalRefused({ field: 'appraisal', reason: 'it is no longer open.' })
    this.appraisal_cycle = String(appraisal?.appraisal_cycle)
    if (this.feedback_ratings.length > 0 && !weightsMatch(this.feedback_ratings.map(({ per_weightage }) => per_weightage)))
      throw new AppraisalRefused({ field: 'feedback_ratings', reason: 'the weights do not sum to 100.' })
    this.total_score = ratingScore(this.feedback_ratings.map(({ rating, per_weightage }) => ({ rating, weight: per_weightage })))
  }

  async on_submit(ctx: Context): Promise<void> {
    await scoreAppraisals(ctx, this)
  }

  async before_cancel(ctx: Context): Promise<void> {
    const appraisal = await rowOf(ctx, 'Appraisal', this.appraisal, ['docstatus'])
    if (Number(appraisal?.docstatus) === 1) throw new AppraisalRefused({ field: 'appraisal', reason: 'it is no longer open.' })
  }

  async on_cancel(ctx: Context): Promise<void> {
    await scoreAppraisals(ctx, this)
  }
}
