import { addDays, weekday } from '#client/rules/dates.ts'
import type { Context } from '#kernel/context/context.ts'
import { assignValues, documentForm } from '#kernel/documents/cast.ts'
import { type AnyDocument, type ChildFields, Document } from '#kernel/documents/document.ts'
import { ValueRefused } from '../../../errors.ts'
import { checkOrder } from '../../../shared/rows.ts'

interface HolidayRow extends ChildFields {
  holiday_date: string
  description: string
  weekly_off: 0 | 1
  half_day: 0 | 1
  is_optional: 0 | 1
}

interface HolidayListFields {
  from_date: string
  to_date: string
  weekly_off: string | null
  total_holidays: number
  holidays: HolidayRow[]
}

const names = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']
/** A list is a year's, or a few years'. */
const mostDays = 3_700

/** The days on which a group of people does not work. */
export default class HolidayList extends Document<HolidayListFields> {
  async validate(ctx: Context): Promise<void> {
    checkOrder(this.from_date, this.to_date, 'to_date')
    if (addDays(this.from_date, mostDays) < this.to_date)
      throw new ValueRefused({ field: 'to_date', reason: 'a list holds ten years at most.' })
    if (this.weekly_off) await this.addDaysOff(ctx, names.indexOf(this.weekly_off) + 1)
    const seen = new Set<string>()
    for (const [index, { holiday_date: day }] of this.holidays.entries()) {
      const field = `holidays[${index}].holiday_date`
      if (day < this.from_date || day > this.to_date) throw new ValueRefused({ field, reason: `${day} lies outside the list's time.` })
      if (seen.has(day)) throw new ValueRefused({ field, reason: `${day} stands there twice.` })
      seen.add(day)
    }
    this.total_holidays = this.holidays.length
  }

  /** Adds one day of each week; a holiday that is there already stays what it is. */
  private async addDaysOff(ctx: Context, isoWeekday: number): Promise<void> {
    const there = new Set(this.holidays.map((row) => row.holiday_date))
    const added: Record<string, unknown>[] = []
    const first = addDays(this.from_date, (isoWeekday - weekday(this.from_date) + 7) % 7)
    for (let day = first; day <= this.to_date; day = addDays(day, 7))
      if (!there.has(day)) added.push({ holiday_date: day, description: this.weekly_off, weekly_off: 1 })
    const rows = [...(this.holidays as unknown as Record<string, unknown>[]), ...added].sort((a, b) =>
      String(a.holiday_date) < String(b.holiday_date) ? -1 : 1,
    )
    await assignValues(ctx, await ctx.site.meta.get('Holiday List'), this as unknown as AnyDocument, { holidays: rows }, documentForm)
    this.weekly_off = null
  }
}
