import { and, type Predicate, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { demand } from '#kernel/permissions/grants.ts'
import { type FindOptions, type FoundRow, findRows } from '#kernel/query/find-rows.ts'
import { DatesOutOfOrder, NoEmployee, NotEmployedThen } from '../errors.ts'

/** Rows of a DocType for the rules of this app: no permission is asked. */
export async function rowsOf(ctx: Context, doctype: string, predicate: Predicate, options: FindOptions = {}): Promise<FoundRow[]> {
  return findRows(ctx, await ctx.site.meta.get(doctype), predicate, options)
}

/** Rows that the caller may read. @throws PermissionDenied where there are none that they could */
export async function readableRows(ctx: Context, doctype: string, predicate: Predicate, options: FindOptions = {}): Promise<FoundRow[]> {
  const grant = await demand(ctx, 'read', doctype)
  return rowsOf(ctx, doctype, and(grant.rows, predicate), options)
}

/** One row by name. */
export async function rowOf(ctx: Context, doctype: string, name: string, fields?: readonly string[]): Promise<FoundRow | undefined> {
  return (await rowsOf(ctx, doctype, where('name', '=', name), { ...(fields && { fields }), limit: 1 }))[0]
}

/** Dates of which the second is not before the first; an open end lies after everything. @throws DatesOutOfOrder with the second's field */
export function checkOrder(from: string | null, to: string | null, field: string): void {
  if (from && to && to < from) throw new DatesOutOfOrder({ field, from, to })
}

/** The employee as rules see them. */
export interface EmployeeFacts {
  readonly name: string
  readonly employee_name: string
  readonly organization: string
  readonly status: string
  readonly date_of_joining: string
  readonly relieving_date: string | null
  readonly department: string | null
  readonly branch: string | null
  readonly holiday_list: string | null
  readonly default_shift: string | null
  readonly reports_to: string | null
  readonly leave_approver: string | null
  readonly shift_request_approver: string | null
  readonly user_id: string | null
}

const employeeFields = [
  'name',
  'employee_name',
  'organization',
  'status',
  'date_of_joining',
  'relieving_date',
  'department',
  'branch',
  'holiday_list',
  'default_shift',
  'reports_to',
  'leave_approver',
  'shift_request_approver',
  'user_id',
] as const

/** Reads an employee, whoever asks. @throws NoEmployee */
export async function employeeFacts(ctx: Context, name: string): Promise<EmployeeFacts> {
  const row = await rowOf(ctx, 'Employee', name, employeeFields)
  if (!row) throw new NoEmployee({ field: 'employee' })
  return row as unknown as EmployeeFacts
}

/** Employees that meet a condition. */
export async function employeesWhere(ctx: Context, ...conditions: Predicate[]): Promise<EmployeeFacts[]> {
  return (await rowsOf(ctx, 'Employee', and(...conditions), { fields: employeeFields })) as unknown as EmployeeFacts[]
}

/** That somebody is employed from one day to another. @throws NotEmployedThen */
export function checkEmployed(employee: EmployeeFacts, from: string, to: string, fields: readonly [from: string, to: string]): void {
  const refuse = (field: string, day: string): never => {
    throw new NotEmployedThen({ field, employee: employee.employee_name, day })
  }
  if (from < employee.date_of_joining) refuse(fields[0], from)
  if (employee.relieving_date && to > employee.relieving_date) refuse(fields[1], to)
}

/** Condition: the days `from`–`to` of a row (an empty end is open) touch these days. */
export function touches(from: string, to: string | null, fields: readonly [from: string, to: string]): Predicate {
  const [first, last] = fields
  return and(...(to ? [where(first, '<=', to)] : []), { any: [where(last, '>=', from), { field: last, op: 'not set' as const }] })
}
