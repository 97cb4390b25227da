import { Type } from 'typebox'
import { Decimal } from '#client/rules/decimal.ts'
import { BadHours, BadPayrollDates } from '#client/rules/payroll-errors.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { type AnyDocument, type ChildFields, Document } from '#kernel/documents/document.ts'
import { save } from '#kernel/documents/save.ts'
import { defineDocumentMethod } from '#kernel/methods/method.ts'
import { checkOrder, rowsOf } from '../../../shared/rows.ts'
import { noteCancelled } from '../../access.ts'

interface OvertimeRow extends ChildFields {
  date: string
  overtime_type: string
  overtime_duration: number
}

interface OvertimeSlipFields {
  employee: string
  start_date: string
  end_date: string
  status: 'Draft' | 'Submitted' | 'Paid' | 'Cancelled'
  overtime_details: OvertimeRow[]
  total_overtime_duration: number
}

/** Hours beyond the usual. The next salary slip pays them; a day is told by one slip only. */
export default class OvertimeSlip extends Document<OvertimeSlipFields> {
  async validate(ctx: Context): Promise<void> {
    checkOrder(this.start_date, this.end_date, 'end_date')
    const days = new Map<string, Decimal>()
    for (const [index, row] of this.overtime_details.entries()) {
      const field = (name: string) => `overtime_details[${index}].${name}`
      if (row.date < this.start_date || row.date > this.end_date)
        throw new BadPayrollDates({ field: field('date'), reason: 'it lies outside the period.' })
      const hours = (days.get(row.date) ?? Decimal.zero).plus(row.overtime_duration)
      if (!(row.overtime_duration > 0) || hours.compare(24) > 0)
        throw new BadHours({ field: field('overtime_duration'), reason: 'a day has more than 0 and up to 24 hours.' })
      days.set(row.date, hours)
    }
    this.total_overtime_duration = [...days.values()].reduce((sum, hours) => sum.plus(hours), Decimal.zero).toNumber()
    this.status = this.docstatus === 1 ? 'Submitted' : 'Draft'
    await this.checkOnly(ctx)
  }

  async on_cancel(ctx: Context): Promise<void> {
    await noteCancelled(ctx, this)
  }

  private async checkOnly(ctx: Context): Promise<void> {
    const [other] = await rowsOf(
      ctx,
      'Overtime Slip',
      and(
        where('employee', '=', this.employee),
        where('docstatus', '<', 2),
        where('start_date', '<=', this.end_date),
        where('end_date', '>=', this.start_date),
        where('name', '!=', this.name ?? ''),
      ),
      { fields: ['name'], limit: 1 },
    )
    if (other) throw new BadPayrollDates({ field: 'start_date', reason: `${other.name} is about the same days.` })
  }
}

/** Takes the hours beyond the shift from attendance, in place of the rows there are. */
async function fromAttendance(ctx: Context, document: AnyDocument, overtimeType: string): Promise<{ hours: number }> {
  const marks = await rowsOf(
    ctx,
    'Attendance',
    and(
      where('employee', '=', document.employee),
      where('docstatus', '=', 1),
      where('overtime_hours', '>', 0),
      where('attendance_date', '>=', document.start_date),
      where('attendance_date', '<=', document.end_date),
    ),
    { fields: ['name', 'attendance_date', 'overtime_hours'], orderBy: [['attendance_date', 'asc']] },
  )
  const overtime_details = marks.map((mark) => ({
    date: mark.attendance_date,
    overtime_type: overtimeType,
    overtime_duration: mark.overtime_hours,
    reference_document: mark.name,
  }))
  const saved = await save(ctx, document, { overtime_details })
  return { hours: Number(saved.total_overtime_duration) }
}

export const documentMethods = [
  defineDocumentMethod({
    verb: 'from_attendance',
    doctype: 'Overtime Slip',
    summary: 'Takes the hours beyond the shift from attendance.',
    input: Type.Object({ overtime_type: Type.String({ minLength: 1, maxLength: 140 }) }),
    needs: 'write',
    handler: (ctx, document, { overtime_type }) => fromAttendance(ctx, document, overtime_type),
  }),
]
