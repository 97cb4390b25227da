import { Document } from '#kernel/documents/document.ts'
import { PayRefused } from '../../errors.ts'

interface SettingsFields {
  daily_wages_fraction_for_half_day: number
  arrears_look_back_months: number
}

/** How an organization reckons pay; there is one for each. */
export default class PayrollSettings extends Document<SettingsFields> {
  validate(): void {
    if (this.daily_wages_fraction_for_half_day > 1)
      throw new PayRefused({ field: 'daily_wages_fraction_for_half_day', reason: 'it is from 0 to 1.' })
    if (this.arrears_look_back_months > 60) throw new PayRefused({ field: 'arrears_look_back_months', reason: 'it is at most 60.' })
  }
}
