import { defineError } from '#client/rules/errors.ts'
import { isTimeZone } from '#client/rules/time-zone.ts'
import { Document } from '#kernel/documents/document.ts'

export const TimeZoneUnknown = defineError<{ value: string; field: string }>({
  code: 'core/time-zone-unknown',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `"${d.value}" is not the name of a time zone, such as Europe/Berlin.`,
})

/** What holds for the whole site. */
export default class SystemSettings extends Document<{ time_zone: string | null }> {
  validate(): void {
    if (this.time_zone && !isTimeZone(this.time_zone)) throw new TimeZoneUnknown({ value: this.time_zone, field: 'time_zone' })
  }
}
