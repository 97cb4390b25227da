import { randomUUID } from 'node:crypto'
import multipart from '@fastify/multipart'
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { AppError } from '#client/rules/errors.ts'
import type { ReceivedFile } from '#kernel/files/received-file.ts'
import type { Verb } from '#kernel/methods/method.ts'
import { readEpoch } from '#kernel/sites/epoch.ts'
import type { Runtime } from '#kernel/sites/runtime.ts'
import type { Site } from '#kernel/sites/site.ts'
import { isLive, serveRealtime } from '#server/realtime/serve-realtime.ts'
import { answerRequest, type Caller, identify, type Reading, type ViewFacts } from './answer-request.ts'
import { errorBody } from './envelope.ts'
import { BodyTooLarge, MediaTypeUnsupported, PathMalformed, PathUnknown, RequestMalformed, VerbRefused } from './errors.ts'
import type { Outcome } from './exchange.ts'
import { answerHeaders, corsHeaders, preflightHeaders, strictTransport } from './headers.ts'
import { errorPage } from './html.ts'
import { pageRoute } from './pages.ts'
import { readForm, readParams } from './read-body.ts'
import { commandRoute, findRoute, versionOf } from './routes.ts'
import { type ObserveOptions, observeRequests, type RequestObserver } from '#server/observability/observe-requests.ts'
import { bears, metricsText } from '#server/observability/ops-server.ts'
import { serveOAuth } from './oauth.ts'
import { signInRoute } from './sign-in.ts'
import { type SiteChoice, siteFinder } from './site-of-request.ts'
import { drain, isMultipart, receiveMultipart, receivedFileOf } from './upload.ts'
import { serveWebhooks } from './webhooks.ts'

export interface ServerOptions extends SiteChoice {
  /** Bytes that a body may have; default 10 MB. Uploaded files have their own limit. */
  bodyLimit?: number
  /** Which proxies may say who the client is, as Fastify's option of that name; default: none. */
  trustProxy?: boolean | string | string[]
  /** What is told of requests, to logs and figures; default: nothing. */
  observe?: Omit<ObserveOptions, 'apps'> & { readonly metricsToken?: string }
}

const defaultBodyLimit = 10 * 1024 * 1024
const verbs = ['GET', 'HEAD', 'QUERY', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

/**
 * The web server of a process, for all its sites. It is not listening yet; `close()` stops accepting, lets what is running finish,
 * and leaves the runtime open.
 */
export function createServer(runtime: Runtime, options: ServerOptions = {}): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: options.bodyLimit ?? defaultBodyLimit,
    trustProxy: options.trustProxy ?? false,
    genReqId: (request) => idFromProxy(request.headers['x-request-id'], options) ?? randomUUID(),
    forceCloseConnections: 'idle',
    // Clients that offer HTTP/2 with each request are answered in HTTP/1.
    http: { shouldUpgradeCallback: isLive },
    routerOptions: { maxParamLength: 4000 },
    // Only addresses that cannot be decoded come here.
    frameworkErrors: (_error, request, reply) => {
      sendError(request as FastifyRequest, reply as FastifyReply, new PathMalformed({ field: 'path' }))
    },
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.register(multipart, { throwFileSizeLimit: false })
  app.setErrorHandler((error: FastifyError, request, reply) =>
    sendError(request, reply, asDefined(error, app.initialConfig.bodyLimit ?? defaultBodyLimit)),
  )
  app.get('/health/live', (_request, reply) => reply.headers(answerHeaders).send({ status: 'ok' }))
  app.get('/health/ready', async (_request, reply) => {
    const ready = await isReady(runtime, options)
    return reply
      .headers(answerHeaders)
      .code(ready ? 200 : 503)
      .send({ status: ready ? 'ready' : 'not ready' })
  })
  const metricsToken = options.observe?.metricsToken
  if (options.observe) observeRequests(app, { ...options.observe, apps: runtime.apps })
  if (metricsToken)
    app.get('/metrics', async (request, reply) => {
      if (!bears(request.headers.authorization, metricsToken)) throw new PathUnknown({ path: '/metrics' })
      const { type, body } = await metricsText()
      return reply.headers(answerHeaders).type(type).send(body)
    })
  const findSite = siteFinder(runtime, options)
  serveWebhooks(app, findSite, runtime.apps)
  serveOAuth(app, findSite)
  let isClosing = false
  app.addHook('preClose', async () => {
    isClosing = true
  })
  const handler = async (request: FastifyRequest, reply: FastifyReply) => {
    await handle(findSite, request, reply, () => isClosing, options.observe?.observer)
    return reply
  }
  app.route({ method: [...verbs], url: '/', handler })
  app.route({ method: [...verbs], url: '/*', handler })
  serveRealtime(app, { findSite, choice: options, trustProxy: options.trustProxy, log: runtime.log })
  app.setNotFoundHandler((request, reply) => {
    const path = pathOf(request)
    return sendError(request, reply, new VerbRefused({ path: path.slice(0, 140), verb: request.method, allowed: [...verbs] }))
  })
  return app
}

/** @param isClosing whether the server closes; a connection that is kept open would hold it up then */
async function handle(
  findSite: ReturnType<typeof siteFinder>,
  request: FastifyRequest,
  reply: FastifyReply,
  isClosing: () => boolean,
  observer: RequestObserver | undefined,
): Promise<FastifyReply> {
  const facts: { view: ViewFacts } = { view: nothingKnown }
  let site: Site | undefined
  let received: ReceivedFile | undefined
  let succeeded = false
  try {
    site = await findSite(request.headers)
    observer?.note(request, { site: site.host })
    if (site.config.allow_cors) reply.headers(corsHeaders(site, request.headers) ?? {})
    if (request.method === 'OPTIONS')
      return await reply
        .headers({ ...answerHeaders, ...preflightHeaders, allow: verbs.join(', ') })
        .code(204)
        .send()
    const { reading, caller } = await read(request, site)
    received = receivedFileOf(reading.params)
    const command = reading.params.cmd ?? reading.query.cmd
    const route =
      typeof command === 'string' && command !== ''
        ? commandRoute(command, reading.path)
        : (signInRoute(reading.path) ?? findRoute(reading.path) ?? pageRoute(reading.path))
    if (!route) throw new PathUnknown({ path: reading.path.slice(0, 140) })
    const outcome = await answerRequest(reading, route, facts, caller, (user) => observer?.note(request, { user }))
    succeeded = true
    if (isClosing()) reply.header('connection', 'close')
    return await send(request, reply, outcome)
  } catch (error) {
    if (isMultipart(request)) await drain(request)
    if (isClosing()) reply.header('connection', 'close')
    return sendError(request, reply, error, facts.view, site)
  } finally {
    if (received && site) await received.finish(site, succeeded)
  }
}

/** The id that a trusted proxy gave the request, so that its log and ours tell of the same one. */
function idFromProxy(given: string | string[] | undefined, { trustProxy }: ServerOptions): string | undefined {
  return trustProxy && typeof given === 'string' && /^[A-Za-z0-9_-]{8,64}$/.test(given) ? given : undefined
}

const nothingKnown: ViewFacts = { withTraceback: false, messages: [], sessionExpired: false }

/** Reads address, query and body. Who uploads must be known before anything is received. */
async function read(request: FastifyRequest, site: Site): Promise<{ reading: Reading; caller?: Caller }> {
  const url = request.raw.url ?? '/'
  const mark = url.indexOf('?')
  const path = mark < 0 ? url : url.slice(0, mark)
  const query = mark < 0 ? {} : readForm(url.slice(mark + 1))
  const verb = (request.method === 'HEAD' || request.method === 'QUERY' ? 'GET' : request.method) as Verb
  const known = { request, site, verb, path, query }
  if (!isMultipart(request))
    return { reading: { ...known, params: readParams(query, request.body as Buffer | undefined, request.headers['content-type']) } }
  await site.freshen()
  const caller = await identify({ ...known, params: query }) // a form's csrf_token comes too late; multipart clients send the header
  return { reading: { ...known, params: { ...query, ...(await receiveMultipart(request, site, caller.who.principal)) } }, caller }
}

function pathOf(request: FastifyRequest): string {
  return (request.raw.url ?? '/').split('?', 1)[0] ?? '/'
}

async function send(request: FastifyRequest, reply: FastifyReply, outcome: Outcome): Promise<FastifyReply> {
  reply
    .code(outcome.status)
    .headers({ ...answerHeaders, 'x-request-id': request.id, 'x-frappe-request-id': request.id, ...outcome.headers })
  if (request.protocol === 'https') reply.headers(strictTransport)
  if (outcome.cookies) reply.header('set-cookie', outcome.cookies)
  if (outcome.raw) return reply.type(outcome.raw.type).send(outcome.raw.body)
  const text = outcome.text ?? (outcome.body && JSON.stringify(outcome.body))
  return text === undefined ? reply.send() : reply.type('application/json; charset=utf-8').send(text)
}

function sendError(
  request: FastifyRequest,
  reply: FastifyReply,
  error: unknown,
  view: ViewFacts = nothingKnown,
  site?: Site,
): FastifyReply {
  const path = pathOf(request)
  const accept = request.headers.accept ?? ''
  const problemDetails = accept.includes('application/problem+json')
  const { status, body } = errorBody(error, { ...view, version: versionOf(path), requestId: request.id, problemDetails })
  if (status >= 500) site?.log.error({ err: error, request: request.id, path, verb: request.method }, 'a request failed')
  reply.code(status).headers({ ...answerHeaders, 'x-request-id': request.id, 'x-frappe-request-id': request.id })
  if (request.protocol === 'https') reply.headers(strictTransport)
  if (error instanceof AppError) reply.headers(headersOfError(error, status))
  // A body that nobody read would be taken for the next request.
  if (!request.raw.complete) reply.header('connection', 'close')
  // People who follow a link see a sentence; programs get JSON.
  if (!path.startsWith('/api') && accept.includes('text/html') && !accept.includes('json'))
    return reply.type('text/html; charset=utf-8').send(errorPage(status, sentenceOf(body)))
  return reply.type(problemDetails ? 'application/problem+json' : 'application/json; charset=utf-8').send(JSON.stringify(body))
}

function sentenceOf(body: Record<string, unknown>): string {
  return String(body._error_message ?? '')
}

function headersOfError({ data }: AppError, status: number): Record<string, string> {
  if (status === 405 && Array.isArray(data.allowed)) return { allow: data.allowed.join(', ') }
  if (status === 401) return { 'www-authenticate': 'token' }
  if (status === 503) return { 'retry-after': '1' }
  if (status !== 429) return {}
  const headers: Record<string, string> = { 'retry-after': String(data.retryAfterSeconds ?? data.seconds ?? 1) }
  if (data.limit !== undefined)
    Object.assign(headers, {
      'x-ratelimit-limit': String(data.limit),
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': String(data.resetSeconds),
    })
  return headers
}

/** Fastify's own refusals, in our words. */
function asDefined(error: FastifyError, bodyLimit: number): unknown {
  if (error instanceof AppError) return error
  switch (error.statusCode) {
    case 413:
      return new BodyTooLarge({ limit: bodyLimit }, { cause: error })
    case 415:
      return new MediaTypeUnsupported({ type: 'unknown' }, { cause: error })
    default:
      return error.statusCode && error.statusCode < 500 ? new RequestMalformed({ reason: error.message }, { cause: error }) : error
  }
}

/** Whether requests can be answered: the sites folder is there, and the one site that is served has its database. */
/** Whether the sites can be reached: the one that is served, or the only one. */
export async function isReady(runtime: Runtime, options: Pick<SiteChoice, 'site'>): Promise<boolean> {
  try {
    const hosts = runtime.hosts()
    const only = options.site ?? (hosts.length === 1 ? hosts[0] : undefined)
    if (only) await readEpoch((await runtime.site(only)).database)
    return true
  } catch {
    return false
  }
}
