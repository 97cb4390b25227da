import type { Context } from '#kernel/context/context.ts'
import { callDocumentMethod } from '#kernel/methods/call-document.ts'
import { callMethod, methodAt } from '#kernel/methods/call.ts'
import { list } from '#kernel/query/list.ts'
import { addOne, changeOne, readOne, removeOne } from './documents.ts'
import { BadParameter, VerbRefused } from './errors.ts'
import { type Answer, type Call, type Handler, wireOf } from './exchange.ts'
import { expandLinks } from './expand-links.ts'
import { countParam, flagParam, namesParam, objectParam, textParam } from './list-params.ts'

/** Parameters that never belong to a document. */
const notFields = new Set(['cmd', 'sid', 'csrf_token', 'run_method'])

/** The handler of a v1 address. @param parts what follows `/api`, decoded; undefined: nothing is there */
export function routeV1(parts: readonly string[]): Handler | undefined {
  const [kind, first, ...rest] = parts
  if (first === undefined) return undefined
  if (kind === 'method') return (ctx, call) => runMethod(ctx, call, [first, ...rest].join('/'))
  if (kind !== 'resource') return undefined
  if (rest.length === 0) return (ctx, call) => collection(ctx, call, first)
  return (ctx, call) => resource(ctx, call, first, rest.join('/'))
}

/** Runs a method and gives its result as `message`. */
export async function runMethod(ctx: Context, call: Call, path: string): Promise<Answer> {
  const data = await callMethod(ctx, await methodAt(ctx, path), call.params, call.verb)
  return { key: 'message', data }
}

async function collection(ctx: Context, call: Call, doctype: string): Promise<Answer> {
  if (call.verb === 'GET') return listV1(ctx, call, doctype)
  if (call.verb === 'POST') return addOne(ctx, call, doctype, valuesOf(call))
  throw new VerbRefused({ path: call.path, verb: call.verb, allowed: ['GET', 'POST'] })
}

async function resource(ctx: Context, call: Call, doctype: string, name: string): Promise<Answer> {
  const verb = textParam(call.params, 'run_method') ?? textParam(call.query, 'run_method')
  switch (call.verb) {
    case 'GET':
      if (verb) return runVerb(ctx, call, doctype, name, verb)
      if (flagParam(call.params, 'expand_links'))
        return expandLinks(ctx, await readOne(ctx, { ...call, headers: {} }, doctype, name), doctype, wireOf(ctx.site, 1))
      return readOne(ctx, call, doctype, name)
    case 'POST':
      if (verb) return runVerb(ctx, call, doctype, name, verb)
      throw new BadParameter({ field: 'run_method', reason: 'is needed to call a document with POST' })
    case 'PUT':
      return changeOne(ctx, call, doctype, name, valuesOf(call))
    case 'DELETE':
      return removeOne(ctx, call, doctype, name)
    default:
      throw new VerbRefused({ path: call.path, verb: call.verb, allowed: ['GET', 'POST', 'PUT', 'DELETE'] })
  }
}

async function runVerb(ctx: Context, call: Call, doctype: string, name: string, verb: string): Promise<Answer> {
  const { run_method: _, ...given } = call.params
  const { result } = await callDocumentMethod(ctx, doctype, name, verb, given, call.verb)
  return { data: result }
}

/** A document's values: the JSON of a form's `data` field, or every parameter. */
function valuesOf(call: Call): Record<string, unknown> {
  if (Array.isArray(call.params.data)) throw new BadParameter({ field: 'data', reason: 'must be one document' })
  const wrapped =
    typeof call.params.data === 'string' && call.params.data.trim().startsWith('{') ? objectParam(call.params, 'data') : undefined
  if (wrapped) return wrapped
  const values: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(call.params)) if (!notFields.has(key)) values[key] = value
  return values
}

async function listV1(ctx: Context, { params }: Call, doctype: string): Promise<Answer> {
  const expand = namesParam(params, 'expand')
  const after = textParam(params, 'after') ?? textParam(params, 'cursor')
  const parent = textParam(params, 'parent')
  const { rows, cursor } = await list(ctx, doctype, {
    fields: params.fields || undefined,
    filters: params.filters || undefined,
    orFilters: params.or_filters || undefined,
    orderBy: params.order_by,
    groupBy: params.group_by,
    start: countParam(params, 'limit_start') ?? countParam(params, 'start') ?? 0,
    limit: countParam(params, 'limit_page_length') ?? countParam(params, 'limit') ?? 20,
    ...(after && { after }),
    ...(parent && { parent }),
    ...(expand && { expand }),
    wire: wireOf(ctx.site, 1),
  })
  const data = flagParam(params, 'as_dict', true) ? rows : rows.map((row) => Object.values(row))
  return { data, ...(cursor && { extra: { cursor } }) }
}
