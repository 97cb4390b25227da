import { payNames, readFormula } from '#client/rules/payroll-formula.ts'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { PayRefused } from '../../errors.ts'

interface SalaryComponentFields {
  salary_component: string
  salary_component_abbr: string
  type: 'Earning' | 'Deduction'
  condition: string | null
  amount_based_on_formula: number
  formula: string | null
  is_tax_applicable: number
  exempted_from_income_tax: number
  variable_based_on_taxable_salary: number
}

const nameShape = /^[A-Za-z_][A-Za-z0-9_]*$/

/** A part of pay. Its short name is a name in formulas, so it has to look like one. */
export default class SalaryComponent extends Document<SalaryComponentFields> {
  validate(_ctx: Context, { before }: { before?: SalaryComponentFields } = {}): void {
    const field = 'salary_component_abbr'
    if (!nameShape.test(this.salary_component_abbr))
      throw new PayRefused({ field, reason: 'it is made of letters, digits and _, and begins with a letter.' })
    if (payNames.has(this.salary_component_abbr) || ['gross_pay', 'paid'].includes(this.salary_component_abbr))
      throw new PayRefused({ field, reason: `“${this.salary_component_abbr}” already stands for something else.` })
    if (before && before.type !== this.type) throw new PayRefused({ field: 'type', reason: 'what it is stays the same: slips name it.' })
    if (before && before.salary_component_abbr !== this.salary_component_abbr)
      throw new PayRefused({ field, reason: 'it stays the same: formulas name it.' })
    if (this.condition) readFormula(this.condition, 'condition')
    if (this.amount_based_on_formula && this.formula) readFormula(this.formula, 'formula')
    if (this.type === 'Deduction') this.is_tax_applicable = 0
    else {
      this.exempted_from_income_tax = 0
      this.variable_based_on_taxable_salary = 0
    }
  }
}
