import { Type } from 'typebox'
import { addDays } from '#client/rules/dates.ts'
import { and, or, where } from '#client/rules/predicate.ts'
import { checkedPerDocument, defineMethod } from '#kernel/methods/method.ts'
import { NoEmployee, ValueRefused } from '../errors.ts'
import { peopleOf } from '../shared/access.ts'
import { checkOrder, type EmployeeFacts, employeesWhere, readableRows, rowsOf, touches } from '../shared/rows.ts'
import { holidayListOf, holidaysOf } from '../time/holidays.ts'

const day = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' })
/** Days that one calendar shows. */
const mostDays = 100
const mostPeople = 500

/** Who is away when. Colleagues see that somebody is away; why, those who may read the application. */
export const teamCalendar = defineMethod({
  path: 'orchestrator.hr.team_calendar',
  summary:
    'Leave, shifts and free days of the caller’s team: their department, whom they report to and who reports to them, whom they manage.',
  verbs: ['GET', 'POST'],
  input: Type.Object({ from_date: day, to_date: day, department: Type.Optional(Type.String()) }),
  rule: checkedPerDocument('of people whom the caller may not read it says only that they are away, and only of their own team'),
  handler: async (ctx, { from_date, to_date, department }) => {
    checkOrder(from_date, to_date, 'to_date')
    if (addDays(from_date, mostDays) <= to_date)
      throw new ValueRefused({ field: 'to_date', reason: `a calendar shows ${mostDays} days at most.` })
    const { own } = await peopleOf(ctx, ctx.user.name)
    const [me] = await employeesWhere(ctx, where('name', 'in', own))
    const readable = new Set(
      (await readableRows(ctx, 'Employee', where('status', '!=', 'Left'), { fields: ['name'], limit: 5000 })).map((row) => row.name),
    )
    if (!me && readable.size === 0) throw new NoEmployee({ field: 'employee' })
    const colleagues = me
      ? await employeesWhere(
          ctx,
          where('organization', '=', me.organization),
          where('status', '!=', 'Left'),
          or(
            ...(me.department ? [where('department', '=', me.department)] : []),
            ...(me.reports_to ? [where('reports_to', '=', me.reports_to), where('name', '=', me.reports_to)] : []),
            where('reports_to', '=', me.name),
          ),
        )
      : []
    const others = await employeesWhere(ctx, where('name', 'in', [...readable]))
    const people = [...new Map([...colleagues, ...others].map((one) => [one.name, one])).values()]
      .filter((one) => !department || one.department === department)
      .sort((a, b) => (a.employee_name < b.employee_name ? -1 : 1))
      .slice(0, mostPeople)
    const names = people.map((one) => one.name)
    const leave = await rowsOf(
      ctx,
      'Leave Application',
      and(
        where('employee', 'in', names),
        where('docstatus', 'in', [0, 1]),
        where('status', 'in', ['Open', 'Approved']),
        touches(from_date, to_date, ['from_date', 'to_date']),
      ),
      { fields: ['name', 'employee', 'leave_type', 'status', 'from_date', 'to_date', 'half_day_date'], orderBy: [['from_date', 'asc']] },
    )
    const shifts = await rowsOf(
      ctx,
      'Shift Assignment',
      and(
        where('employee', 'in', names),
        where('docstatus', '=', 1),
        where('status', '=', 'Active'),
        touches(from_date, to_date, ['start_date', 'end_date']),
      ),
      { fields: ['employee', 'shift_type', 'start_date', 'end_date'] },
    )
    const free = new Map<string, Record<string, number>>()
    const freeOf = async (one: EmployeeFacts): Promise<Record<string, number>> => {
      const list = (await holidayListOf(ctx, one, from_date)) ?? ''
      const known = free.get(list) ?? Object.fromEntries((await holidaysOf(ctx, list || undefined, from_date, to_date)).free)
      free.set(list, known)
      return known
    }
    const answer: Record<string, unknown>[] = []
    for (const one of people) {
      const mayRead = readable.has(one.name)
      answer.push({
        employee: one.name,
        employee_name: one.employee_name,
        department: one.department,
        away: leave
          .filter((row) => row.employee === one.name && (mayRead || row.status === 'Approved'))
          .map(({ from_date: from, to_date: to, half_day_date: half, ...row }) => ({
            from_date: from,
            to_date: to,
            half_day_date: half,
            ...(mayRead && { leave_application: row.name, leave_type: row.leave_type, status: row.status }),
          })),
        shifts: shifts.filter((row) => row.employee === one.name).map(({ employee: _, ...row }) => row),
        free_days: await freeOf(one),
      })
    }
    return { from_date, to_date, people: answer }
  },
})
