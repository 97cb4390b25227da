import type { Decimal } from '#client/rules/decimal.ts'
import { checkSlabs } from '#client/rules/payroll-tax.ts'
import { type ChildFields, Document } from '#kernel/documents/document.ts'

interface StepRow extends ChildFields {
  from_amount: Decimal
  to_amount: Decimal
  percent_deduction: number
  condition: string | null
}

/** How income is taxed. Steps join without gap; the end of a step belongs to it. */
export default class IncomeTaxSlab extends Document<{ slabs: StepRow[] }> {
  validate(): void {
    checkSlabs(
      this.slabs.map((step) => ({
        from: step.from_amount.toString(),
        to: step.to_amount.toString(),
        percent: step.percent_deduction,
        condition: step.condition,
      })),
    )
  }
}
