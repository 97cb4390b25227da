import { leaveBalance } from '#client/rules/hr-leave-ledger.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { JobDefinition } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { openForWrite, save } from '#kernel/documents/save.ts'
import { todayOf } from '../shared/organization.ts'
import { employeeFacts, rowsOf } from '../shared/rows.ts'
import { leaveTypeFacts } from './leave-types.ts'
import { holdLeave, ledgerOf, writeEntry } from './ledger.ts'

type Via = 'Leave Policy Assignment' | 'Scheduler' | 'Manually'

/**
 * Gives what an allocation's schedule says is due and was not given yet. What goes beyond the most that the kind of leave allows is not given;
 * the schedule says why.
 * @returns days
 */
export async function giveEarned(ctx: Context, name: string, today: string, via: Via): Promise<number> {
  const system = ctx.asSystem('earned leave is given on its schedule')
  const allocation = await openForWrite(system, 'Leave Allocation', name)
  const schedule = allocation.earned_leave_schedule as (AnyDocument & { allocation_date: string; number_of_leaves: number })[]
  const due = schedule.filter((row) => !row.is_allocated && row.allocation_date <= today)
  if (due.length === 0 || allocation.docstatus !== 1) return 0
  const account = {
    employee: String(allocation.employee),
    organization: String(allocation.organization),
    leave_type: String(allocation.leave_type),
  }
  await holdLeave(ctx, account.employee)
  const type = await leaveTypeFacts(ctx, account.leave_type)
  const employee = await employeeFacts(ctx, account.employee)
  let given = 0
  const states = new Map<string, Record<string, unknown>>()
  for (const row of due) {
    const balance = leaveBalance(await ledgerOf(ctx, account.employee, account.leave_type), row.allocation_date)
    const room = type.max_leaves_allowed > 0 && !type.allow_over_allocation ? type.max_leaves_allowed - balance : row.number_of_leaves
    const hasLeft = employee.relieving_date !== null && employee.relieving_date < row.allocation_date
    const days = hasLeft ? 0 : Math.round(Math.max(0, Math.min(room, row.number_of_leaves)) * 1000) / 1000
    await writeEntry(ctx, account, {
      transaction_type: 'Leave Allocation',
      transaction_name: name,
      leaves: days,
      from_date: row.allocation_date,
      to_date: String(allocation.to_date),
    })
    given += days
    const isShort = days < row.number_of_leaves
    states.set(row.name, {
      attempted: 1,
      is_allocated: 1,
      allocated_via: via,
      failed: isShort ? 1 : 0,
      failure_reason: !isShort
        ? null
        : hasLeft
          ? 'The employee had left.'
          : `Given ${days}: at most ${type.max_leaves_allowed} days are allowed at a time.`,
    })
  }
  const sum = Math.round((Number(allocation.new_leaves_allocated) + given) * 1000) / 1000
  await save(system, allocation, {
    new_leaves_allocated: sum,
    total_leaves_allocated: Math.round((sum + Number(allocation.unused_leaves)) * 1000) / 1000,
    earned_leave_schedule: schedule.map((row) => ({ ...row, ...states.get(row.name) })),
  })
  return given
}

/** Each day: earned leave that is due is given. Each allocation is a step of its own, so that one that fails keeps no other waiting. */
export const giveEarnedLeave: JobDefinition = {
  queue: 'long',
  asSystem: 'earned leave is given on its schedule',
  run: async (ctx, _input, job) => {
    const waiting = await rowsOf(ctx, 'Earned Leave Schedule', and(where('is_allocated', '=', 0), where('docstatus', '=', 1)), {
      fields: ['parent', 'allocation_date'],
      orderBy: [['allocation_date', 'asc']],
    })
    const first = new Map<string, string>()
    for (const row of waiting) if (!first.has(String(row.parent))) first.set(String(row.parent), String(row.allocation_date))
    let allocations = 0
    for (const [name, day] of first) {
      const [allocation] = await rowsOf(ctx, 'Leave Allocation', where('name', '=', name), { fields: ['organization'] })
      const today = await todayOf(ctx, String(allocation?.organization))
      if (day > today) continue
      await job.step(`${name}:${today}`, (own) => giveEarned(own, name, today, 'Scheduler'))
      allocations += 1
    }
    return { allocations }
  },
}
