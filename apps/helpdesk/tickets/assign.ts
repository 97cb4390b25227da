import type { Context } from '#kernel/context/context.ts'
import { ident, join, sql } from '#kernel/database/sql.ts'
import { find } from '#kernel/documents/load.ts'

/**
 * Whose turn it is in a team, by its rule; nobody who is disabled or has as many open tickets as the team allows. The team's row is locked
 * until the caller's commit, so that two tickets never get the same turn.
 */
export async function assignee(ctx: Context, team: string): Promise<string | undefined> {
  await ctx.db.begin()
  const group = await find(ctx, await ctx.site.meta.get('User Group'), team, true)
  const members = ((group?.user_group_members ?? []) as { user: string }[]).map(({ user }) => user)
  if (!group || members.length === 0 || !['Round Robin', 'Least Busy'].includes(String(group.assignment))) return undefined
  const list = join(members.map((user) => sql`${user}`))
  const rows = await ctx.db.query<{ user: string; n: number }>(
    ctx.db.dialect.compile(sql`select u.name as ${ident('user')}, count(t.name) as n from ${ident('tabUser')} u
      left join ${ident('tabService Ticket')} t on t.assigned_to = u.name and t.status not in (${'Resolved'}, ${'Closed'})
      where u.name in (${list}) and u.enabled = 1 group by u.name`),
  )
  const load = new Map(rows.map(({ user, n }) => [user, Number(n)]))
  const last = members.indexOf(String(group.last_assigned ?? ''))
  const most = Number(group.capacity) || Number.POSITIVE_INFINITY
  const turns = [...members.slice(last + 1), ...members.slice(0, last + 1)].filter((user) => (load.get(user) ?? most) < most)
  const order = group.assignment === 'Least Busy' ? turns.toSorted((a, b) => Number(load.get(a)) - Number(load.get(b))) : turns
  const [user] = order
  if (user === undefined) return undefined
  await ctx.db.execute(ctx.db.dialect.compile(sql`update ${ident('tabUser Group')} set last_assigned = ${user} where name = ${team}`))
  return user
}
