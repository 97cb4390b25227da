import type { Decimal } from '#client/rules/decimal.ts'
import { BadPayrollDates } from '#client/rules/payroll-errors.ts'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { checkOrder, employeeFacts } from '../../../shared/rows.ts'
import { CurrencyMismatch, NothingAssigned, PayRefused } from '../../errors.ts'
import { payrollRules } from '../../settings.ts'
import { assignmentAt, sourcesOf } from '../../sources.ts'
import { structureNamed } from '../../structure.ts'

interface AdditionalSalaryFields {
  employee: string
  organization: string
  amount: Decimal
  currency: string | null
  is_recurring: number
  payroll_date: string | null
  from_date: string | null
  to_date: string | null
}

/** Something beside the structure, for one period or for several. */
export default class AdditionalSalary extends Document<AdditionalSalaryFields> {
  async validate(ctx: Context): Promise<void> {
    if (this.amount.isZero()) throw new PayRefused({ field: 'amount', reason: 'it cannot be zero.' })
    if (this.is_recurring) this.payroll_date = null
    else [this.from_date, this.to_date] = [null, null]
    if (this.is_recurring && !this.from_date) throw new BadPayrollDates({ field: 'from_date', reason: 'it is needed.' })
    if (this.is_recurring && !this.to_date) throw new BadPayrollDates({ field: 'to_date', reason: 'it is needed.' })
    if (!this.is_recurring && !this.payroll_date) throw new BadPayrollDates({ field: 'payroll_date', reason: 'it is needed.' })
    checkOrder(this.from_date, this.to_date, 'to_date')
    const [field, day] = this.is_recurring ? ['to_date', this.to_date ?? ''] : ['payroll_date', this.payroll_date ?? '']
    const employee = await employeeFacts(ctx, this.employee)
    if (day < employee.date_of_joining)
      throw new BadPayrollDates({ field, reason: `${employee.employee_name} joins on ${employee.date_of_joining}.` })
    await this.checkCurrency(ctx, employee.employee_name, day)
  }

  private async checkCurrency(ctx: Context, person: string, day: string): Promise<void> {
    const sources = (await sourcesOf(ctx, [this.employee], day, day)).get(this.employee)
    const assignment = sources && assignmentAt(sources, day, day)
    if (!assignment) throw new NothingAssigned({ field: 'employee', employee: person, day })
    const structure = await structureNamed(ctx, assignment.structure)
    const wanted = structure?.currency ?? (await payrollRules(ctx, this.organization)).currency
    this.currency ||= wanted ?? null
    if (wanted && this.currency !== wanted) throw new CurrencyMismatch({ field: 'currency', currency: String(this.currency), wanted })
  }
}
