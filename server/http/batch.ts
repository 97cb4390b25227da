import { AppError } from '#client/rules/errors.ts'
import type { Context } from '#kernel/context/context.ts'
import { readListInput } from '#kernel/methods/document-input.ts'
import { BadInput } from '#kernel/methods/errors.ts'
import type { Verb } from '#kernel/methods/method.ts'
import { errorBody, type ErrorView, successBody } from './envelope.ts'
import { PathUnknown, VerbRefused } from './errors.ts'
import type { Answer, Call, FindRoute, Handler } from './exchange.ts'
import { flagParam } from './list-params.ts'
import { readForm } from './read-body.ts'
import { splitPath } from './read-path.ts'

/** Operations that one batch may hold. */
const most = 100
const verbs: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])

interface Operation {
  readonly verb: Verb
  readonly path: string
  readonly query: Record<string, unknown>
  readonly body: Record<string, unknown>
}

/** What became of one operation. */
interface Result {
  status: number
  body: Record<string, unknown>
}

/**
 * Several calls in one transaction. With `atomic` (the default) the first refusal undoes all and is the answer, its `field` beginning with
 * `operations[n]`; without, each operation stands or falls alone and says so in its place.
 */
export function batchHandler(findRoute: FindRoute): Handler {
  return (ctx, call) => runBatch(ctx, call, findRoute)
}

async function runBatch(ctx: Context, call: Call, findRoute: FindRoute): Promise<Answer> {
  if (call.verb !== 'POST') throw new VerbRefused({ path: call.path, verb: call.verb, allowed: ['POST'] })
  const operations = readListInput('batch', call.params.operations, 'operations', most).map(readOperation)
  const atomic = flagParam(call.params, 'atomic', true)
  const results: Result[] = []
  for (const [index, operation] of operations.entries()) {
    try {
      results.push(atomic ? await perform(ctx, operation, findRoute) : await ctx.db.savepoint(() => perform(ctx, operation, findRoute)))
    } catch (error) {
      if (atomic) throw placed(error, index)
      if (!(error instanceof AppError) || error.status >= 500) throw error
      results.push(errorBody(error, viewOf(ctx)))
    }
  }
  return { data: results }
}

function readOperation(given: unknown, index: number): Operation {
  const refuse = (part: string, reason: string): never => {
    throw new BadInput({ method: 'batch', field: `operations[${index}]${part}`, reason })
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return refuse('', 'must be an object')
  const { method = 'GET', path, body = {} } = given as { method?: unknown; path?: unknown; body?: unknown }
  if (typeof method !== 'string' || !verbs.has(method.toUpperCase())) return refuse('.method', 'must be GET, POST, PUT, PATCH or DELETE')
  if (typeof path !== 'string' || !path.startsWith('/api/')) return refuse('.path', 'must begin with /api/')
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return refuse('.body', 'must be an object')
  const [address = '', query = ''] = path.split('?', 2)
  // As the router reads it: doubled slashes and escapes are no way in.
  if (/^api\/(v\d\/)?batch$/.test(splitPath(address).join('/'))) return refuse('.path', 'cannot be a batch itself')
  return { verb: method.toUpperCase() as Verb, path: address, query: readForm(query), body: body as Record<string, unknown> }
}

async function perform(ctx: Context, { verb, path, query, body }: Operation, findRoute: FindRoute): Promise<Result> {
  const route = findRoute(path)
  if (!route) throw new PathUnknown({ path: path.slice(0, 140) })
  const params = Object.keys(body).length > 0 ? body : query
  // What one operation says beside its answer belongs to it alone.
  const said = ctx.messages.length
  const answer = await route.handler(ctx, { verb, version: route.version, path, params, query, headers: {} })
  const own = { answer: { ...ctx.answer }, messages: ctx.messages.splice(said) }
  for (const key of Object.keys(ctx.answer)) delete ctx.answer[key]
  if (answer.raw) throw new BadInput({ method: 'batch', field: 'path', reason: `${path.slice(0, 140)} does not answer in JSON` })
  return { status: answer.status ?? 200, body: successBody(route.version, answer, own, false) }
}

function placed(error: unknown, index: number): unknown {
  if (!(error instanceof AppError)) return error
  const field = error.field ? `operations[${index}].${error.field}` : `operations[${index}]`
  const { code, status, excType, message } = error
  return new AppError(
    { code, status, excType, message: () => message } as never,
    message,
    { ...error.data, field, operation: index },
    { cause: error },
  )
}

function viewOf(ctx: Context): ErrorView {
  return { version: 2, requestId: ctx.request.id, withTraceback: false, problemDetails: false, messages: [], sessionExpired: false }
}
