import { Document } from '#kernel/documents/document.ts'
import { AppraisalRefused } from '../../errors.ts'
import { weightsMatch } from '../../score.ts'

interface TemplateFields {
  goals: { key_result_area: string; per_weightage: number }[]
  rating_criteria: { criteria: string; per_weightage: number }[]
}

/** By what people are judged. Weights sum to 100. */
export default class AppraisalTemplate extends Document<TemplateFields> {
  validate(): void {
    const check = (field: string, rows: readonly { per_weightage: number }[], names: readonly string[]) => {
      if (rows.length > 0 && !weightsMatch(rows.map(({ per_weightage }) => per_weightage)))
        throw new AppraisalRefused({ field, reason: 'the weights do not sum to 100.' })
      if (new Set(names).size < names.length) throw new AppraisalRefused({ field, reason: 'something is there twice.' })
    }
    check(
      'goals',
      this.goals,
      this.goals.map(({ key_result_area }) => key_result_area),
    )
    check(
      'rating_criteria',
      this.rating_criteria,
      this.rating_criteria.map(({ criteria }) => criteria),
    )
  }
}
