import { and, where } from '#client/rules/predicate.ts'
import { addMinutes, utcToZone } from '#client/rules/time-zone.ts'
import { windowOf } from '#client/rules/hr-checkins.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { Document } from '#kernel/documents/document.ts'
import { Overlapping, ValueRefused } from '../../../errors.ts'
import { zoneOf } from '../../../shared/organization.ts'
import { checkEmployed, employeeFacts, rowsOf } from '../../../shared/rows.ts'
import { windowsAround } from '../../shifts.ts'

interface CheckinFields {
  employee: string
  organization: string
  log_type: 'IN' | 'OUT' | '' | null
  time: string
  attendance: string | null
  shift: string | null
  shift_start: string | null
  shift_end: string | null
  shift_actual_start: string | null
  shift_actual_end: string | null
  offshift: 0 | 1
  latitude: number
  longitude: number
}

/** Minutes by which a clock may be fast. */
const fastMinutes = 5
const fixed = ['employee', 'time', 'log_type'] as const

/** Somebody came or went. What has become attendance stays as it is. */
export default class EmployeeCheckin extends Document<CheckinFields> {
  async validate(ctx: Context, { before }: { before?: CheckinFields } = {}): Promise<void> {
    if (before?.attendance)
      for (const field of fixed)
        if (this[field] !== before[field]) throw new ValueRefused({ field, reason: 'attendance has been made of this check-in.' })
    if (!ctx.user.unrestricted) this.attendance = before?.attendance ?? null
    if (this.time > addMinutes(nowText(ctx), fastMinutes)) throw new ValueRefused({ field: 'time', reason: 'it lies in the future.' })
    for (const [field, most] of [
      ['latitude', 90],
      ['longitude', 180],
    ] as const)
      if (Math.abs(this[field] ?? 0) > most) throw new ValueRefused({ field, reason: `it lies between -${most} and ${most}.` })
    const [twin] = await rowsOf(
      ctx,
      'Employee Checkin',
      and(where('employee', '=', this.employee), where('time', '=', this.time), where('name', '!=', this.name ?? '')),
      { fields: ['name'], limit: 1 },
    )
    if (twin) throw new Overlapping({ field: 'time', doctype: 'Employee Checkin', other: twin.name })
    const employee = await employeeFacts(ctx, this.employee)
    const day = utcToZone(this.time, await zoneOf(ctx, employee.organization)).slice(0, 10)
    checkEmployed(employee, day, day, ['time', 'time'])
    if (before?.attendance) return
    const window = windowOf(this.time, await windowsAround(ctx, employee, day))
    this.shift = window?.shift ?? null
    this.shift_start = window?.start ?? null
    this.shift_end = window?.end ?? null
    this.shift_actual_start = window?.from ?? null
    this.shift_actual_end = window?.until ?? null
    this.offshift = window ? 0 : 1
  }
}
