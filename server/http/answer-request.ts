import type { FastifyRequest } from 'fastify'
import type { Context, Principal, RequestFacts } from '#kernel/context/context.ts'
import { authenticate, type Authenticated, type Credentials } from '#kernel/identity/authenticate.ts'
import { guest } from '#kernel/identity/principals.ts'
import { configuredRule, rateHeaders, takeRequest } from '#kernel/limits/rate-limit.ts'
import { FileAnswer } from '#kernel/methods/file-answer.ts'
import type { Verb } from '#kernel/methods/method.ts'
import type { Site } from '#kernel/sites/site.ts'
import { isSet } from '#kernel/sites/settings.ts'
import { languageForGuest, loadTranslations, translateError } from '#kernel/translations/translate.ts'
import { sessionCookies, sidOf } from './cookies.ts'
import { type ErrorView, successBody } from './envelope.ts'
import type { Answer, Call, Outcome, Route } from './exchange.ts'
import { dispositionHeader } from './headers.ts'
import { type Effect, withIdempotency } from './idempotency.ts'

/** What an error that comes out of the work is shown with. */
export type ViewFacts = Pick<ErrorView, 'withTraceback' | 'messages' | 'sessionExpired' | 'sentence'>

/** A request as far as it has been read. */
export interface Reading {
  readonly request: FastifyRequest
  readonly site: Site
  readonly verb: Verb
  readonly path: string
  readonly query: Record<string, unknown>
  readonly params: Record<string, unknown>
}

/** Who sent a request, and the headers that tell how much it may still send. */
export interface Caller {
  readonly who: Authenticated
  readonly limits: Record<string, string>
}

/** Finds out who sent a request, and counts it. The site must be fresh. @throws InvalidCredential, InvalidCsrfToken, RateLimitExceeded … */
export async function identify({ request, site, params, verb }: Reading): Promise<Caller> {
  const { headers } = request
  const csrf = headers['x-frappe-csrf-token'] ?? params.csrf_token
  const source = headers['frappe-authorization-source']
  const credentials: Credentials = {
    authorization: headers.authorization,
    authorizationSource: typeof source === 'string' ? source : undefined,
    sid: sidOf(headers.cookie) ?? (typeof params.sid === 'string' ? params.sid : undefined),
    csrfToken: typeof csrf === 'string' ? csrf : undefined,
    ip: request.ip,
    verb,
  }
  const who = await authenticate(site, credentials)
  const decision = await takeRequest(site, who.principal.credential ?? `ip:${request.ip}`)
  const isConfigured = site.config.rate_limit !== undefined && configuredRule(site.config.rate_limit, noRule) !== noRule
  return { who, limits: isConfigured ? rateHeaders(decision) : none }
}

const noRule = { limit: 0, windowMs: 0 }
const none: Record<string, string> = {}

/**
 * Does the work of a request in one unit of work: who is it, may it, do it, commit. A GET never commits, unless its method says so.
 * @param known  the caller, when it had to be found out before the body was read
 * @param facts  filled in for the case that the work fails
 * @param tell   hears who the caller is
 */
export async function answerRequest(
  reading: Reading,
  route: Route,
  facts: { view: ViewFacts },
  known?: Caller,
  tell?: (user: string) => void,
): Promise<Outcome> {
  const { request, site, verb, path, params, query } = reading
  const isHead = request.method === 'HEAD'
  const search = request.raw.url?.slice(path.length + 1) ?? ''
  const call: Call = { verb, version: route.version, path, params, query, search, headers: request.headers, isHead }
  const commitsOnGet = route.commitsOnGet === true || (route.method !== undefined && site.apps.method(route.method)?.commitsOnGet === true)
  const requestFacts: Partial<RequestFacts> & { readOnly: boolean } = {
    id: request.id,
    ip: request.ip,
    via: 'http',
    ...traceOf(request.headers.traceparent),
    readOnly: verb === 'GET' && !commitsOnGet,
  }
  let acting: Context | undefined
  let caller = known
  const outcome = await site.run(
    known?.who.principal ?? guest,
    async (outer) => {
      caller ??= await identify(reading)
      const ctx = contextOf(outer, caller.who.principal)
      acting = ctx
      tell?.(ctx.user.name)
      const language = languageOf(ctx, request.headers['accept-language'])
      await loadTranslations(site, language)
      facts.view = {
        withTraceback: seesTracebacks(ctx),
        messages: ctx.messages,
        sessionExpired: caller.who.sessionExpired === true,
        sentence: (error) => translateError(site, language, error),
      }
      const key = verb === 'GET' ? undefined : request.headers['idempotency-key']
      const work = async (): Promise<Effect> => {
        const answer = withFile(await route.handler(ctx, call))
        return {
          answer,
          body:
            answer.raw || answer.status === 304 ? undefined : successBody(route.version, answer, ctx, caller?.who.sessionExpired === true),
        }
      }
      return typeof key === 'string' ? withIdempotency(ctx, call, key, work) : fromEffect(await work())
    },
    requestFacts,
  )
  Object.assign(outcome.headers, caller?.limits)
  // Cookies name what the unit of work has made durable.
  const cookies = acting && sessionCookies(acting, request.protocol === 'https')
  if (cookies) outcome.cookies = cookies
  return outcome
}

/** A method's file goes out as it is, under its own name. */
function withFile(answer: Answer): Answer {
  if (!(answer.data instanceof FileAnswer)) return answer
  const { fileName, type, content, isShown } = answer.data
  return {
    headers: { 'content-disposition': dispositionHeader(isShown ? 'inline' : 'attachment', fileName) },
    raw: { type, body: content },
  }
}

function contextOf(outer: Context, principal: Principal): Context {
  return principal === outer.user ? outer : outer.as(principal)
}

function fromEffect({ answer, body }: Effect): Outcome {
  return { status: answer.status ?? 200, headers: { ...answer.headers }, ...(body && { body }), ...(answer.raw && { raw: answer.raw }) }
}

function languageOf({ site, user }: Context, accepted: string | undefined): string {
  return user.name === guest.name ? languageForGuest(site, accepted) : user.language
}

function seesTracebacks(ctx: Context): boolean {
  return ctx.user.userType === 'System User' && isSet(ctx.site, 'allow_error_traceback')
}

/** The trace that a caller is part of, where its header is one: https://www.w3.org/TR/trace-context/. */
function traceOf(header: string | string[] | undefined): Partial<RequestFacts> {
  return typeof header === 'string' && /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(header) ? { trace: header } : {}
}
