import { and, where } from '#client/rules/predicate.ts'
import type { JobDefinition } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import type { DocumentListener } from '#kernel/documents/document.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { todayOf } from '../shared/organization.ts'
import { rowsOf, touches } from '../shared/rows.ts'

/** Who decides in the place of an approver on a day; null: they do themselves. One who stands in does not hand on. */
export async function actingFor(ctx: Context, approver: string | null, organization: string, day: string): Promise<string | null> {
  if (!approver) return null
  const [row] = await rowsOf(
    ctx,
    'Leave Approval Delegation',
    and(where('approver', '=', approver), where('organization', '=', organization), touches(day, day, ['from_date', 'to_date'])),
    { fields: ['delegate'], orderBy: [['creation', 'desc']], limit: 1 },
  )
  return row ? String(row.delegate) : null
}

const why = 'who stands in follows the delegations'

async function follow(ctx: Context, approvers: readonly string[] | undefined): Promise<number> {
  const system = ctx.asSystem(why)
  const open = await rowsOf(
    ctx,
    'Leave Application',
    and(where('docstatus', '=', 0), where('status', '=', 'Open'), ...(approvers ? [where('leave_approver', 'in', approvers)] : [])),
    { fields: ['name', 'organization', 'leave_approver', 'acting_approver'] },
  )
  let moved = 0
  for (const row of open) {
    const organization = String(row.organization)
    const acting = await actingFor(ctx, (row.leave_approver as string | null) ?? null, organization, await todayOf(ctx, organization))
    if (acting === ((row.acting_approver as string | null) || null)) continue
    await writeThrough(system, 'Leave Application', row.name, { acting_approver: acting })
    moved += 1
  }
  return moved
}

/** What waits for an approver goes to who stands in at once, and comes back. */
export const delegationChanged: DocumentListener = async (ctx, document) => {
  await follow(ctx, [String(document.approver)])
}

/** Each day: delegations begin and end. */
export const followDelegations: JobDefinition = { asSystem: why, run: async (ctx) => ({ moved: await follow(ctx, undefined) }) }
