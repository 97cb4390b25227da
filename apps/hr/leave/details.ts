import { Type } from 'typebox'
import { consumableLeave, leaveBalance, play, shortfall, standingRows, stretches } from '#client/rules/hr-leave-ledger.ts'
import { sumOfDays } from '#client/rules/hr-leave-days.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { checkedPerDocument, defineMethod } from '#kernel/methods/method.ts'
import { NoEmployee } from '../errors.ts'
import { peopleOf } from '../shared/access.ts'
import { todayOf } from '../shared/organization.ts'
import { checkOrder, employeeFacts, readableRows, rowsOf } from '../shared/rows.ts'
import { countLeave } from './counting.ts'
import { leaveTypeFacts } from './leave-types.ts'
import { ledgerOf } from './ledger.ts'

const day = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' })

/** The employee whose leave somebody may know of: themselves unless they name one whom they may read. @throws NoEmployee */
async function whose(ctx: Context, employee: string | undefined): Promise<string> {
  const [own] = (await peopleOf(ctx, ctx.user.name)).own
  if (!employee && own) return own
  const [found] = employee ? await readableRows(ctx, 'Employee', where('name', '=', employee), { fields: ['name'] }) : []
  if (!found) throw new NoEmployee({ field: 'employee' })
  return found.name
}

/** How somebody's leave stands, kind by kind. */
export const leaveDetails = defineMethod({
  path: 'orchestrator.hr.leave_details',
  summary: 'Leave of an employee on a day, by kind: given, taken, waiting for approval, left, and what of it can still be used.',
  verbs: ['GET', 'POST'],
  input: Type.Object({ employee: Type.Optional(Type.String()), date: Type.Optional(day) }),
  rule: checkedPerDocument('it answers about the caller, or about an employee whom they may read'),
  handler: async (ctx, input) => {
    const employee = await employeeFacts(ctx, await whose(ctx, input.employee))
    const date = input.date ?? (await todayOf(ctx, employee.organization))
    const types = await rowsOf(ctx, 'Leave Type', and(where('organization', '=', employee.organization), where('is_lwp', '=', 0)), {
      fields: ['name', 'leave_type_name'],
      orderBy: [['leave_type_name', 'asc']],
    })
    const waiting = await rowsOf(
      ctx,
      'Leave Application',
      and(where('employee', '=', employee.name), where('status', '=', 'Open'), where('docstatus', '=', 0)),
      { fields: ['leave_type', 'total_leave_days'] },
    )
    const answer: Record<string, unknown>[] = []
    for (const type of types) {
      const rows = standingRows(await ledgerOf(ctx, employee.name, type.name))
      const valid = rows.filter((row) => !row.is_expired && row.leaves > 0 && row.from_date <= date && row.to_date >= date)
      const since = valid.reduce((first, row) => (row.from_date < first ? row.from_date : first), date)
      const used = rows.filter((row) => !row.is_expired && row.leaves < 0 && row.from_date >= since && row.from_date <= date)
      const pending = waiting.filter((row) => row.leave_type === type.name).reduce((sum, row) => sum + Number(row.total_leave_days), 0)
      if (rows.length === 0 && pending === 0) continue
      const sum = (list: readonly { leaves: number }[]): number => Math.round(list.reduce((all, row) => all + row.leaves, 0) * 1000) / 1000
      answer.push({
        leave_type: type.name,
        leave_type_name: type.leave_type_name,
        total_leaves: sum(valid),
        leaves_taken: -sum(used) || 0,
        leaves_pending_approval: pending,
        remaining_leaves: leaveBalance(rows, date),
        consumable_leaves: consumableLeave(rows, date),
        agreed_for_later: -sum(rows.filter((row) => row.leaves < 0 && !row.is_expired && row.from_date > date)) || 0,
        ends: play(rows, date)
          .lots.filter((lot) => lot.to >= date && lot.left > 0)
          .map((lot) => ({ until: lot.to, days: lot.left / 1000 })),
      })
    }
    return { employee: employee.name, date, leave: answer }
  },
})

/** What an application would cost, before it is made. */
export const previewLeave = defineMethod({
  path: 'orchestrator.hr.preview_leave',
  summary: 'Which days an application would count, what is left before it, and what would be missing.',
  verbs: ['GET', 'POST'],
  input: Type.Object({
    employee: Type.Optional(Type.String()),
    leave_type: Type.String(),
    from_date: day,
    to_date: day,
    half_day_date: Type.Optional(day),
  }),
  rule: checkedPerDocument('it answers about the caller, or about an employee whom they may read'),
  handler: async (ctx, { employee: named, leave_type, from_date, to_date, half_day_date }) => {
    checkOrder(from_date, to_date, 'to_date')
    const employee = await employeeFacts(ctx, await whose(ctx, named))
    const type = await leaveTypeFacts(ctx, leave_type)
    if (type.organization !== employee.organization) throw new NoEmployee({ field: 'leave_type' })
    const days = await countLeave(ctx, employee, type, { from_date, to_date, half_day_date: half_day_date ?? null })
    const rows = await ledgerOf(ctx, employee.name, leave_type)
    const parts = stretches(days, rows)
    const uses = parts.map((one, index) => ({ name: `new-${index}`, leaves: -one.leaves, from_date: one.from, to_date: one.to }))
    return {
      days,
      total_leave_days: sumOfDays(days),
      leave_balance: leaveBalance(rows, from_date),
      missing: type.is_lwp || type.allow_negative ? 0 : shortfall(rows, uses),
      ledger: parts,
    }
  },
})
