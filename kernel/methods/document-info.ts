import type { Context } from '#kernel/context/context.ts'
import type { Row } from '#kernel/database/database.ts'
import { ident, type Sql, sql } from '#kernel/database/sql.ts'
import { load } from '#kernel/documents/load.ts'
import { datetimeType } from '#kernel/fields/dates/date-types.ts'
import { fieldAccess } from '#kernel/permissions/field-access.ts'
import { actions } from '#kernel/permissions/grant.ts'
import { can } from '#kernel/permissions/grants.ts'

/** What surrounds a document: records that refer to it, and what its reader may do. */
export const infoParts = [
  'permissions',
  'attachments',
  'assignments',
  'shares',
  'tags',
  'favourites',
  'comments',
  'versions',
  'views',
] as const
export type InfoPart = (typeof infoParts)[number]

export function isInfoPart(text: string): text is InfoPart {
  return (infoParts as readonly string[]).includes(text)
}

/** Records of one kind that an answer holds at most; the latest come first. */
const most = 200

/**
 * The named parts for a document that the caller has read already, so whoever calls must have checked that.
 * Times are in v1 form.
 */
export async function documentInfo(
  ctx: Context,
  doctype: string,
  name: string,
  parts: readonly InfoPart[],
): Promise<Record<string, unknown>> {
  const info: Record<string, unknown> = {}
  for (const part of parts) info[part] = await readers[part](ctx, doctype, name)
  return info
}

type PartReader = (ctx: Context, doctype: string, name: string) => Promise<unknown>

const readers: Record<InfoPart, PartReader> = {
  permissions: documentPermissions,
  attachments: readableAttachments,
  assignments: (ctx, doctype, name) =>
    rows(
      ctx,
      'ToDo',
      ['name', 'allocated_to', 'description', 'status', 'priority', 'date'],
      sql`reference_type = ${doctype} and reference_name = ${name} and status not in (${'Cancelled'}, ${'Closed'}) and allocated_to is not null`,
    ).then((found) => found.map((row) => ({ ...row, owner: row.allocated_to }))),
  shares: (ctx, doctype, name) =>
    rows(
      ctx,
      'DocShare',
      ['name', 'user', 'read', 'write', 'share', 'submit', 'everyone', 'owner', 'creation'],
      sql`share_doctype = ${doctype} and share_name = ${name}`,
    ),
  tags: async (ctx, doctype, name) => listOf((await ownColumn(ctx, doctype, name, '_user_tags')) ?? ''),
  favourites: async (ctx, doctype, name) => likedBy(await ownColumn(ctx, doctype, name, '_liked_by')),
  comments: (ctx, doctype, name) =>
    rows(
      ctx,
      'Comment',
      ['name', 'comment_type', 'creation', 'content', 'owner', 'comment_by', 'comment_email'],
      sql`reference_doctype = ${doctype} and reference_name = ${name} and comment_type = ${'Comment'}`,
    ),
  versions: readableVersions,
  views: (ctx, doctype, name) =>
    rows(ctx, 'View Log', ['name', 'creation', 'owner'], sql`reference_doctype = ${doctype} and reference_name = ${name}`),
}

/** Files attached in a field are for those who may read the field. */
async function readableAttachments(ctx: Context, doctype: string, name: string): Promise<unknown> {
  const fields = ['name', 'file_name', 'file_url', 'is_private', 'file_size', 'creation', 'owner', 'attached_to_field']
  const found = await rows(ctx, 'File', fields, sql`attached_to_doctype = ${doctype} and attached_to_name = ${name}`)
  const meta = await ctx.site.meta.get(doctype)
  const access = await fieldAccess(ctx, meta)
  return found.filter((file) => {
    const field = meta.field.get(String(file.attached_to_field ?? ''))
    return !field || access.canRead(field)
  })
}

/** Versions without what the reader may not see in the document itself. */
async function readableVersions(ctx: Context, doctype: string, name: string): Promise<unknown> {
  const found = await rows(ctx, 'Version', ['name', 'owner', 'creation', 'data'], sql`ref_doctype = ${doctype} and docname = ${name}`)
  const meta = await ctx.site.meta.get(doctype)
  const access = await fieldAccess(ctx, meta)
  if (access.all) return found
  const isOpen = (fieldname: unknown) => {
    const field = meta.field.get(String(fieldname)) ?? meta.column.get(String(fieldname))
    return field !== undefined && access.canRead(field) && !access.isMasked(field)
  }
  const openTables = new Set<string>()
  for (const table of meta.tables) {
    if (isOpen(table.fieldname) && (await fieldAccess(ctx, await ctx.site.meta.get(table.options ?? ''), meta)).all)
      openTables.add(table.fieldname)
  }
  return found.map((version) => ({ ...version, data: withoutClosed(String(version.data ?? ''), isOpen, openTables) }))
}

function withoutClosed(text: string, isOpen: (fieldname: unknown) => boolean, openTables: ReadonlySet<string>): string {
  let data: Record<string, unknown>
  try {
    data = JSON.parse(text) as Record<string, unknown>
  } catch {
    return '{}'
  }
  const entries = (key: string) => (Array.isArray(data[key]) ? (data[key] as unknown[][]) : [])
  return JSON.stringify({
    changed: entries('changed').filter(([fieldname]) => isOpen(fieldname)),
    added: entries('added').filter(([table]) => openTables.has(String(table))),
    removed: entries('removed').filter(([table]) => openTables.has(String(table))),
    row_changed: entries('row_changed').filter(([table]) => openTables.has(String(table))),
  })
}

/** What the context's user may do with a document, as 0 and 1 by action. */
export async function documentPermissions(ctx: Context, doctype: string, name?: string): Promise<Record<string, 0 | 1>> {
  const meta = await ctx.site.meta.get(doctype)
  const document = name === undefined ? undefined : await load(ctx, meta, name)
  const allowed: Record<string, 0 | 1> = {}
  for (const action of actions) {
    // Creating and importing concern no document that is there already.
    const subject = action === 'create' || action === 'import' ? undefined : document
    allowed[action] = (await can(ctx, action, meta.name, subject)) ? 1 : 0
  }
  return allowed
}

async function rows(ctx: Context, doctype: string, fields: readonly string[], condition: Sql): Promise<Record<string, unknown>[]> {
  const meta = await ctx.site.meta.get(doctype)
  const columns = fields.filter((field) => meta.column.has(field)).map((field) => ident(field))
  const found = await ctx.db.query<Row>(
    ctx.db.dialect.compile(
      sql`select ${sql.join(columns)} from ${ident(meta.table)} where ${condition} order by creation desc, name desc limit ${sql.lit(most)}`,
    ),
  )
  const wire = { version: 1, zone: ctx.site.timeZone } as const
  return found.map((row) => ('creation' in row ? { ...row, creation: datetimeType.toWire(row.creation as string | null, wire) } : row))
}

async function ownColumn(ctx: Context, doctype: string, name: string, column: string): Promise<string | null> {
  const meta = await ctx.site.meta.get(doctype)
  if (meta.isSingle || meta.isVirtual || !meta.column.has(column)) return null
  const [row] = await ctx.db.query<Row>(
    ctx.db.dialect.compile(sql`select ${ident(column)} as value from ${ident(meta.table)} where name = ${name}`),
  )
  return (row?.value as string | null | undefined) ?? null
}

/** Tags are kept as text with commas. */
export function listOf(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

/** Users are kept as a JSON list. */
export function likedBy(text: string | null): string[] {
  if (!text) return []
  try {
    const users = JSON.parse(text) as unknown
    return Array.isArray(users) ? users.filter((user) => typeof user === 'string') : []
  } catch {
    return []
  }
}
