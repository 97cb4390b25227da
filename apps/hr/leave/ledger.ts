import { addDays } from '#client/rules/dates.ts'
import { carriedForward, type LeaveRow, lapsesDue, leaveBalance, play, standingRows } from '#client/rules/hr-leave-ledger.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { holdLock } from '#kernel/documents/counters.ts'
import { insert } from '#kernel/documents/save.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { LeaveInUse } from '../errors.ts'
import { rowsOf } from '../shared/rows.ts'
import { leaveTypeFacts } from './leave-types.ts'

/** A row of the ledger as it is stored. */
export interface StoredLeaveRow extends LeaveRow {
  readonly employee: string
  readonly leave_type: string
  readonly transaction_type: string
  readonly transaction_name: string
  readonly is_carry_forward: 0 | 1
}

/** Whose leave of which kind. */
export interface LeaveAccount {
  readonly employee: string
  readonly organization: string
  readonly leave_type: string
}

/** A row to be written. */
export interface LeaveEntry {
  readonly transaction_type: string
  readonly transaction_name: string
  readonly leaves: number
  readonly from_date: string
  readonly to_date: string
  readonly is_carry_forward?: 0 | 1
  readonly is_expired?: 0 | 1
  readonly is_lwp?: 0 | 1
  readonly reversal_of?: string
}

const why = 'the leave ledger is written by what is submitted and cancelled'

/** Keeps others from changing the same person's leave until the unit of work ends: two requests must not use the same days. */
export function holdLeave(ctx: Context, employee: string): Promise<void> {
  return holdLock(ctx, `hr:leave:${employee}`)
}

/** The ledger of one person and kind of leave; rows that were taken back, and those that take back, are in it. */
export async function ledgerOf(ctx: Context, employee: string, leaveType: string): Promise<StoredLeaveRow[]> {
  return (await rowsOf(ctx, 'Leave Ledger Entry', and(where('employee', '=', employee), where('leave_type', '=', leaveType)), {
    fields: [
      'name',
      'employee',
      'leave_type',
      'transaction_type',
      'transaction_name',
      'leaves',
      'from_date',
      'to_date',
      'is_carry_forward',
      'is_expired',
      'reversal_of',
    ],
  })) as unknown as StoredLeaveRow[]
}

/** Writes a row. Of nothing none is written. */
export async function writeEntry(ctx: Context, account: LeaveAccount, entry: LeaveEntry): Promise<void> {
  if (entry.leaves === 0) return
  const { employee, organization, leave_type } = account
  await insert(ctx.asSystem(why), 'Leave Ledger Entry', { employee, organization, leave_type, ...entry })
}

/**
 * Takes back what a document wrote: each of its rows gets one against it, and what followed from them is reckoned anew.
 * @throws LeaveInUse where days were given that somebody has used
 */
export async function takeBack(ctx: Context, account: LeaveAccount, doctype: string, name: string, today: string): Promise<void> {
  await holdLeave(ctx, account.employee)
  const rows = await ledgerOf(ctx, account.employee, account.leave_type)
  const before = play(rows).uncovered
  for (const row of standingRows(rows))
    if (row.transaction_type === doctype && row.transaction_name === name && !row.is_expired)
      await writeEntry(ctx, account, {
        transaction_type: doctype,
        transaction_name: name,
        leaves: -row.leaves,
        from_date: row.from_date,
        to_date: row.to_date,
        is_carry_forward: row.is_carry_forward,
        reversal_of: row.name,
      })
  const after = await settle(ctx, account, today)
  if (after > before) throw new LeaveInUse({ field: 'docstatus', missing: (after - before) / 1000 })
}

/**
 * Reckons anew what follows from the ledger's rows and writes the differences: what goes along into the next period, and what has lapsed. Leave
 * that is asked for or taken back long after its time changes both.
 * @returns thousandths of a day that were used without being there
 */
export async function settle(ctx: Context, account: LeaveAccount, today: string): Promise<number> {
  const type = await leaveTypeFacts(ctx, account.leave_type)
  const allocations = type.is_carry_forward
    ? await rowsOf(
        ctx,
        'Leave Allocation',
        and(
          where('employee', '=', account.employee),
          where('leave_type', '=', account.leave_type),
          where('docstatus', '=', 1),
          where('carry_forward', '=', 1),
          where('from_date', '<=', today),
        ),
        { fields: ['name', 'from_date', 'to_date', 'unused_leaves', 'new_leaves_allocated'], orderBy: [['from_date', 'asc']] },
      )
    : []
  for (const allocation of allocations) {
    const rows = await ledgerOf(ctx, account.employee, account.leave_type)
    const from = String(allocation.from_date)
    const to = String(allocation.to_date)
    const due = carriedForward(leaveBalance(rows, addDays(from, -1)), type.maximum_carry_forwarded_leaves)
    const written = standingRows(rows)
      .filter((row) => row.transaction_name === allocation.name && row.is_carry_forward && !row.is_expired)
      .reduce((sum, row) => sum + row.leaves, 0)
    const lasts = type.expire_carry_forwarded_leaves_after_days
    const end = lasts > 0 ? addDays(from, lasts - 1) : to
    await writeEntry(ctx, account, {
      transaction_type: 'Leave Allocation',
      transaction_name: allocation.name,
      leaves: Math.round((due - written) * 1000) / 1000,
      from_date: from,
      to_date: end < to ? end : to,
      is_carry_forward: 1,
    })
    if (due !== Number(allocation.unused_leaves))
      await writeThrough(ctx.asSystem(why), 'Leave Allocation', allocation.name, {
        unused_leaves: due,
        total_leaves_allocated: Math.round((due + Number(allocation.new_leaves_allocated)) * 1000) / 1000,
      })
  }
  await writeLapses(ctx, account, today)
  return play(await ledgerOf(ctx, account.employee, account.leave_type)).uncovered
}

/** Writes down what has lapsed and is not said to have yet. */
async function writeLapses(ctx: Context, account: LeaveAccount, today: string): Promise<void> {
  const rows = await ledgerOf(ctx, account.employee, account.leave_type)
  const byName = new Map(rows.map((row) => [row.name, row]))
  for (const lapse of lapsesDue(rows, today)) {
    const lot = byName.get(lapse.lot)
    if (!lot) continue
    await writeEntry(ctx, account, {
      transaction_type: lot.transaction_type,
      transaction_name: lot.transaction_name,
      leaves: lapse.leaves,
      from_date: lapse.day,
      to_date: lapse.day,
      is_carry_forward: lot.is_carry_forward,
      is_expired: 1,
    })
  }
}
