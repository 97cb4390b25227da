import { type ChildFields, Document } from '#kernel/documents/document.ts'
import { ValueRefused } from '../../errors.ts'

interface Hours extends ChildFields {
  day: string
  start_time: string
  end_time: string
}

export interface ProjectSettingsFields {
  organization: string
  working_hours: Hours[]
}

/** How an organization plans. */
export default class ProjectSettings extends Document<ProjectSettingsFields> {
  validate(): void {
    for (const [index, row] of this.working_hours.entries()) {
      // An end at or before the beginning is on the next day; only the first interval of a day may be crossed by another.
      const crosses = this.working_hours.some(
        (other, at) => at < index && other.day === row.day && other.start_time < end(row) && row.start_time < end(other),
      )
      if (crosses) throw new ValueRefused({ field: `working_hours[${index}].start_time`, reason: 'these hours are there already.' })
    }
  }
}

const end = ({ start_time, end_time }: Hours): string => (end_time > start_time ? end_time : '24:00:00.000000')
