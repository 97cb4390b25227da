import { Type } from 'typebox'
import type { Context } from '#kernel/context/context.ts'
import { DocumentNotFound } from '#kernel/documents/errors.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { placeOfRow } from '#kernel/methods/child-rows.ts'
import { BadInput } from '#kernel/methods/errors.ts'
import { checkedPerDocument, defineMethod, type Method, type Verb } from '#kernel/methods/method.ts'
import { parseJson } from '#kernel/methods/strict-json.ts'
import { shownV1, wireV1 } from '#kernel/methods/wire-v1.ts'
import { count } from '#kernel/query/count.ts'
import { list } from '#kernel/query/list.ts'

const any = Type.Optional(Type.Unknown())
const text = Type.Optional(Type.String())
const doctype = Type.String({ minLength: 1, maxLength: 140 })
const whole = Type.Optional(Type.Integer({ minimum: 0 }))
const reading: readonly Verb[] = ['GET', 'POST']

const getList = defineMethod({
  path: 'frappe.client.get_list',
  summary: 'Lists documents that the user may read. See docs/kernel/query.md for fields and filters.',
  verbs: reading,
  input: Type.Object({
    doctype,
    fields: any,
    filters: any,
    or_filters: any,
    group_by: text,
    order_by: text,
    limit_start: whole,
    start: whole,
    limit_page_length: whole,
    limit: whole,
    parent: text,
    as_dict: Type.Optional(Type.Boolean()),
    expand: any,
    after: text,
  }),
  rule: checkedPerDocument('list answers only rows that the caller may read'),
  handler: async (ctx, given) => {
    const expand = namesOf(given.expand)
    const { rows, cursor } = await list(ctx, given.doctype, {
      fields: given.fields || undefined,
      filters: given.filters || undefined,
      orFilters: given.or_filters || undefined,
      orderBy: given.order_by,
      groupBy: given.group_by,
      start: given.limit_start ?? given.start ?? 0,
      limit: given.limit_page_length ?? given.limit ?? 20,
      ...(given.parent && { parent: given.parent }),
      ...(given.after && { after: given.after }),
      ...(expand && { expand }),
      wire: wireV1(ctx),
    })
    if (cursor && given.after !== undefined) ctx.answer.cursor = cursor
    return given.as_dict === false ? rows.map((row) => Object.values(row)) : rows
  },
})

function namesOf(given: unknown): string[] | undefined {
  const value = typeof given === 'string' && given.trim().startsWith('[') ? parseJson(given, 'expand') : given
  if (value === undefined || value === null || value === '') return undefined
  const names = typeof value === 'string' ? value.split(',').map((one) => one.trim()) : value
  if (Array.isArray(names) && names.every((one) => typeof one === 'string')) return names as string[]
  throw new BadInput({ method: 'frappe.client.get_list', field: 'expand', reason: 'must be a list of names' })
}

const getCount = defineMethod({
  path: 'frappe.client.get_count',
  summary: 'How many documents that the user may read meet the filters.',
  verbs: reading,
  input: Type.Object({ doctype, filters: any, parent: text }),
  rule: checkedPerDocument('count counts only rows that the caller may read'),
  handler: (ctx, given) =>
    count(ctx, given.doctype, { filters: given.filters || undefined, ...(given.parent && { parent: given.parent }), wire: wireV1(ctx) }),
})

const get = defineMethod({
  path: 'frappe.client.get',
  summary: 'One document by name, or the first that meets the filters.',
  verbs: reading,
  input: Type.Object({ doctype, name: text, filters: any, parent: text }),
  rule: checkedPerDocument('the document is read as the caller'),
  handler: async (ctx, given) => {
    const meta = await ctx.site.meta.get(given.doctype)
    const found = meta.isSingle ? meta.name : (given.name ?? (await firstName(ctx, given.doctype, given.filters, given.parent)))
    if (!found) throw new DocumentNotFound({ doctype: meta.name, name: '' })
    return meta.isTable ? childRow(ctx, given.doctype, found) : shownV1(ctx, await getDocument(ctx, meta.name, found))
  },
})

/** Filters may be the name itself. */
async function firstName(ctx: Context, target: string, filters: unknown, parent: string | undefined): Promise<string | undefined> {
  if (typeof filters === 'number') return String(filters)
  if (typeof filters === 'string' && filters !== '' && !/^\s*[[{]/.test(filters)) return filters
  const { rows } = await list(ctx, target, { filters: filters || undefined, limit: 1, ...(parent && { parent }), wire: wireV1(ctx) })
  const name = rows[0]?.name
  return name === undefined || name === null ? undefined : String(name)
}

/** A row of a child table, read through the document it belongs to. */
async function childRow(ctx: Context, target: string, name: string): Promise<Record<string, unknown>> {
  const child = await ctx.site.meta.get(target)
  const place = await placeOfRow(ctx, child, name)
  const shown = await shownV1(ctx, await getDocument(ctx, place.parenttype, place.parent))
  const row = ((shown[place.parentfield] as Record<string, unknown>[] | undefined) ?? []).find((one) => one.name === name)
  if (!row) throw new DocumentNotFound({ doctype: child.name, name })
  return row
}

const getValue = defineMethod({
  path: 'frappe.client.get_value',
  summary: 'Some fields of one document, as an object; {} when none meets the filters.',
  verbs: reading,
  input: Type.Object({ doctype, fieldname: Type.Unknown(), filters: any, as_dict: Type.Optional(Type.Boolean()), parent: text }),
  rule: checkedPerDocument('list answers only rows and fields that the caller may read'),
  handler: async (ctx, given) => {
    const fields = fieldNames(given.fieldname)
    const meta = await ctx.site.meta.get(given.doctype)
    const row = meta.isSingle
      ? await singleRow(ctx, meta.name, fields)
      : await firstRow(ctx, given.doctype, fields, given.filters, given.parent)
    if (given.as_dict === false) return row ? fields.map((field) => row[field]) : []
    return row ?? {}
  },
})

async function firstRow(
  ctx: Context,
  target: string,
  fields: string[],
  filters: unknown,
  parent: string | undefined,
): Promise<Record<string, unknown> | undefined> {
  const isName = typeof filters === 'number' || (typeof filters === 'string' && filters !== '' && !/^\s*[[{]/.test(filters))
  const wanted = isName ? { name: String(filters) } : filters || undefined
  const { rows } = await list(ctx, target, { fields, filters: wanted, limit: 1, ...(parent && { parent }), wire: wireV1(ctx) })
  return rows[0]
}

async function singleRow(ctx: Context, target: string, fields: string[]): Promise<Record<string, unknown>> {
  const shown = await shownV1(ctx, await getDocument(ctx, target, target))
  return Object.fromEntries(fields.map((field) => [field, Object.hasOwn(shown, field) ? shown[field] : null]))
}

function fieldNames(given: unknown): string[] {
  const value = typeof given === 'string' && given.trim().startsWith('[') ? parseJson(given, 'fieldname') : given
  const names = typeof value === 'string' ? [value] : value
  if (Array.isArray(names) && names.length > 0 && names.every((one) => typeof one === 'string')) return names as string[]
  throw new BadInput({ method: 'frappe.client.get_value', field: 'fieldname', reason: 'must be a name or a list of names' })
}

const linkInput = Type.Object({ doctype, docname: Type.Union([Type.String(), Type.Number()]), fields: any, fields_to_fetch: any })

/** Whether a link may point there, and what the form wants to know of the target. Nothing is said of what the user may not choose. */
async function validateLink(
  ctx: Context,
  given: { doctype: string; docname: string | number; fields?: unknown; fields_to_fetch?: unknown },
): Promise<Record<string, unknown>> {
  const { searchable } = await import('./link-target.ts')
  const name = await searchable(ctx, given.doctype, String(given.docname))
  if (name === undefined) return {}
  const wanted = given.fields ?? given.fields_to_fetch
  if (!wanted || wanted === '[]') return { name }
  const row = await firstRow(ctx, given.doctype, ['name', ...fieldNames(wanted).filter((field) => field !== 'name')], name, undefined)
  return row ?? { name }
}

const validateLinkMethod = defineMethod({
  path: 'frappe.client.validate_link',
  summary: 'The name that a link may hold, and fields of the linked document; {} when the link leads nowhere for this user.',
  verbs: reading,
  input: linkInput,
  rule: checkedPerDocument('only targets that the caller may choose are found'),
  handler: validateLink,
})

const validateLinkAndFetch = defineMethod({
  path: 'frappe.client.validate_link_and_fetch',
  summary: 'As frappe.client.validate_link, under the name that newer clients use.',
  verbs: reading,
  input: linkInput,
  rule: checkedPerDocument('only targets that the caller may choose are found'),
  handler: validateLink,
})

/** Lists, counts and lookups of Frappe's clients; changes are in client.ts. */
export const clientReadMethods: readonly Method[] = [getList, getCount, get, getValue, validateLinkMethod, validateLinkAndFetch]
