import { type Decimal, sumDecimals } from '#client/rules/decimal.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { type ChildFields, Document } from '#kernel/documents/document.ts'
import { Overlapping } from '../../../errors.ts'
import { rowsOf } from '../../../shared/rows.ts'

interface DeclarationFields {
  employee: string
  payroll_period: string
  declarations: ({ amount: Decimal; max_amount: Decimal } & ChildFields)[]
  total_declared_amount: Decimal
  total_exemption_amount: Decimal
}

/** What somebody declares for a year; of each line no more counts than its limit. There is one of a person and year. */
export default class EmployeeTaxExemptionDeclaration extends Document<DeclarationFields> {
  async validate(ctx: Context): Promise<void> {
    const counting = this.declarations.map(({ amount, max_amount }) =>
      !max_amount.isZero() && amount.compare(max_amount) > 0 ? max_amount : amount,
    )
    this.total_declared_amount = sumDecimals(this.declarations.map(({ amount }) => amount))
    this.total_exemption_amount = sumDecimals(counting)
    const [other] = await rowsOf(
      ctx,
      'Employee Tax Exemption Declaration',
      and(
        where('employee', '=', this.employee),
        where('payroll_period', '=', this.payroll_period),
        where('docstatus', '<', 2),
        where('name', '!=', this.name ?? ''),
      ),
      { fields: ['name'], limit: 1 },
    )
    if (other) throw new Overlapping({ field: 'payroll_period', doctype: 'Employee Tax Exemption Declaration', other: other.name })
  }
}
