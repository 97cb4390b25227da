import { Type } from 'typebox'
import type { Context } from '#kernel/context/context.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { BadInput } from '#kernel/methods/errors.ts'
import { checkedPerDocument, defineMethod, type Method } from '#kernel/methods/method.ts'
import { parseJson } from '#kernel/methods/strict-json.ts'
import { wireV1 } from '#kernel/methods/wire-v1.ts'
import { can } from '#kernel/permissions/grants.ts'
import { list } from '#kernel/query/list.ts'
import { type LinkChoice, searchLink } from '#kernel/query/search-link.ts'
import { searchable } from './link-target.ts'

const any = Type.Optional(Type.Unknown())
const text = Type.Optional(Type.String())
const whole = Type.Optional(Type.Integer({ minimum: 0 }))

const searchInput = Type.Object({
  doctype: Type.String({ minLength: 1, maxLength: 140 }),
  txt: text,
  query: text,
  filters: any,
  page_length: whole,
  start: whole,
  searchfield: text,
  reference_doctype: text,
  ignore_user_permissions: any,
  as_dict: any,
})

interface Search {
  doctype: string
  txt?: string
  query?: string
  filters?: unknown
  page_length?: number
  start?: number
  searchfield?: string
}

function search(ctx: Context, given: Search): Promise<LinkChoice[]> {
  // A query names a function of the server that would choose; what the caller may see is decided here alone.
  if (given.query)
    throw new BadInput({ method: 'frappe.desk.search.search_link', field: 'query', reason: 'names no search that this site offers' })
  return searchLink(ctx, {
    doctype: given.doctype,
    txt: given.txt ?? '',
    filters: given.filters || undefined,
    pageLength: given.page_length ?? 10,
    start: given.start ?? 0,
    ...(given.searchfield && given.searchfield !== 'name' && { searchfield: given.searchfield }),
    wire: wireV1(ctx),
  })
}

const searchLinkMethod = defineMethod({
  path: 'frappe.desk.search.search_link',
  summary: 'Documents that a link may point to, while somebody types: value, description and, where links show titles, label.',
  verbs: ['GET', 'POST'],
  input: searchInput,
  rule: checkedPerDocument('only documents that the caller may choose are found'),
  handler: (ctx, given) => search(ctx, given as Search),
})

const searchWidget = defineMethod({
  path: 'frappe.desk.search.search_widget',
  summary: 'As search_link, each choice as a list: value, then what describes it.',
  verbs: ['GET', 'POST'],
  input: searchInput,
  rule: checkedPerDocument('only documents that the caller may choose are found'),
  handler: async (ctx, given) =>
    (await search(ctx, given as Search)).map(({ value, description, label }) => [
      value,
      ...(label === undefined ? [] : [label]),
      ...(description ? [description] : []),
    ]),
})

const getLinkTitle = defineMethod({
  path: 'frappe.desk.search.get_link_title',
  summary: 'The title of a linked document; its name where it has none, or where the user may not choose it.',
  verbs: ['GET', 'POST'],
  input: Type.Object({ doctype: Type.String({ minLength: 1 }), docname: Type.String() }),
  rule: checkedPerDocument('only documents that the caller may choose show their title'),
  handler: async (ctx, { doctype, docname }) => {
    const meta = await ctx.site.meta.get(doctype)
    if (!meta.titleField || !meta.definition.show_title_field_in_link) return docname
    if ((await searchable(ctx, doctype, docname)) === undefined) return docname
    const choices = await searchLink(ctx, { doctype, txt: docname, filters: { name: docname }, pageLength: 1, wire: wireV1(ctx) })
    return choices[0]?.label ?? docname
  },
})

const namesForMentions = defineMethod({
  path: 'frappe.desk.search.get_names_for_mentions',
  summary: 'Users who can be mentioned in a comment.',
  verbs: ['GET', 'POST'],
  input: Type.Object({ search_term: text }),
  rule: checkedPerDocument('only users that the caller may choose are found'),
  handler: async (ctx, { search_term }) => {
    if (!(await can(ctx, 'select', 'User'))) return []
    const choices = await searchLink(ctx, {
      doctype: 'User',
      txt: search_term ?? '',
      filters: [['name', 'not in', ['Guest']]],
      pageLength: 20,
      wire: wireV1(ctx),
    })
    return choices.map(({ value, description, label }) => ({ id: value, value: label ?? (description || value), is_group: '' }))
  },
})

const getNext = defineMethod({
  path: 'frappe.desk.form.utils.get_next',
  summary: 'The name of the document after (or before) one, in the order of a list.',
  verbs: ['GET', 'POST'],
  input: Type.Object({
    doctype: Type.String({ minLength: 1 }),
    value: Type.String({ minLength: 1 }),
    prev: Type.Optional(Type.Boolean()),
    filters: any,
    sort_order: text,
    sort_field: text,
  }),
  rule: checkedPerDocument('list answers only rows that the caller may read'),
  handler: async (ctx, given) => {
    const meta = await ctx.site.meta.get(given.doctype)
    const field = given.sort_field || 'modified'
    const column = meta.column.get(field)
    if (!column)
      throw new BadInput({ method: 'frappe.desk.form.utils.get_next', field: 'sort_field', reason: `is no field of ${meta.name}` })
    const current = await getDocument(ctx, meta.name, given.value)
    const isAscending = (given.sort_order ?? 'desc').toLowerCase() === 'asc'
    const isForward = isAscending !== (given.prev === true)
    const wire = wireV1(ctx)
    const value = column.type.toWire((current as Record<string, unknown>)[field] as never, wire)
    const [beyond, direction] = isForward ? ['>', 'asc'] : ['<', 'desc']
    // Documents saved in the same moment follow each other by name.
    const after = [[field, beyond, value], 'or', [[field, '=', value], 'and', ['name', beyond, String(current.name)]]]
    const { rows } = await list(ctx, meta.name, {
      filters: [...listed(given.filters), after],
      orderBy: `${field} ${direction}, name ${direction}`,
      limit: 1,
      wire,
    })
    return rows[0]?.name
  },
})

function listed(filters: unknown): unknown[] {
  const given = typeof filters === 'string' && filters !== '' ? parseJson(filters, 'filters') : filters
  if (Array.isArray(given)) return given
  return typeof given === 'object' && given !== null
    ? Object.entries(given).map(([key, value]) => [key, ...(Array.isArray(value) ? value : ['=', value])])
    : []
}

/** Choices for links, and finding one's way from document to document. */
export const deskSearchMethods: readonly Method[] = [searchLinkMethod, searchWidget, getLinkTitle, namesForMentions, getNext]
