import { BadHours } from '#client/rules/payroll-errors.ts'
import type { Decimal } from '#client/rules/decimal.ts'
import { Document } from '#kernel/documents/document.ts'
import { PayRefused } from '../../errors.ts'

interface OvertimeTypeFields {
  overtime_calculation_method: string
  hourly_rate: Decimal
  applicable_salary_component: unknown[]
  standard_working_hours: number
  standard_multiplier: number
}

/** What an hour beyond the usual is worth. */
export default class OvertimeType extends Document<OvertimeTypeFields> {
  validate(): void {
    if (!(this.standard_multiplier > 0)) throw new BadHours({ field: 'standard_multiplier', reason: 'it is above zero.' })
    if (this.overtime_calculation_method === 'Fixed Hourly Rate') {
      if (this.hourly_rate.isZero()) throw new PayRefused({ field: 'hourly_rate', reason: 'it is needed.' })
      return
    }
    if (this.applicable_salary_component.length === 0)
      throw new PayRefused({ field: 'applicable_salary_component', reason: 'an hour’s worth is reckoned of at least one component.' })
    if (!(this.standard_working_hours > 0 && this.standard_working_hours <= 24))
      throw new BadHours({ field: 'standard_working_hours', reason: 'a day has up to 24 hours.' })
  }
}
