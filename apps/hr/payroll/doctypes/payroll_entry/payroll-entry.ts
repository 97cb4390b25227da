import { Type } from 'typebox'
import type { Context } from '#kernel/context/context.ts'
import { and, where } from '#client/rules/predicate.ts'
import { type AnyDocument, type ChildFields, Document } from '#kernel/documents/document.ts'
import { load } from '#kernel/documents/load.ts'
import { discard, save } from '#kernel/documents/save.ts'
import { defineDocumentMethod } from '#kernel/methods/method.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { checkOrder, rowsOf } from '../../../shared/rows.ts'
import { noteCancelled } from '../../access.ts'
import { ExchangeRateNeeded, PayRefused } from '../../errors.ts'
import { payrollRules } from '../../settings.ts'
import { checkAttendance, whomToPay } from '../../whom-to-pay.ts'

export interface PayrollEntryFields {
  title: string | null
  organization: string
  posting_date: string
  currency: string
  exchange_rate: number
  status: 'Draft' | 'Queued' | 'Created' | 'Submitted' | 'Failed' | 'Cancelled'
  payroll_frequency: string | null
  salary_slip_based_on_timesheet: number
  start_date: string
  end_date: string
  branch: string | null
  department: string | null
  designation: string | null
  grade: string | null
  validate_attendance: number
  number_of_employees: number
  employees: ({ employee: string; salary_slip: string | null; problem: string | null } & ChildFields)[]
}

/** Pays a group of people. Submitting it makes their slips in the background; they are submitted by a second step. */
export default class PayrollEntry extends Document<PayrollEntryFields> {
  async validate(ctx: Context): Promise<void> {
    checkOrder(this.start_date, this.end_date, 'end_date')
    const seen = new Set<string>()
    for (const [index, { employee }] of this.employees.entries()) {
      if (seen.has(employee)) throw new PayRefused({ field: `employees[${index}].employee`, reason: 'this person is there twice.' })
      seen.add(employee)
    }
    this.number_of_employees = this.employees.length
    this.title = `${this.start_date} – ${this.end_date}`
    const own = (await payrollRules(ctx, this.organization)).currency
    if (own && own === this.currency) this.exchange_rate = 1
    else if (!(this.exchange_rate > 0)) throw new ExchangeRateNeeded({ field: 'exchange_rate', from: this.currency, to: own ?? '' })
  }

  async before_submit(ctx: Context): Promise<void> {
    if (this.employees.length === 0) throw new PayRefused({ field: 'employees', reason: 'there is nobody to pay.' })
    if (this.validate_attendance) await checkAttendance(ctx, this)
    this.status = 'Queued'
  }

  async on_submit(ctx: Context): Promise<void> {
    await enqueue(ctx, 'hr.make-salary-slips', { payroll_entry: this.name }, { idempotencyKey: `make ${this.name}` })
  }

  async on_cancel(ctx: Context): Promise<void> {
    await noteCancelled(ctx, this)
    // Slips that are submitted keep the entry from being cancelled: each is taken back by itself, with what the books made of it.
    const meta = await ctx.site.meta.get('Salary Slip')
    const drafts = await rowsOf(ctx, meta.name, and(where('payroll_entry', '=', this.name), where('docstatus', '=', 0)), {
      fields: ['name'],
    })
    for (const { name } of drafts) await discard(ctx, await load(ctx, meta, name, true))
  }
}

async function fill(ctx: Context, document: AnyDocument): Promise<{ number_of_employees: number }> {
  const people = await whomToPay(ctx, document as unknown as PayrollEntry)
  const saved = await save(ctx, document, { employees: people.map((employee) => ({ employee })) })
  return { number_of_employees: Number(saved.number_of_employees) }
}

async function submitSlips(ctx: Context, document: AnyDocument): Promise<{ job: string }> {
  if (document.docstatus !== 1) throw new PayRefused({ field: 'docstatus', reason: 'the entry itself is submitted first.' })
  const { id } = await enqueue(ctx, 'hr.submit-salary-slips', { payroll_entry: document.name }, { key: String(document.name) })
  return { job: id }
}

async function retry(ctx: Context, document: AnyDocument): Promise<{ job: string }> {
  if (document.docstatus !== 1) throw new PayRefused({ field: 'docstatus', reason: 'the entry itself is submitted first.' })
  const { id } = await enqueue(ctx, 'hr.make-salary-slips', { payroll_entry: document.name }, { key: String(document.name) })
  return { job: id }
}

export const documentMethods = [
  defineDocumentMethod({
    verb: 'fill_employee_details',
    doctype: 'Payroll Entry',
    summary: 'Puts in everybody who is paid so often and in this currency, works in these places, and has no slip for these days.',
    input: Type.Object({}),
    needs: 'write',
    handler: (ctx, document) => fill(ctx, document),
  }),
  defineDocumentMethod({
    verb: 'create_salary_slips',
    doctype: 'Payroll Entry',
    summary: 'Makes the slips that are missing, once more: for those whose problem has been solved.',
    input: Type.Object({}),
    needs: 'submit',
    handler: (ctx, document) => retry(ctx, document),
  }),
  defineDocumentMethod({
    verb: 'submit_salary_slips',
    doctype: 'Payroll Entry',
    summary: 'Submits the slips of the entry in the background.',
    input: Type.Object({}),
    needs: 'submit',
    handler: (ctx, document) => submitSlips(ctx, document),
  }),
]
