import type { Context } from '#kernel/context/context.ts'
import { ident, join, type Sql, sql } from '#kernel/database/sql.ts'
import { datetimeType } from '#kernel/fields/dates/date-types.ts'
import type { SqlValue } from '#kernel/database/database.ts'
import { find } from '#kernel/documents/load.ts'
import { can } from '#kernel/permissions/grants.ts'
import { namesIn } from '../access.ts'
import { openChanges } from './open-changes.ts'

/** What an entry of a timeline is. `log` is what the platform noted: likes, shares, assignments. */
export const kinds = ['mail', 'call', 'message', 'note', 'task', 'file', 'stage', 'change', 'log'] as const
export type Kind = (typeof kinds)[number]

/** One thing that happened. */
export interface Entry {
  /** UTC, in document form. */
  readonly at: string
  readonly kind: Kind
  /** The record behind it. */
  readonly name: string
  readonly by: string | null
  /** The document it is about. */
  readonly doctype: string
  readonly document: string
  readonly [detail: string]: unknown
}

interface Wish {
  readonly doctype: string
  readonly names: readonly string[]
  /** Nothing later than this. */
  readonly until: string | undefined
  readonly limit: number
}

interface Source {
  readonly kinds: readonly Kind[]
  /** The latest entries about documents that the caller has read already. */
  readonly read: (ctx: Context, wish: Wish) => Promise<Entry[]>
}

type Fields = Record<string, string | number | null>

/** Entries of the same moment that a page may break apart; more of them at once would be passed over. */
const spare = 50

async function rowsOf(ctx: Context, table: string, columns: readonly string[], about: Sql, at: string, wish: Wish): Promise<Fields[]> {
  const until = wish.until ? sql` and ${ident(at)} <= ${wish.until}` : sql``
  const rows = await ctx.db.query<Fields>(
    ctx.db.dialect.compile(
      sql`select ${join(columns.map((column) => ident(column)))} from ${ident(table)} where ${about}${until}
        order by ${ident(at)} desc, name desc limit ${sql.lit(wish.limit + spare)}`,
    ),
  )
  return rows.map((row) => ({ ...row, [at]: datetimeType.fromColumn(row[at] as SqlValue, ctx.db.dialect) as string }))
}

const text = (value: unknown): string | null => (value === null || value === undefined || value === '' ? null : String(value))

const talks: Source = {
  kinds: ['mail', 'call', 'message'],
  async read(ctx, wish) {
    const { doctype, names } = wish
    const columns = [
      'name',
      'creation',
      'owner',
      'subject',
      'content',
      'communication_medium',
      'communication_type',
      'sender',
      'sender_full_name',
    ]
    columns.push('recipients', 'phone_no', 'sent_or_received', 'delivery_status', 'reference_doctype', 'reference_name', 'has_attachment')
    const linked = sql`name in (select parent from ${ident('tabCommunication Link')} where parenttype = ${'Communication'}
      and link_doctype = ${doctype} and link_name in (${namesIn(names)}))`
    const about = sql`((reference_doctype = ${doctype} and reference_name in (${namesIn(names)})) or ${linked}) and (email_status is null or email_status <> ${'Spam'})`
    const entries: Entry[] = []
    for (const row of await rowsOf(ctx, 'tabCommunication', columns, about, 'creation', wish)) {
      const isOwn = row.reference_doctype === doctype && names.includes(String(row.reference_name))
      if (!isOwn && !(await mayRead(ctx, row.reference_doctype, row.reference_name))) continue
      const medium = String(row.communication_medium ?? '')
      entries.push({
        at: String(row.creation),
        kind: medium === 'Email' ? 'mail' : medium === 'Phone' ? 'call' : 'message',
        name: String(row.name),
        by: text(row.sender) ?? text(row.owner),
        doctype: text(row.reference_doctype) ?? doctype,
        document: text(row.reference_name) ?? String(names[0]),
        medium,
        direction: row.sent_or_received,
        automatic: row.communication_type === 'Automated Message',
        subject: row.subject,
        content: row.content,
        sender_name: row.sender_full_name,
        recipients: row.recipients,
        phone_no: row.phone_no,
        delivery_status: row.delivery_status,
        has_attachment: Boolean(row.has_attachment),
      })
    }
    return entries
  },
}

/** A talk that only points here is as open as the document it is about. */
async function mayRead(ctx: Context, doctype: unknown, name: unknown): Promise<boolean> {
  if (!doctype || !name) return true
  if (!(await ctx.site.meta.exists(String(doctype))) || !(await can(ctx, 'read', String(doctype)))) return false
  const target = await find(ctx, await ctx.site.meta.get(String(doctype)), String(name))
  return target !== undefined && can(ctx, 'read', target.doctype, target)
}

const notes: Source = {
  kinds: ['note', 'log'],
  async read(ctx, wish) {
    const about = sql`reference_doctype = ${wish.doctype} and reference_name in (${namesIn(wish.names)})`
    const columns = ['name', 'creation', 'owner', 'comment_type', 'comment_email', 'comment_by', 'content', 'reference_name']
    return (await rowsOf(ctx, 'tabComment', columns, about, 'creation', wish)).map((row) => ({
      at: String(row.creation),
      kind: row.comment_type === 'Comment' ? 'note' : 'log',
      name: String(row.name),
      by: text(row.comment_email) ?? text(row.owner),
      doctype: wish.doctype,
      document: String(row.reference_name),
      type: row.comment_type,
      content: row.content,
    }))
  },
}

const tasks: Source = {
  kinds: ['task'],
  async read(ctx, wish) {
    const about = sql`reference_type = ${wish.doctype} and reference_name in (${namesIn(wish.names)})`
    const columns = ['name', 'creation', 'owner', 'allocated_to', 'description', 'status', 'priority', 'date', 'reference_name']
    return (await rowsOf(ctx, 'tabToDo', columns, about, 'creation', wish)).map((row) => ({
      at: String(row.creation),
      kind: 'task',
      name: String(row.name),
      by: text(row.owner),
      doctype: wish.doctype,
      document: String(row.reference_name),
      allocated_to: row.allocated_to,
      description: row.description,
      status: row.status,
      priority: row.priority,
      date: row.date,
    }))
  },
}

const files: Source = {
  kinds: ['file'],
  async read(ctx, wish) {
    const about = sql`attached_to_doctype = ${wish.doctype} and attached_to_name in (${namesIn(wish.names)})`
    const columns = [
      'name',
      'creation',
      'owner',
      'file_name',
      'file_url',
      'file_size',
      'is_private',
      'attached_to_field',
      'attached_to_name',
    ]
    const { canRead } = await openChanges(ctx, wish.doctype)
    return (await rowsOf(ctx, 'tabFile', columns, about, 'creation', wish))
      .filter((row) => !row.attached_to_field || canRead(String(row.attached_to_field)))
      .map((row) => ({
        at: String(row.creation),
        kind: 'file',
        name: String(row.name),
        by: text(row.owner),
        doctype: wish.doctype,
        document: String(row.attached_to_name),
        file_name: row.file_name,
        file_url: row.file_url,
        file_size: row.file_size,
      }))
  },
}

const stages: Source = {
  kinds: ['stage'],
  async read(ctx, wish) {
    if (wish.doctype !== 'Deal' || !(await can(ctx, 'read', 'Deal Event'))) return []
    const columns = ['name', 'at', 'by', 'what', 'stage', 'status', 'probability', 'close_date', 'deal']
    return (await rowsOf(ctx, 'tabDeal Event', columns, sql`deal in (${namesIn(wish.names)})`, 'at', wish)).map((row) => ({
      at: String(row.at),
      kind: 'stage',
      name: String(row.name),
      by: text(row.by),
      doctype: 'Deal',
      document: String(row.deal),
      what: row.what,
      stage: row.stage,
      status: row.status,
      probability: Number(row.probability),
      close_date: row.close_date,
    }))
  },
}

const changes: Source = {
  kinds: ['change'],
  async read(ctx, wish) {
    const about = sql`ref_doctype = ${wish.doctype} and docname in (${namesIn(wish.names)})`
    const { changesIn } = await openChanges(ctx, wish.doctype)
    const rows = await rowsOf(ctx, 'tabVersion', ['name', 'creation', 'owner', 'data', 'docname'], about, 'creation', wish)
    return rows.flatMap((row): Entry[] => {
      const fields = changesIn(String(row.data ?? ''))
      // What is left of a change that somebody may not see at all would still tell when it was made.
      if (fields.length === 0) return []
      return [
        {
          at: String(row.creation),
          kind: 'change',
          name: String(row.name),
          by: text(row.owner),
          doctype: wish.doctype,
          document: String(row.docname),
          fields,
        },
      ]
    })
  },
}

export const sources: readonly Source[] = [talks, notes, tasks, files, stages, changes]
