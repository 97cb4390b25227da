import type { Context } from '#kernel/context/context.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { copyAsNew } from '#kernel/documents/new-document.ts'
import { callDocumentMethod } from '#kernel/methods/call-document.ts'
import { callMethod, methodAt } from '#kernel/methods/call.ts'
import { doctypeAnswer } from '#kernel/methods/doctype-answer.ts'
import { demand } from '#kernel/permissions/grants.ts'
import { count } from '#kernel/query/count.ts'
import { list } from '#kernel/query/list.ts'
import { searchLink } from '#kernel/query/search-link.ts'
import { bulkDelete, bulkUpdate } from './bulk.ts'
import { addOne, changeOne, readOne, removeOne, shown, shownToWriter } from './documents.ts'
import { UnknownPart, VerbRefused } from './errors.ts'
import { type Answer, type Call, type Handler, wireOf } from './exchange.ts'
import { countParam, flagParam, namesParam, textParam } from './list-params.ts'
import { openApiAnswer } from './openapi.ts'
import { addParts } from './parts.ts'

/** The handler of a v2 address. @param parts what follows `/api/v2`, decoded; undefined: nothing is there */
export function routeV2(parts: readonly string[]): Handler | undefined {
  const [kind, first, ...rest] = parts
  switch (kind) {
    case 'document':
      return first === undefined ? undefined : routeDocument(first, rest)
    case 'method':
      if (first === undefined) return undefined
      return (ctx, call) => runMethodV2(ctx, call, first, rest)
    case 'doctype':
      return first === undefined ? undefined : routeDoctype(first, rest)
    case 'openapi.json':
      return first === undefined ? only(['GET'], openApiAnswer) : undefined
    default:
      return undefined
  }
}

function only(verbs: readonly string[], handler: Handler): Handler {
  return (ctx, call) => {
    if (!verbs.includes(call.verb)) throw new VerbRefused({ path: call.path, verb: call.verb, allowed: verbs })
    return handler(ctx, call)
  }
}

function routeDocument(doctype: string, rest: readonly string[]): Handler {
  if (rest.length === 0) return (ctx, call) => collection(ctx, call, doctype)
  if (rest.length === 1 && rest[0] === 'bulk_delete') return byVerb({ POST: (ctx, call) => bulkDelete(ctx, call, doctype) }, doctype, rest)
  if (rest.length === 1 && rest[0] === 'bulk_update') return byVerb({ POST: (ctx, call) => bulkUpdate(ctx, call, doctype) }, doctype, rest)
  // A name may hold slashes: only the end of the address tells what is asked of the document.
  if (rest.length >= 3 && rest.at(-2) === 'method') {
    const name = rest.slice(0, -2).join('/')
    return only(['GET', 'POST'], (ctx, call) => runVerb(ctx, call, doctype, name, rest.at(-1) as string))
  }
  if (rest.length >= 2 && rest.at(-1) === 'copy')
    return only(['GET'], (ctx, call) => copyOne(ctx, call, doctype, rest.slice(0, -1).join('/')))
  return (ctx, call) => resource(ctx, call, doctype, rest.join('/'))
}

/** An address that is a document's too when the verb is another: `bulk_delete` may be somebody's name. */
function byVerb(handlers: Partial<Record<string, Handler>>, doctype: string, rest: readonly string[]): Handler {
  return (ctx, call) => (handlers[call.verb] ?? ((c, k) => resource(c, k, doctype, rest.join('/'))))(ctx, call)
}

function routeDoctype(doctype: string, rest: readonly string[]): Handler | undefined {
  if (rest.length !== 1) return undefined
  switch (rest[0]) {
    case 'meta':
      return only(['GET'], async (ctx) => ({ data: await doctypeAnswer(ctx, doctype) }))
    case 'count':
      return only(['GET'], (ctx, call) => countV2(ctx, call, doctype))
    case 'search':
      return only(['GET'], (ctx, call) => searchV2(ctx, call, doctype))
    default:
      return undefined
  }
}

async function runMethodV2(ctx: Context, call: Call, first: string, rest: readonly string[]): Promise<Answer> {
  if (rest.length === 0 && first === 'bulk_delete') return bulkDelete(ctx, call, undefined)
  if (rest.length === 0 && first === 'bulk_update') return bulkUpdate(ctx, call, undefined)
  return { data: await callMethod(ctx, await methodAt(ctx, await methodPath(ctx, first, rest)), call.params, call.verb) }
}

/** `/method/<DocType>/<verb>` names a function in the DocType's own module. */
async function methodPath(ctx: Context, first: string, rest: readonly string[]): Promise<string> {
  if (rest.length !== 1) return [first, ...rest].join('/')
  const app = ctx.site.apps.appOf(first)
  const scrubbed = first.toLowerCase().replaceAll(/[ -]/g, '_')
  for (const root of [app?.name ?? 'frappe', 'frappe']) {
    const path = `${root === 'frappe' ? 'frappe.core' : root}.doctype.${scrubbed}.${scrubbed}.${rest[0]}`
    if (ctx.site.apps.method(path)) return path
  }
  return `${first}.${rest[0]}`
}

async function collection(ctx: Context, call: Call, doctype: string): Promise<Answer> {
  if (call.verb === 'GET') return listV2(ctx, call, doctype)
  if (call.verb === 'POST') return addOne(ctx, call, doctype, valuesOf(call))
  throw new VerbRefused({ path: call.path, verb: call.verb, allowed: ['GET', 'POST'] })
}

async function resource(ctx: Context, call: Call, doctype: string, name: string): Promise<Answer> {
  switch (call.verb) {
    case 'GET': {
      const include = namesParam(call.params, 'include')
      if (!include) return readOne(ctx, call, doctype, name)
      return addParts(ctx, await readOne(ctx, { ...call, headers: {} }, doctype, name), doctype, name, include)
    }
    case 'PATCH':
    case 'PUT':
      return changeOne(ctx, call, doctype, name, valuesOf(call))
    case 'DELETE':
      return removeOne(ctx, call, doctype, name)
    default:
      throw new VerbRefused({ path: call.path, verb: call.verb, allowed: ['GET', 'PATCH', 'PUT', 'DELETE'] })
  }
}

function valuesOf(call: Call): Record<string, unknown> {
  const { cmd: _, sid: __, csrf_token: ___, ...values } = call.params
  return values
}

async function copyOne(ctx: Context, call: Call, doctype: string, name: string): Promise<Answer> {
  const document = await getDocument(ctx, doctype, name)
  await demand(ctx, 'create', document.doctype)
  const copy = await shown(ctx, call, await copyAsNew(ctx, document))
  for (const key of ['name', 'owner', 'creation', 'modified', 'modified_by']) delete copy[key]
  return { data: copy }
}

async function runVerb(ctx: Context, call: Call, doctype: string, name: string, verb: string): Promise<Answer> {
  const { result, document } = await callDocumentMethod(ctx, doctype, name, verb, call.params, call.verb)
  return { data: result, extra: { docs: [await shownToWriter(ctx, call, document)] } }
}

async function listV2(ctx: Context, { params }: Call, doctype: string): Promise<Answer> {
  const wire = wireOf(ctx.site, 2)
  const limit = countParam(params, 'limit') ?? countParam(params, 'limit_page_length') ?? 20
  const parts = namesParam(params, 'include') ?? []
  const unknown = parts.find((part) => part !== 'count' && part !== 'link_titles')
  if (unknown !== undefined) throw new UnknownPart({ field: 'include', part: unknown.slice(0, 80), parts: ['count', 'link_titles'] })
  const parent = textParam(params, 'parent')
  const after = textParam(params, 'after') ?? textParam(params, 'cursor')
  const expand = namesParam(params, 'expand')
  const search = textParam(params, 'search')
  const asked = {
    filters: params.filters || undefined,
    orFilters: params.or_filters || undefined,
    ...(search && { search }),
    ...(parent && { parent }),
    wire,
  }
  const extra: Record<string, unknown> = {}
  if (parts.includes('count')) extra.count = await count(ctx, doctype, asked)
  // No rows were asked for; the DocType must be one that the caller may list all the same.
  const answer = await list(ctx, doctype, {
    ...asked,
    fields: params.fields || undefined,
    orderBy: params.order_by,
    groupBy: params.group_by,
    start: countParam(params, 'start') ?? countParam(params, 'limit_start') ?? 0,
    limit: limit === 0 ? 1 : limit,
    ...(after && { after }),
    ...(expand && { expand }),
    withLinkTitles: parts.includes('link_titles'),
  })
  const rows = limit === 0 ? [] : answer.rows
  extra.has_next_page = limit === 0 ? answer.rows.length > 0 : answer.hasNextPage
  if (answer.cursor && limit > 0) extra.cursor = answer.cursor
  if (answer.linkTitles) extra._link_titles = answer.linkTitles
  return { data: flagParam(params, 'as_dict', true) ? rows : rows.map((row) => Object.values(row)), extra }
}

async function countV2(ctx: Context, { params }: Call, doctype: string): Promise<Answer> {
  const parent = textParam(params, 'parent')
  const upTo = countParam(params, 'limit')
  const search = textParam(params, 'search')
  const data = await count(ctx, doctype, {
    filters: params.filters || undefined,
    orFilters: params.or_filters || undefined,
    ...(parent && { parent }),
    ...(upTo && { upTo }),
    ...(search && { search }),
    wire: wireOf(ctx.site, 2),
  })
  return { data }
}

async function searchV2(ctx: Context, { params }: Call, doctype: string): Promise<Answer> {
  const data = await searchLink(ctx, {
    doctype,
    txt: textParam(params, 'txt') ?? '',
    filters: params.filters || undefined,
    pageLength: countParam(params, 'limit') ?? 10,
    start: countParam(params, 'start') ?? 0,
    wire: wireOf(ctx.site, 2),
  })
  return { data }
}
