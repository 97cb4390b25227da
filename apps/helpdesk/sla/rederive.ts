import { and, where } from '#client/rules/predicate.ts'
import type { DocumentListener, AnyDocument } from '#kernel/documents/document.ts'
import type { JobDefinition } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { derive, type TicketEvent } from './clocks.ts'
import { promiseOf } from './policies.ts'

const atOnce = 1_000
const derived = ['response_due', 'resolution_due', 'response_state', 'resolution_state', 'sla_status', 'sla_check_at'] as const

/**
 * Reckons the deadlines of the open tickets of a policy anew, from their logs.
 * @returns how many were looked at, how many changed
 */
export async function rederive(ctx: Context, policy: string): Promise<{ looked: number; changed: number }> {
  const promised = await promiseOf(ctx, policy)
  if (!promised) return { looked: 0, changed: 0 }
  const tickets = await ctx.site.meta.get('Service Ticket')
  const log = await ctx.site.meta.get('Ticket Event')
  const now = ctx.clock.now()
  let [looked, changed, last] = [0, 0, '']
  for (;;) {
    const open = and(where('sla_policy', '=', policy), where('status', 'not in', ['Resolved', 'Closed']), where('name', '>', last))
    const rows = await findRows(ctx, tickets, open, { fields: ['name', ...derived], limit: atOnce, orderBy: [['name', 'asc']], lock: true })
    if (rows.length === 0) return { looked, changed }
    const events = new Map<string, TicketEvent[]>()
    const about = where(
      'ticket',
      'in',
      rows.map(({ name }) => name),
    )
    for (const event of await findRows(ctx, log, about, {
      fields: ['ticket', 'at', 'type', 'detail'],
      orderBy: [
        ['ticket', 'asc'],
        ['sequence', 'asc'],
      ],
    })) {
      const known = events.get(String(event.ticket))
      if (known) known.push(event as unknown as TicketEvent)
      else events.set(String(event.ticket), [event as unknown as TicketEvent])
    }
    for (const row of rows) {
      const fields = derive(promised, events.get(row.name) ?? [], now)?.fields
      if (!fields || derived.every((field) => (row[field] ?? null) === (fields[field] ?? null))) continue
      const value = (field: (typeof derived)[number]) => (fields[field] ?? null) as string | null
      await ctx.db.execute(
        ctx.db.dialect.compile(sql`update ${ident('tabService Ticket')} set response_due = ${value('response_due')},
          resolution_due = ${value('resolution_due')}, response_state = ${value('response_state')},
          resolution_state = ${value('resolution_state')}, sla_status = ${value('sla_status')}, sla_check_at = ${value('sla_check_at')}
          where name = ${row.name}`),
      )
      changed++
    }
    looked += rows.length
    last = String(rows.at(-1)?.name)
  }
}

export const rederiveJob: JobDefinition = {
  queue: 'long',
  asSystem: 'deadlines follow a policy that changed',
  run: (ctx, { policy }) => rederive(ctx, String(policy)),
}

/** After a policy or its holidays changed. */
export const policyChanged: DocumentListener = async (ctx, policy) => {
  await enqueue(ctx, 'helpdesk.rederive-deadlines', { policy: policy.name }, { key: policy.name })
}

export const holidaysChanged: DocumentListener = async (ctx, list: AnyDocument) => {
  const meta = await ctx.site.meta.get('SLA Policy')
  for (const { name } of await findRows(ctx, meta, where('holiday_list', '=', list.name), { fields: ['name'] }))
    await enqueue(ctx, 'helpdesk.rederive-deadlines', { policy: name }, { key: name })
}
