import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { cancel, insert, openForWrite } from '#kernel/documents/save.ts'
import { NotDecided } from '../../../errors.ts'
import { checkDecider } from '../../../shared/decide.ts'
import { checkEmployed, checkOrder, employeeFacts, rowOf, rowsOf } from '../../../shared/rows.ts'

interface RequestFields {
  employee: string
  organization: string
  shift_type: string
  status: 'Draft' | 'Approved' | 'Rejected'
  from_date: string
  to_date: string | null
  approver: string | null
}

/** Somebody asks for a shift; approved, it is assigned. */
export default class ShiftRequest extends Document<RequestFields> {
  async validate(ctx: Context, { before }: { before?: RequestFields } = {}): Promise<void> {
    checkOrder(this.from_date, this.to_date, 'to_date')
    const employee = await employeeFacts(ctx, this.employee)
    checkEmployed(employee, this.from_date, this.to_date ?? this.from_date, ['from_date', 'to_date'])
    const lead = employee.reports_to ? await rowOf(ctx, 'Employee', employee.reports_to, ['user_id']) : undefined
    this.approver ||= employee.shift_request_approver ?? (lead?.user_id as string | null | undefined) ?? null
    if (this.status !== (before?.status ?? 'Draft'))
      await checkDecider(ctx, this.employee, [before?.approver ?? this.approver], ['Shift Manager'])
  }

  before_submit(): void {
    if (this.status === 'Draft') throw new NotDecided({ field: 'status', doctype: 'Shift Request' })
  }

  async on_submit(ctx: Context): Promise<void> {
    if (this.status !== 'Approved') return
    await insert(ctx.asSystem('an approved request assigns the shift'), 'Shift Assignment', {
      employee: this.employee,
      organization: this.organization,
      shift_type: this.shift_type,
      start_date: this.from_date,
      end_date: this.to_date,
      shift_request: this.name,
      docstatus: 1,
    })
  }

  async before_cancel(ctx: Context): Promise<void> {
    const system = ctx.asSystem('a request that is taken back takes its assignment along')
    for (const row of await rowsOf(
      ctx,
      'Shift Assignment',
      { all: [where('shift_request', '=', this.name), where('docstatus', '=', 1)] },
      { fields: ['name'] },
    ))
      await cancel(system, await openForWrite(system, 'Shift Assignment', row.name))
  }
}
