import { Type } from 'typebox'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { toWire } from '#kernel/documents/wire.ts'
import { insert } from '#kernel/documents/save.ts'
import { checkedPerDocument, defineMethod } from '#kernel/methods/method.ts'
import { wireV1 } from '#kernel/methods/wire-v1.ts'
import { datetimeType } from '#kernel/fields/dates/date-types.ts'
import { NoEmployee } from '../errors.ts'
import { peopleOf } from '../shared/access.ts'
import { readableRows } from '../shared/rows.ts'

/** The button "I am here" and "I go": the server's clock counts. */
export const checkIn = defineMethod({
  path: 'orchestrator.hr.check_in',
  summary: 'The caller comes or goes now; answers with the check-in and the shift it belongs to.',
  verbs: ['POST'],
  input: Type.Object({
    log_type: Type.Union([Type.Literal('IN'), Type.Literal('OUT')]),
    latitude: Type.Optional(Type.Number()),
    longitude: Type.Optional(Type.Number()),
    device_id: Type.Optional(Type.String({ maxLength: 140 })),
  }),
  rule: checkedPerDocument('it makes a check-in of the caller with the caller’s rights'),
  handler: async (ctx, input) => {
    const [employee] = (await peopleOf(ctx, ctx.user.name)).own
    if (!employee) throw new NoEmployee({ field: 'employee' })
    return made(ctx, { ...input, employee, time: nowText(ctx) })
  },
})

/** What time clocks send: somebody's number, and when they passed. */
export const logFromDevice = defineMethod({
  path: 'hrms.hr.doctype.employee_checkin.employee_checkin.add_log_based_on_employee_field',
  summary: 'Makes a check-in for whoever has this number at time clocks. A log that is there already is answered with it, not doubled.',
  verbs: ['POST'],
  input: Type.Object({
    employee_field_value: Type.String({ minLength: 1, maxLength: 140 }),
    timestamp: Type.String(),
    device_id: Type.Optional(Type.String({ maxLength: 140 })),
    log_type: Type.Optional(Type.Union([Type.Literal('IN'), Type.Literal('OUT')])),
    skip_auto_attendance: Type.Optional(Type.Union([Type.Integer(), Type.Boolean()])),
  }),
  rule: checkedPerDocument('it makes a check-in with the caller’s rights'),
  handler: async (ctx, { employee_field_value: number, timestamp, skip_auto_attendance, ...rest }) => {
    const meta = await ctx.site.meta.get('Employee Checkin')
    const time = datetimeType.cast(timestamp, meta.column.get('time') as never, wireV1(ctx), 'timestamp')
    const [employee] = await readableRows(ctx, 'Employee', where('attendance_device_id', '=', number), { fields: ['name'], limit: 1 })
    if (!employee) throw new NoEmployee({ field: 'employee_field_value' })
    const same = and(where('employee', '=', employee.name), where('time', '=', time))
    const [twin] = await readableRows(ctx, 'Employee Checkin', same, { fields: ['name'], limit: 1 })
    if (twin) return { name: twin.name, employee: employee.name }
    return made(ctx, { ...rest, employee: employee.name, time, skip_auto_attendance: skip_auto_attendance ? 1 : 0 })
  },
})

async function made(ctx: Context, values: Record<string, unknown>): Promise<Record<string, unknown>> {
  return toWire(ctx, await insert(ctx, 'Employee Checkin', values), wireV1(ctx))
}
