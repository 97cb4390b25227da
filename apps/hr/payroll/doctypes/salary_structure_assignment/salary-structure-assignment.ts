import { Decimal } from '#client/rules/decimal.ts'
import { BadPayrollDates } from '#client/rules/payroll-errors.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { type ChildFields, Document } from '#kernel/documents/document.ts'
import { employeeFacts, rowOf, rowsOf } from '../../../shared/rows.ts'
import { CurrencyMismatch, PayRefused } from '../../errors.ts'
import { payrollRules } from '../../settings.ts'
import { structureNamed } from '../../structure.ts'

interface AssignmentFields {
  employee: string
  employee_name: string | null
  organization: string
  from_date: string
  salary_structure: string
  currency: string | null
  income_tax_slab: string | null
  payroll_cost_centers: ({ percentage: number } & ChildFields)[]
}

/** What somebody is paid from a day on. One with an earlier day may come later: slips that it changes are made up for by arrears. */
export default class SalaryStructureAssignment extends Document<AssignmentFields> {
  async validate(ctx: Context): Promise<void> {
    const employee = await employeeFacts(ctx, this.employee)
    if (this.from_date < employee.date_of_joining)
      throw new BadPayrollDates({ field: 'from_date', reason: `${employee.employee_name} joins on ${employee.date_of_joining}.` })
    if (employee.relieving_date && this.from_date > employee.relieving_date)
      throw new BadPayrollDates({ field: 'from_date', reason: `${employee.employee_name} leaves on ${employee.relieving_date}.` })
    await this.checkStructure(ctx)
    await this.checkOnly(ctx)
    const shares = this.payroll_cost_centers.reduce((sum, row) => sum.plus(row.percentage), Decimal.zero)
    if (this.payroll_cost_centers.length > 0 && !shares.equals(100))
      throw new PayRefused({ field: 'payroll_cost_centers', reason: `the shares sum to ${shares} and not to 100.` })
  }

  private async checkStructure(ctx: Context): Promise<void> {
    const row = await rowOf(ctx, 'Salary Structure', this.salary_structure, ['docstatus', 'is_active'])
    if (Number(row?.docstatus) !== 1 || row?.is_active === 'No')
      throw new PayRefused({ field: 'salary_structure', reason: 'it is not submitted, or no longer active.' })
    const structure = await structureNamed(ctx, this.salary_structure)
    this.currency = structure?.currency ?? (await payrollRules(ctx, this.organization)).currency ?? null
    if (!this.income_tax_slab) return
    const slab = await rowOf(ctx, 'Income Tax Slab', this.income_tax_slab, ['docstatus', 'disabled', 'currency'])
    if (Number(slab?.docstatus) !== 1 || slab?.disabled)
      throw new PayRefused({ field: 'income_tax_slab', reason: 'it is not submitted, or disabled.' })
    if (slab?.currency && this.currency && slab.currency !== this.currency)
      throw new CurrencyMismatch({ field: 'income_tax_slab', currency: String(slab.currency), wanted: this.currency })
    if (!structure?.lines.some(({ isTax }) => isTax))
      throw new PayRefused({ field: 'income_tax_slab', reason: 'the structure has no component that is the income tax.' })
  }

  private async checkOnly(ctx: Context): Promise<void> {
    const [other] = await rowsOf(
      ctx,
      'Salary Structure Assignment',
      and(
        where('employee', '=', this.employee),
        where('from_date', '=', this.from_date),
        where('docstatus', '=', 1),
        where('name', '!=', this.name ?? ''),
      ),
      { fields: ['name'], limit: 1 },
    )
    if (other) throw new PayRefused({ field: 'from_date', reason: `${other.name} begins on the same day.` })
  }
}
