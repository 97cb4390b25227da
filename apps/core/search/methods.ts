import { Type } from 'typebox'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { defineMethod, type Method, roles, signedIn } from '#kernel/methods/method.ts'
import { wireV1 } from '#kernel/methods/wire-v1.ts'
import { searchStatus } from '#kernel/search/rebuild.ts'
import { search } from '#kernel/search/search.ts'
import { nearest } from '#kernel/search/vectors.ts'

const text = Type.Optional(Type.String())
const whole = Type.Optional(Type.Integer({ minimum: 0 }))

const globalSearch = defineMethod({
  path: 'frappe.utils.global_search.search',
  summary: 'Documents that hold the words: doctype, name, content with the labels of fields, rank, title.',
  verbs: ['GET', 'POST'],
  input: Type.Object({ text: Type.String(), start: whole, limit: whole, doctype: text }),
  rule: signedIn,
  handler: async (ctx, given) => {
    const { hits } = await search(ctx, {
      text: given.text,
      start: given.start ?? 0,
      limit: Math.min(Math.max(given.limit ?? 20, 1), 100),
      ...(given.doctype ? { doctypes: [given.doctype] } : {}),
      wire: wireV1(ctx),
    })
    return hits.map(({ doctype, name, title, texts, score }) => ({
      doctype,
      name,
      title,
      content: texts.map((one) => (one.label === '' ? one.text : `${one.label} : ${one.text}`)).join(' ||| '),
      rank: score,
    }))
  },
})

const query = defineMethod({
  path: 'orchestrator.search.query',
  summary:
    'Finds documents: hits with a marked snippet, how many per DocType, a cursor for the next page, another spelling where nothing is found.',
  verbs: ['GET', 'POST'],
  input: Type.Object({
    text: Type.String(),
    doctype: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String(), { maxItems: 100 })])),
    filters: Type.Optional(Type.Unknown()),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
    cursor: Type.Optional(Type.String({ pattern: '^[0-9]{1,5}$' })),
    groups: Type.Optional(Type.Boolean()),
  }),
  rule: signedIn,
  handler: async (ctx, given) => {
    const start = Number(given.cursor ?? 0)
    const limit = given.limit ?? 20
    const doctypes = typeof given.doctype === 'string' ? [given.doctype] : given.doctype
    const answer = await search(ctx, {
      text: given.text,
      ...(doctypes ? { doctypes } : {}),
      filters: given.filters,
      limit,
      start,
      withGroups: given.groups === true,
      withSuggestion: true,
      wire: wireV1(ctx),
    })
    return {
      hits: answer.hits.map(({ doctype, name, title, snippet, score }) => ({
        doctype,
        name,
        title,
        field: snippet.label,
        snippet: snippet.html,
        score,
      })),
      ...(answer.groups ? { groups: answer.groups } : {}),
      ...(answer.suggestion === undefined ? {} : { suggestion: answer.suggestion }),
      ...(answer.hasNextPage ? { cursor: String(start + limit) } : {}),
    }
  },
})

const near = defineMethod({
  path: 'orchestrator.search.nearest',
  summary: 'Pieces of documents whose vectors lie nearest to that of a text, where the site keeps vectors.',
  verbs: ['GET', 'POST'],
  input: Type.Object({
    text: Type.String({ minLength: 1 }),
    doctype: text,
    filters: Type.Optional(Type.Unknown()),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
  }),
  rule: signedIn,
  handler: (ctx, given) =>
    nearest(ctx, {
      text: given.text,
      ...(given.doctype ? { doctypes: [given.doctype] } : {}),
      filters: given.filters,
      limit: given.limit ?? 10,
      wire: wireV1(ctx),
    }),
})

const rebuild = defineMethod({
  path: 'frappe.utils.global_search.rebuild_for_doctype',
  summary: 'Has all documents of a DocType indexed anew by a background job; answers with the id of the job.',
  verbs: ['POST'],
  input: Type.Object({ doctype: Type.String({ minLength: 1 }) }),
  rule: roles('System Manager'),
  handler: async (ctx, { doctype }) => {
    const meta = await ctx.site.meta.get(doctype)
    return (await enqueue(ctx, 'core.rebuild-search', { doctype: meta.name, force: true }, { key: meta.name })).id
  },
})

const status = defineMethod({
  path: 'orchestrator.search.status',
  summary: 'How far the index of each searched DocType is.',
  verbs: ['GET', 'POST'],
  input: Type.Object({}),
  rule: roles('System Manager'),
  handler: (ctx) => searchStatus(ctx),
})

/** Search as Frappe offers it, and the platform's own. */
export const searchMethods: readonly Method[] = [globalSearch, query, near, rebuild, status]
