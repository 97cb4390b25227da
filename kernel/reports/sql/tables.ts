import { and, isAlways, type Predicate } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import type { Dialect } from '#kernel/database/database.ts'
import { type Sql, sql } from '#kernel/database/sql.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { fieldAccess } from '#kernel/permissions/field-access.ts'
import type { Action } from '#kernel/permissions/grant.ts'
import { grantFor } from '#kernel/permissions/grants.ts'
import { isWatched, noteReads } from '#kernel/permissions/reads.ts'
import { type ReadingAccess, useOf, useOfChild } from '#kernel/query/access.ts'
import { parentRows } from '#kernel/query/child-doctype.ts'
import { conditionSql } from '#kernel/query/columns.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { type Piece, piece } from '#kernel/query/piece.ts'
import { ReportQueryInvalid } from '../errors.ts'

/** A DocType's table as one user may read it: what a query report sees in its place. */
export interface ReadableTable {
  readonly meta: Meta
  /** Rows this user may read, of the table under the alias `t`. */
  readonly rows: Piece
  /** All rows: the engine need not be kept from looking at them in whatever order it likes. */
  readonly isWhole: boolean
  /** Whether the user sees this field in full; otherwise its column is empty. */
  isReadable(field: MetaField): boolean
}

/** Rights that the rows of one DocType must meet beside that to read: to report on the report's own DocType, to export. */
export interface Demands {
  readonly doctype: string
  readonly actions: readonly Action[]
}

/** @throws PermissionDenied, ReportQueryInvalid where there is no such table */
export async function readableTable(ctx: Context, table: string, line: number, demands: Demands): Promise<ReadableTable> {
  const meta = await metaOf(ctx, table, line)
  return meta.isTable ? childTable(ctx, meta) : ownTable(ctx, meta, demands)
}

async function metaOf(ctx: Context, table: string, line: number): Promise<Meta> {
  const doctype = table.startsWith('tab') ? table.slice(3) : ''
  if (doctype === '' || !(await ctx.site.meta.exists(doctype)))
    throw new ReportQueryInvalid({ field: 'query', line, reason: `there is no table ${table}` })
  const meta = await ctx.site.meta.get(doctype)
  if (meta.isSingle || meta.isVirtual)
    throw new ReportQueryInvalid({ field: 'query', line, reason: `${doctype} has no table that a query can read` })
  return meta
}

async function ownTable(ctx: Context, meta: Meta, demands: Demands): Promise<ReadableTable> {
  const actions: readonly Action[] = demands.doctype === meta.name ? ['read', ...demands.actions] : ['read']
  const conditions: Predicate[] = []
  for (const action of actions) {
    const grant = await grantFor(ctx, meta.name, action)
    if (!grant.allowed) throw new PermissionDenied({ action, doctype: meta.name })
    conditions.push(grant.rows)
  }
  const condition = and(...conditions)
  // A query may show any column of any row that it can reach, so all of them count as read.
  if (isWatched(ctx, meta.name))
    noteReads(
      ctx,
      meta.name,
      (await findRows(ctx, meta, condition, { fields: ['name'] })).map(({ name }) => name),
      'report',
    )
  const access = await accessTo(ctx, meta)
  return {
    meta,
    rows: piece(await conditionSql(ctx, meta, 't', condition), ctx.db.dialect),
    isWhole: isAlways(condition),
    isReadable: (field) => isPlain(field) && useOf(access, field) === 'shown',
  }
}

async function accessTo(ctx: Context, meta: Meta): Promise<ReadingAccess> {
  return { grant: await grantFor(ctx, meta.name, 'read'), fields: await fieldAccess(ctx, meta), only: undefined }
}

/** Rows of a child table are readable inside the documents that are; a field counts when every such DocType shows it. */
async function childTable(ctx: Context, meta: Meta): Promise<ReadableTable> {
  const { dialect } = ctx.db
  if (ctx.user.unrestricted && ctx.user.scopes === undefined) {
    return { meta, rows: piece(sql`1 = 1`, dialect), isWhole: true, isReadable: isPlain }
  }
  const conditions: Sql[] = []
  const shown: ((field: MetaField) => boolean)[] = []
  for (const parent of await ctx.site.meta.all()) {
    const tables = parent.tables.filter((field) => field.options === meta.name && !field.is_virtual)
    if (tables.length === 0 || parent.isVirtual || parent.isTable) continue
    const access = await accessTo(ctx, parent)
    if (!access.grant.allowed) continue
    const readable = tables.filter((table) => access.fields.all || (access.fields.canRead(table) && !access.fields.isMasked(table)))
    if (readable.length === 0) continue
    conditions.push((await parentRows(ctx, meta, parent.name)).sql)
    if (isWatched(ctx, parent.name))
      noteReads(
        ctx,
        parent.name,
        (await findRows(ctx, parent, access.grant.rows, { fields: ['name'] })).map(({ name }) => name),
        'report',
      )
    shown.push((field) => readable.every((table) => isStandard(meta, field) || useOfChild(access, table, field) === 'shown'))
  }
  if (conditions.length === 0) throw new PermissionDenied({ action: 'read', doctype: meta.name })
  return {
    meta,
    rows: piece(sql`(${sql.join(conditions, sql` or `)})`, dialect),
    isWhole: false,
    isReadable: (field) => isPlain(field) && shown.every((isShown) => isShown(field)),
  }
}

/** The names and places of rows are no fields of the definition. */
function isStandard(meta: Meta, field: MetaField): boolean {
  return !meta.field.has(field.fieldname)
}

function isPlain(field: MetaField): boolean {
  return field.fieldtype !== 'Password'
}

/** A column of the table under the alias `t` as reports compute with it: decimals are numbers on every engine. */
export function columnSql(field: MetaField, isReadable: boolean, dialect: Dialect): string {
  const kind = field.type.kind
  if (!isReadable) {
    if (dialect.name !== 'postgres') return 'null'
    return `cast(null as ${kind === 'decimal' || kind === 'number' ? 'numeric' : kind === 'datetime' ? 'timestamp' : kind === 'date' || kind === 'time' ? kind : 'text'})`
  }
  const column = `t.${dialect.quote(field.fieldname)}`
  return kind === 'decimal' && dialect.name === 'sqlite' ? `cast(decimal_text(${column}) as real)` : column
}
