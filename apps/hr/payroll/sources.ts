import type { Decimal } from '#client/rules/decimal.ts'
import type { AttendanceMark, LeaveSpan, UnpaidLeave } from '#client/rules/payroll-days.ts'
import { and, or, type Predicate, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import type { FoundRow } from '#kernel/query/find-rows.ts'
import { rowsOf } from '../shared/rows.ts'
import { daysOffOf } from './days-off.ts'

/** What somebody is paid from a day on. */
export interface Assignment {
  readonly name: string
  readonly from: string
  readonly structure: string
  readonly slab: string | undefined
  readonly base: Decimal
  readonly variable: Decimal
  readonly payableAccount: string | undefined
  readonly costCenters: readonly { readonly costCenter: string; readonly percentage: number }[]
  readonly earnedBefore: Decimal
  readonly withheldBefore: Decimal
}

/** Everything in the records that decides what somebody is paid for a period, but for the year so far. */
export interface Sources {
  readonly employee: FoundRow
  readonly holidays: ReadonlySet<string>
  readonly leaves: readonly LeaveSpan[]
  readonly attendance: readonly AttendanceMark[]
  /** The latest first. */
  readonly assignments: readonly Assignment[]
  readonly additional: readonly FoundRow[]
}

/** The assignment that holds at the end of a period; whoever leaves before is paid by the one of the last day. */
export function assignmentAt(sources: Sources, start: string, end: string): Assignment | undefined {
  return sources.assignments.find(({ from }) => from <= end) ?? sources.assignments.find(({ from }) => from <= start)
}

/** Reads the records of some employees for a period, in a fixed number of statements. Unknown names are missing. */
export async function sourcesOf(
  ctx: Context,
  employees: readonly string[],
  start: string,
  end: string,
  { lock = false } = {},
): Promise<ReadonlyMap<string, Sources>> {
  const theirs = where('employee', 'in', employees)
  const submitted = where('docstatus', '=', 1)
  const touching = and(where('from_date', '<=', end), where('to_date', '>=', start))
  const people = await rowsOf(ctx, 'Employee', where('name', 'in', employees), { lock })
  const leaves = await rowsOf(ctx, 'Leave Application', and(theirs, submitted, where('status', '=', 'Approved'), touching), {
    fields: ['employee', 'leave_type', 'from_date', 'to_date', 'half_day', 'half_day_date'],
  })
  const marks = await rowsOf(
    ctx,
    'Attendance',
    and(theirs, submitted, where('attendance_date', '>=', start), where('attendance_date', '<=', end)),
    { fields: ['employee', 'attendance_date', 'status', 'half_day_status', 'leave_type'] },
  )
  const kinds = await leaveKinds(ctx, [...leaves, ...marks])
  const assigned = await rowsOf(ctx, 'Salary Structure Assignment', and(theirs, submitted, where('from_date', '<=', end)), {
    orderBy: [['from_date', 'desc']],
  })
  const centers = await rowsOf(
    ctx,
    'Employee Cost Center',
    and(
      where('parenttype', '=', 'Salary Structure Assignment'),
      where(
        'parent',
        'in',
        assigned.map(({ name }) => name),
      ),
    ),
    { orderBy: [['idx', 'asc']] },
  )
  const additional = await rowsOf(ctx, 'Additional Salary', and(theirs, submitted, where('disabled', '=', 0), additionalIn(start, end)), {
    orderBy: [['creation', 'asc']],
  })
  const holidays = await daysOffOf(ctx, people, start, end)
  const byEmployee = <T extends FoundRow>(rows: readonly T[]) => Map.groupBy(rows, (row) => String(row.employee))
  const [leavesOf, marksOf, assignedTo, addedTo] = [byEmployee(leaves), byEmployee(marks), byEmployee(assigned), byEmployee(additional)]
  return new Map(
    people.map((employee) => [
      employee.name,
      {
        employee,
        holidays: holidays.get(employee.name) ?? new Set<string>(),
        leaves: (leavesOf.get(employee.name) ?? []).flatMap((row) => spanOf(row, kinds)),
        attendance: (marksOf.get(employee.name) ?? []).map((row) => markOf(row, kinds)),
        assignments: (assignedTo.get(employee.name) ?? []).map((row) => assignmentOf(row, centers)),
        additional: addedTo.get(employee.name) ?? [],
      },
    ]),
  )
}

function additionalIn(start: string, end: string): Predicate {
  return or(
    and(where('is_recurring', '=', 0), where('payroll_date', '>=', start), where('payroll_date', '<=', end)),
    and(where('is_recurring', '=', 1), where('from_date', '<=', end), where('to_date', '>=', start)),
  )
}

async function leaveKinds(ctx: Context, rows: readonly FoundRow[]): Promise<ReadonlyMap<string, UnpaidLeave>> {
  const names = [...new Set(rows.map((row) => row.leave_type).filter((name) => typeof name === 'string' && name !== ''))]
  if (names.length === 0) return new Map()
  const kinds = await rowsOf(ctx, 'Leave Type', where('name', 'in', names), {
    fields: ['name', 'is_lwp', 'is_ppl', 'fraction_of_daily_salary_per_leave', 'include_holiday'],
  })
  return new Map(
    kinds.map((kind) => [
      kind.name,
      {
        isUnpaid: Boolean(kind.is_lwp),
        paidFraction: kind.is_ppl ? Number(kind.fraction_of_daily_salary_per_leave) : undefined,
        includesHolidays: Boolean(kind.include_holiday),
      },
    ]),
  )
}

function spanOf(row: FoundRow, kinds: ReadonlyMap<string, UnpaidLeave>): LeaveSpan[] {
  const leave = kinds.get(String(row.leave_type))
  if (!leave || (!leave.isUnpaid && leave.paidFraction === undefined)) return []
  const isOneDay = row.from_date === row.to_date
  const halfDayOn = row.half_day ? String(row.half_day_date ?? (isOneDay ? row.from_date : '')) : undefined
  return [{ from: String(row.from_date), to: String(row.to_date), halfDayOn, leave }]
}

function markOf(row: FoundRow, kinds: ReadonlyMap<string, UnpaidLeave>): AttendanceMark {
  return {
    day: String(row.attendance_date),
    status: row.status as AttendanceMark['status'],
    otherHalf: (row.half_day_status || undefined) as AttendanceMark['otherHalf'],
    leave: row.leave_type ? kinds.get(String(row.leave_type)) : undefined,
  }
}

function assignmentOf(row: FoundRow, centers: readonly FoundRow[]): Assignment {
  return {
    name: row.name,
    from: String(row.from_date),
    structure: String(row.salary_structure),
    slab: row.income_tax_slab ? String(row.income_tax_slab) : undefined,
    base: row.base as Decimal,
    variable: row.variable as Decimal,
    payableAccount: row.payroll_payable_account ? String(row.payroll_payable_account) : undefined,
    costCenters: centers
      .filter(({ parent }) => parent === row.name)
      .map((center) => ({ costCenter: String(center.cost_center), percentage: Number(center.percentage) })),
    earnedBefore: row.taxable_earnings_till_date as Decimal,
    withheldBefore: row.tax_deducted_till_date as Decimal,
  }
}
