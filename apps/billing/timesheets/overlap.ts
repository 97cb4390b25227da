import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { HoursOverlap } from '../errors.ts'
import type { TimesheetFields } from './hours.ts'

/**
 * Nobody works twice at the same time: neither within a timesheet nor in two of them. The employee's row is locked, so two timesheets that are
 * saved at once see each other. Work that ends when the next begins does not overlap.
 * @throws HoursOverlap with the row
 */
export async function demandNoOverlap(ctx: Context, timesheet: TimesheetFields & { name: string }): Promise<void> {
  const spans = timesheet.time_logs
    .map((row, index) => ({ from: row.from_time, to: row.to_time, field: `time_logs[${index}].from_time` }))
    .filter((span): span is { from: string; to: string; field: string } => span.from !== null && span.to !== null)
    .sort((a, b) => (a.from < b.from ? -1 : 1))
  for (const [index, span] of spans.entries()) {
    const earlier = spans[index - 1]
    if (earlier && span.from < earlier.to) throw new HoursOverlap({ field: span.field, other: earlier.field })
  }
  if (!timesheet.employee || spans.length === 0) return
  await findRows(ctx, await ctx.site.meta.get('Employee'), where('name', '=', timesheet.employee), { fields: ['name'], lock: true })
  const [first, last] = [spans[0]?.from ?? '', spans.reduce((end, span) => (span.to > end ? span.to : end), '')]
  const rows = await ctx.db.query<{ parent: string; from_time: string; to_time: string }>(
    ctx.db.dialect.compile(
      sql`select d.parent, d.from_time, d.to_time from ${ident('tabTimesheet Detail')} d join ${ident('tabTimesheet')} t on t.name = d.parent
        where t.employee = ${timesheet.employee} and t.docstatus < 2 and t.name <> ${timesheet.name ?? ''}
        and d.from_time < ${last} and d.to_time > ${first}`,
    ),
  )
  for (const span of spans) {
    const other = rows.find((row) => String(row.from_time) < span.to && String(row.to_time) > span.from)
    if (other) throw new HoursOverlap({ field: span.field, other: other.parent })
  }
}
