import { Type } from 'typebox'
import { Document } from '#kernel/documents/document.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { defineDocumentMethod } from '#kernel/methods/method.ts'
import { ValueRefused } from '../../../errors.ts'

interface ShiftTypeFields {
  start_time: string
  end_time: string
  working_hours_threshold_for_half_day: number
  working_hours_threshold_for_absent: number
  break_minutes: number
}

/** When a shift begins and ends. One that ends where it begins lasts a whole day. */
export default class ShiftType extends Document<ShiftTypeFields> {
  validate(): void {
    const { working_hours_threshold_for_absent: absent, working_hours_threshold_for_half_day: half } = this
    if (absent > 0 && half > 0 && absent > half)
      throw new ValueRefused({ field: 'working_hours_threshold_for_absent', reason: 'it is not above the hours for half a day.' })
    for (const field of ['working_hours_threshold_for_absent', 'working_hours_threshold_for_half_day'] as const)
      if (this[field] > 24) throw new ValueRefused({ field, reason: 'a day has 24 hours.' })
    if (this.break_minutes >= 1440) throw new ValueRefused({ field: 'break_minutes', reason: 'a break is shorter than a day.' })
  }
}

export const documentMethods = [
  defineDocumentMethod({
    verb: 'process_auto_attendance',
    doctype: 'Shift Type',
    summary: 'Reads attendance from the check-ins of this shift now; answers with the id of the job.',
    input: Type.Object({}),
    needs: 'write',
    handler: async (ctx, document) => ({ job: await enqueue(ctx, 'hr.mark-attendance', { shift_type: document.name }) }),
  }),
]
