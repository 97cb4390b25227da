import { addDays } from '#client/rules/dates.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { JobDefinition } from '#kernel/apps/app.ts'
import { nowText } from '#kernel/context/time.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { todayOf } from '../shared/organization.ts'
import { rowsOf } from '../shared/rows.ts'
import { holdLeave, settle } from './ledger.ts'

/** Days that beginnings and ends are looked back for, should the job not have run. */
const daysBack = 60

/** Each day: what has lapsed, and what goes along into a period that begins, is written into the ledger, so that its sum is the balance. */
export const settleLeave: JobDefinition = {
  queue: 'long',
  asSystem: 'leave lapses and goes along when its time comes',
  run: async (ctx, _input, job) => {
    const latest = addDays(nowText(ctx).slice(0, 10), 1)
    const earliest = addDays(latest, -daysBack)
    const ended = await rowsOf(
      ctx,
      'Leave Ledger Entry',
      and(where('leaves', '>', 0), where('to_date', '>=', earliest), where('to_date', '<', latest)),
      {
        fields: ['employee', 'organization', 'leave_type'],
      },
    )
    const begun = await rowsOf(
      ctx,
      'Leave Allocation',
      and(where('docstatus', '=', 1), where('carry_forward', '=', 1), where('from_date', '>=', earliest), where('from_date', '<=', latest)),
      { fields: ['employee', 'organization', 'leave_type'] },
    )
    const accounts = new Map([...ended, ...begun].map((row) => [`${row.employee}:${row.leave_type}`, row]))
    for (const [key, row] of accounts) {
      const account = { employee: String(row.employee), organization: String(row.organization), leave_type: String(row.leave_type) }
      const today = await todayOf(ctx, account.organization)
      await job.step(`${key}:${today}`, async (own) => {
        await holdLeave(own, account.employee)
        await settle(own, account, today)
      })
    }
    const over = await rowsOf(
      ctx,
      'Leave Allocation',
      and(where('docstatus', '=', 1), where('expired', '=', 0), where('to_date', '<', latest)),
      {
        fields: ['name', 'organization', 'to_date'],
      },
    )
    for (const row of over)
      if (String(row.to_date) < (await todayOf(ctx, String(row.organization))))
        await job.step(`over:${row.name}`, (own) => writeThrough(own, 'Leave Allocation', row.name, { expired: 1 }))
    return { accounts: accounts.size }
  },
}
