import type { Context } from '#kernel/context/context.ts'
import { type ChildFields, Document } from '#kernel/documents/document.ts'
import { PayRefused } from '../../errors.ts'
import { type Component, componentsNamed, type DetailRow, orderedLines } from '../../structure.ts'

interface StructureFields {
  organization: string
  salary_slip_based_on_timesheet: number
  salary_component: string | null
  payroll_frequency: string | null
  earnings: (DetailRow & ChildFields)[]
  deductions: (DetailRow & ChildFields)[]
}

/** How pay is made up. A line that says nothing itself takes condition, formula or amount from its component. */
export default class SalaryStructure extends Document<StructureFields> {
  async validate(ctx: Context): Promise<void> {
    const rows = [...this.earnings, ...this.deductions]
    const components = await componentsNamed(
      ctx,
      rows.map(({ salary_component }) => salary_component),
    )
    if (rows.length === 0 && !this.salary_slip_based_on_timesheet)
      throw new PayRefused({ field: 'earnings', reason: 'a structure has at least one line.' })
    if (!this.salary_slip_based_on_timesheet && !this.payroll_frequency)
      throw new PayRefused({ field: 'payroll_frequency', reason: 'it is needed.' })
    fill(this.earnings, components, 'Earning', 'earnings')
    fill(this.deductions, components, 'Deduction', 'deductions')
    await orderedLines(ctx, this.earnings, this.deductions)
  }
}

function fill(
  rows: readonly (DetailRow & ChildFields)[],
  components: ReadonlyMap<string, Component>,
  kind: Component['kind'],
  table: string,
): void {
  for (const [index, row] of rows.entries()) {
    const component = components.get(row.salary_component)
    if (!component) continue
    if (component.kind !== kind)
      throw new PayRefused({ field: `${table}[${index}].salary_component`, reason: `it is a ${component.kind.toLowerCase()}.` })
    if (row.amount.isNegative()) throw new PayRefused({ field: `${table}[${index}].amount`, reason: 'it cannot be negative.' })
    row.abbr = component.abbr
    row.condition ||= component.condition
    const isSilent = !row.amount_based_on_formula && !row.formula && row.amount.isZero()
    if (isSilent && component.formula) {
      row.amount_based_on_formula = 1
      row.formula = component.formula
    } else if (isSilent) row.amount = row.amount.plus(component.fixed)
    if (row.amount_based_on_formula && !row.formula) throw new PayRefused({ field: `${table}[${index}].formula`, reason: 'it is needed.' })
  }
}
