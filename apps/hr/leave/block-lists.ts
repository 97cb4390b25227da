import { and, or, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { EmployeeFacts } from '../shared/rows.ts'
import { rowsOf } from '../shared/rows.ts'

/** A day on which somebody is needed. */
export interface BlockedDay {
  readonly day: string
  readonly reason: string
  /** Users who may approve leave on it all the same. */
  readonly allowed: readonly string[]
}

/** The days among these on which an employee is needed: by lists for everybody, for their department or one above it, for this kind of leave. */
export async function blockedDays(
  ctx: Context,
  employee: EmployeeFacts,
  leaveType: string,
  days: readonly string[],
): Promise<BlockedDay[]> {
  const departments = employee.department
    ? (
        await ctx.db.query<{ name: string }>(
          ctx.db.dialect.compile(sql`select above.name as name from ${ident('tabDepartment')} above
            join ${ident('tabDepartment')} own on own.lft >= above.lft and own.rgt <= above.rgt where own.name = ${employee.department}`),
        )
      ).map((row) => String(row.name))
    : []
  const lists = await rowsOf(
    ctx,
    'Leave Block List',
    and(
      where('organization', '=', employee.organization),
      where('disabled', '=', 0),
      or({ field: 'department', op: 'not set' }, where('department', 'in', departments)),
      or({ field: 'leave_type', op: 'not set' }, where('leave_type', '=', leaveType)),
    ),
    { fields: ['name'] },
  )
  const found: BlockedDay[] = []
  for (const list of lists) {
    const blocked = await rowsOf(ctx, 'Leave Block List Date', and(where('parent', '=', list.name), where('block_date', 'in', days)), {
      fields: ['block_date', 'reason'],
    })
    if (blocked.length === 0) continue
    const allowed = (await rowsOf(ctx, 'Leave Block List Allow', where('parent', '=', list.name), { fields: ['allow_user'] })).map((row) =>
      String(row.allow_user),
    )
    for (const row of blocked) found.push({ day: String(row.block_date), reason: String(row.reason), allowed })
  }
  return found
}
