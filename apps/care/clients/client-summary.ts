import { Type } from 'typebox'
import type { Context } from '#kernel/context/context.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { toWire } from '#kernel/documents/wire.ts'
import { checkedPerDocument, defineMethod } from '#kernel/methods/method.ts'
import { wireV1 } from '#kernel/methods/wire-v1.ts'
import { can } from '#kernel/permissions/grants.ts'
import { count } from '#kernel/query/count.ts'
import { list } from '#kernel/query/list.ts'

const mostActivities = 10

interface Activity {
  readonly doctype: string
  readonly name: string
  readonly subject: string
  /** As times on the wire. */
  readonly at: string
  readonly by: string
}

/** A client at one glance, as far as the caller may see: nothing is answered that their own lists would not show. */
export const getClientSummary = defineMethod({
  path: 'orchestrator.crm.get_client_summary',
  summary: 'A client with the number of open tasks, what happened lately, and what is assigned.',
  verbs: ['GET', 'POST'],
  input: Type.Object({ client_id: Type.String({ minLength: 1, maxLength: 140 }) }),
  rule: checkedPerDocument('the client is read with the caller’s rights, and so is everything beside it'),
  handler: async (ctx, { client_id }) => {
    const document = await getDocument(ctx, 'Client', client_id)
    const client = await toWire(ctx, document, wireV1(ctx))
    const filters = { client: document.name, status: 'Open' }
    const seesTasks = await can(ctx, 'read', 'Care Task')
    return {
      client,
      active_tasks: seesTasks ? await count(ctx, 'Care Task', { filters, wire: wireV1(ctx) }) : 0,
      recent_activities: await activities(ctx, String(document.name), seesTasks),
      assigned_modules: modules(client),
    }
  },
})

async function activities(ctx: Context, client: string, seesTasks: boolean): Promise<Activity[]> {
  const page = { orderBy: 'modified desc', limit: mostActivities, wire: wireV1(ctx) }
  const found: Activity[] = []
  const add = (doctype: string, subject: string, rows: readonly Record<string, unknown>[]) => {
    for (const row of rows)
      found.push({
        doctype,
        name: String(row.name),
        subject: String(row[subject] ?? ''),
        at: String(row.modified),
        by: String(row.modified_by),
      })
  }
  if (seesTasks) {
    const fields = ['name', 'subject', 'status', 'modified', 'modified_by']
    const { rows } = await list(ctx, 'Care Task', { fields, filters: { client }, ...page })
    add('Care Task', 'subject', rows.map((row) => ({ ...row, subject: `${String(row.subject)} (${String(row.status)})` }))) // biome-ignore format: one line
  }
  if (await can(ctx, 'read', 'Comment')) {
    const filters = { reference_doctype: 'Client', reference_name: client }
    add(
      'Comment',
      'content',
      (await list(ctx, 'Comment', { fields: ['name', 'content', 'modified', 'modified_by'], filters, ...page })).rows,
    )
  }
  return found.sort((a, b) => (a.at < b.at ? 1 : -1)).slice(0, mostActivities)
}

/** Tables that the caller may not read are not on the wire. */
function modules(client: Record<string, unknown>): object[] {
  const rows = (table: string) => (client[table] as Record<string, unknown>[] | undefined) ?? []
  return [
    ...rows('medical_assignments').map(({ template_id, status, activated_at }) => {
      return { module: 'Medical', id: template_id, status, since: activated_at ?? null }
    }),
    ...rows('program_assignments').map(({ program_id, status, start_date, group_assignment }) => {
      return { module: 'Program', id: program_id, status, since: start_date ?? null, group: group_assignment ?? null }
    }),
  ]
}
