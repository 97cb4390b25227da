import { and, or, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { rowsOf } from '../shared/rows.ts'
import type PayrollEntry from './doctypes/payroll_entry/payroll-entry.ts'
import { AttendanceIncomplete } from './errors.ts'
import { paymentDays } from '#client/rules/payroll-days.ts'
import { payrollRules } from './settings.ts'
import { assignmentAt, sourcesOf } from './sources.ts'
import { structureNamed } from './structure.ts'

/** Employees that are read at once. */
const atOnce = 500

/** The employees that an entry means and that have no slip for its days yet, in the order of their names. */
export async function whomToPay(ctx: Context, entry: PayrollEntry): Promise<string[]> {
  const { currency } = await payrollRules(ctx, entry.organization)
  const places = (['branch', 'department', 'designation', 'grade'] as const).flatMap((field) =>
    entry[field] ? [where(field, '=', entry[field])] : [],
  )
  const people = await rowsOf(
    ctx,
    'Employee',
    and(
      where('organization', '=', entry.organization),
      where('date_of_joining', '<=', entry.end_date),
      or({ field: 'relieving_date', op: 'not set' }, where('relieving_date', '>=', entry.start_date)),
      where('status', 'in', ['Active', 'Left']),
      ...places,
    ),
    { fields: ['name'], orderBy: [['name', 'asc']] },
  )
  const paid = await rowsOf(
    ctx,
    'Salary Slip',
    and(
      where('organization', '=', entry.organization),
      where('docstatus', '<', 2),
      where('start_date', '<=', entry.end_date),
      where('end_date', '>=', entry.start_date),
    ),
    { fields: ['employee'] },
  )
  const done = new Set(paid.map(({ employee }) => employee))
  const open = people.map(({ name }) => name).filter((name) => !done.has(name))
  const found: string[] = []
  for (let start = 0; start < open.length; start += atOnce) {
    const names = open.slice(start, start + atOnce)
    const sources = await sourcesOf(ctx, names, entry.start_date, entry.end_date)
    for (const name of names) {
      const one = sources.get(name)
      const assignment = one && assignmentAt(one, entry.start_date, entry.end_date)
      const structure = assignment && (await structureNamed(ctx, assignment.structure))
      if (!structure || (structure.currency ?? currency) !== entry.currency) continue
      const isSo = entry.salary_slip_based_on_timesheet
        ? structure.byTimesheet
        : !structure.byTimesheet && structure.frequency === entry.payroll_frequency
      if (isSo) found.push(name)
    }
  }
  return found
}

/** That nobody of an entry lacks attendance. @throws AttendanceIncomplete */
export async function checkAttendance(ctx: Context, entry: PayrollEntry): Promise<void> {
  const rules = await payrollRules(ctx, entry.organization)
  const names = entry.employees.map(({ employee }) => employee)
  for (let start = 0; start < names.length; start += atOnce) {
    const sources = await sourcesOf(ctx, names.slice(start, start + atOnce), entry.start_date, entry.end_date)
    for (const [index, name] of names.slice(start, start + atOnce).entries()) {
      const one = sources.get(name)
      if (!one) continue
      const { unmarkedDays } = paymentDays(
        {
          ...one,
          start: entry.start_date,
          end: entry.end_date,
          joining: String(one.employee.date_of_joining),
          relieving: one.employee.relieving_date ? String(one.employee.relieving_date) : undefined,
        },
        { ...rules.days, basedOn: 'Attendance' },
      )
      if (unmarkedDays > 0)
        throw new AttendanceIncomplete({
          field: `employees[${start + index}].employee`,
          employee: String(one.employee.employee_name),
          days: unmarkedDays,
        })
    }
  }
}
