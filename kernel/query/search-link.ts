import { and, or, type Predicate, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import type { Row, SqlValue } from '#kernel/database/database.ts'
import { predicateToSql } from '#kernel/database/predicate-sql.ts'
import { join, type Sql, sql } from '#kernel/database/sql.ts'
import type { Wire } from '#kernel/fields/field-type.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { fieldAccess, fieldsOfSelect } from '#kernel/permissions/field-access.ts'
import { grantFor } from '#kernel/permissions/grants.ts'
import { noteReads } from '#kernel/permissions/reads.ts'
import { type ReadingAccess, useOf } from './access.ts'
import { columnText, conditionSql } from './columns.ts'
import { callerCondition } from './conditions.ts'
import { FieldNotPermitted, QueryMalformed, UnknownField } from './errors.ts'
import { list, listable } from './list.ts'
import { piece, StatementBuilder } from './piece.ts'
import { Scope } from './scope.ts'

export interface LinkSearch {
  doctype: string
  /** What was typed; '' finds everything. At most 140 characters count. */
  txt?: string
  filters?: unknown
  /** Default 10, at most 500. */
  pageLength?: number
  start?: number
  /** One more field to look in. */
  searchfield?: string
  wire: Wire
}

export interface LinkChoice {
  value: string
  /** What the search fields say, joined by commas. */
  description: string
  /** The title, where links show titles. */
  label?: string
}

const maxPage = 500

/**
 * Documents that a link may point to, for a choice while typing: the text occurs in name, title or a search field; those that begin with
 * it come first. The select right is enough. Disabled documents are left out, as forms expect.
 * @throws PermissionDenied, NotAList, FieldNotPermitted, QueryMalformed, the errors of filters
 */
export async function searchLink(ctx: Context, search: LinkSearch): Promise<LinkChoice[]> {
  const meta = await listable(ctx, search.doctype)
  const access = await demandSelecting(ctx, meta)
  const { dialect } = ctx.db
  const scope = new Scope(ctx, meta, access)
  const text = String(search.txt ?? '')
    .trim()
    .slice(0, 140)
  if (text.includes('\0') || !text.isWellFormed()) throw new QueryMalformed({ field: 'txt', reason: 'it holds broken characters' })
  const fields = searchedFields(meta, access, search.searchfield)
  if (meta.isVirtual) return searchVirtual(ctx, meta, fields, text, search)
  const asked = await callerCondition(scope, search.filters, undefined, search.wire)
  const condition = and(asked, enabledOnly(meta, search.filters), containing(fields, text))
  const shown = fields.map((field, index) => `${columnText('t', field.fieldname, dialect)} as c${index}`)
  const statement = new StatementBuilder(dialect).text(`select ${shown.join(', ')} from ${dialect.quote(meta.table)} as t`)
  for (const part of scope.joinPieces()) statement.text(' ').piece(part)
  statement
    .text(' where ')
    .piece(piece(await conditionSql(ctx, meta, 't', access.grant.rows), dialect))
    .text(' and ')
    .piece(piece(predicateToSql(condition, scope.predicateColumns(), dialect), dialect))
    .text(' order by ')
  const first = text === '' ? undefined : beginningFirst(ctx, meta, fields, text)
  if (first) statement.piece(piece(first, dialect)).text(', ')
  statement.text(`${columnText('t', 'name', dialect)} limit ${pageLength(search.pageLength)}`)
  if (search.start) statement.text(` offset ${pageStart(search.start)}`)
  const rows = await ctx.db.query<Row>(statement.build())
  // The name is the first of the searched fields.
  noteReads(
    ctx,
    meta.name,
    rows.map((row) => row.c0),
    'link',
  )
  return rows.map((row) => {
    const values = fields.map(
      ({ fieldname, type }, index) =>
        [fieldname, type.toWire(type.fromColumn(row[`c${index}`] as SqlValue, dialect), search.wire)] as const,
    )
    return choice(meta, new Map(values))
  })
}

async function searchVirtual(
  ctx: Context,
  meta: Meta,
  fields: readonly MetaField[],
  text: string,
  search: LinkSearch,
): Promise<LinkChoice[]> {
  const names = fields.map((field) => field.fieldname)
  const orFilters = text === '' ? undefined : names.map((name) => [name, 'like', `%${likePattern(text)}%`])
  const page = { start: search.start ? pageStart(search.start) : 0, limit: pageLength(search.pageLength) }
  const { rows } = await list(ctx, meta.name, { fields: names, filters: search.filters, orFilters, ...page, wire: search.wire })
  return rows.map((row) => choice(meta, new Map(names.map((name) => [name, row[name]]))))
}

async function demandSelecting(ctx: Context, meta: Meta): Promise<ReadingAccess> {
  const grant = await grantFor(ctx, meta.name, 'select')
  if (!grant.allowed) throw new PermissionDenied({ action: 'select', doctype: meta.name })
  return { grant, fields: await fieldAccess(ctx, meta), only: grant.selectOnly ? fieldsOfSelect(meta) : undefined }
}

/** The name first, then title and search fields, as far as the user may read them; each once. */
function searchedFields(meta: Meta, access: ReadingAccess, extra: string | undefined): MetaField[] {
  const names = new Set(['name', meta.titleField, ...meta.searchFields])
  const fields = [...names]
    .map((name) => meta.column.get(name))
    .filter((field) => field !== undefined && useOf(access, field) === 'shown') as MetaField[]
  if (!extra || names.has(extra)) return fields
  const field = meta.column.get(extra)
  if (!field) throw new UnknownField({ field: 'searchfield', doctype: meta.name, name: extra.slice(0, 140) })
  if (useOf(access, field) !== 'shown' || field.fieldtype === 'Password')
    throw new FieldNotPermitted({ field: 'searchfield', doctype: meta.name, name: extra })
  return [...fields, field]
}

function likePattern(text: string): string {
  return text.replaceAll(/[\\%_]/g, '\\$&')
}

function containing(fields: readonly MetaField[], text: string): Predicate {
  if (text === '') return { all: [] }
  return or(...fields.map((field) => where(field.fieldname, 'like', `%${likePattern(text)}%`)))
}

/** Documents out of use cannot be chosen, unless the caller asks for them by name of the field. */
function enabledOnly(meta: Meta, filters: unknown): Predicate {
  const asked = typeof filters === 'string' ? filters : JSON.stringify(filters ?? null)
  const isCheck = (name: string) => meta.column.get(name)?.fieldtype === 'Check' && !asked.includes(`"${name}"`)
  const parts: Predicate[] = []
  if (isCheck('enabled')) parts.push(where('enabled', '=', 1))
  if (isCheck('disabled')) parts.push(where('disabled', '!=', 1))
  return and(...parts)
}

function beginningFirst(ctx: Context, meta: Meta, fields: readonly MetaField[], text: string): Sql | undefined {
  const { dialect } = ctx.db
  const begins = fields
    .filter((field) => field.fieldname === 'name' || field.fieldname === meta.titleField)
    .filter((field) => field.type.kind === 'text')
    .map((field) => dialect.like(sql.raw(columnText('t', field.fieldname, dialect)), `${likePattern(text)}%`, false))
  if (begins.length === 0) return undefined
  return sql`case when ${join(begins, ' or ')} then 0 else 1 end`
}

function pageLength(asked: unknown): number {
  const length = asked === undefined ? 10 : Number(asked)
  if (!Number.isSafeInteger(length) || length < 0)
    throw new QueryMalformed({ field: 'page_length', reason: 'it must be a whole number from 0' })
  return length === 0 ? maxPage : Math.min(length, maxPage)
}

function pageStart(asked: unknown): number {
  const start = Number(asked)
  if (!Number.isSafeInteger(start) || start < 0 || start > 1_000_000)
    throw new QueryMalformed({ field: 'start', reason: 'it must be a whole number from 0' })
  return start
}

/** @param shown  wire values by fieldname, in the order of the description */
function choice(meta: Meta, shown: ReadonlyMap<string, unknown>): LinkChoice {
  const texts = new Map(
    [...shown].filter(([, value]) => value !== null && value !== undefined && value !== '').map(([name, value]) => [name, String(value)]),
  )
  const title = texts.get(meta.titleField)
  const label = meta.definition.show_title_field_in_link && title !== undefined ? { label: title } : {}
  const described = [...texts]
    .filter(([name]) => name !== 'name' && !(label.label !== undefined && name === meta.titleField))
    .map(([, text]) => text)
  return { value: texts.get('name') ?? '', description: [...new Set(described)].join(', '), ...label }
}
