import { AppError } from '#client/rules/errors.ts'
import type { Context, UserMessage } from '#kernel/context/context.ts'
import type { Answer } from './exchange.ts'

type Body = Record<string, unknown>

/** The answer to a request that succeeded, with what the work wants to tell the user. */
export function successBody(version: 1 | 2, answer: Answer, ctx: Pick<Context, 'answer' | 'messages'>, sessionExpired: boolean): Body {
  const body: Body = {}
  const { data } = answer
  if (version === 2) body.data = data ?? null
  else if (data !== undefined && data !== null) body[answer.key ?? 'data'] = data
  Object.assign(body, ctx.answer, answer.extra)
  addMessages(version, body, ctx.messages)
  if (sessionExpired) body.session_expired = 1
  return body
}

function addMessages(version: 1 | 2, body: Body, messages: readonly UserMessage[]): void {
  if (messages.length === 0) return
  if (version === 2) body.messages = messages
  else body._server_messages = JSON.stringify(messages.map((message) => JSON.stringify(message)))
}

/** How a refusal is shown. */
export interface ErrorView {
  readonly version: 1 | 2
  readonly requestId: string
  /** A system user on a site that allows it sees where an error came from. */
  readonly withTraceback: boolean
  readonly problemDetails: boolean
  /** What the work had to say before it was undone. */
  readonly messages: readonly UserMessage[]
  readonly sessionExpired: boolean
  /** The sentence of a refusal in the caller's language. */
  readonly sentence?: (error: AppError) => string
}

/** What is said of failures that nobody foresaw: no word about the inside. */
const unforeseen = 'Something went wrong here. The problem has been recorded; name the request id when you report it.'

/** The answer to a request that failed, in Frappe's words and ours (`code`, `field`). */
export function errorBody(error: unknown, view: ErrorView): { status: number; body: Body } {
  const facts = factsOf(error, view)
  if (view.problemDetails) return { status: facts.status, body: problemBody(facts) }
  return { status: facts.status, body: view.version === 2 ? bodyOfV2(error, facts, view) : bodyOfV1(error, facts, view) }
}

interface ErrorFacts {
  readonly status: number
  readonly code: string
  readonly field: string
  readonly excType: string
  readonly message: string
  /** Details for programs; none for failures of the server itself. */
  readonly data: Readonly<Body> | undefined
}

function factsOf(error: unknown, view: ErrorView): ErrorFacts {
  if (error instanceof AppError) {
    const { status, code, field, excType } = error
    const message = view.sentence?.(error) ?? error.message
    if (status < 500 || status === 503 || status === 508)
      return { status: statusFor(error, view.version), code, field, excType, message, data: status < 500 ? error.data : undefined }
  }
  const message = `${unforeseen} (${view.requestId})`
  return { status: 500, code: 'http/unforeseen', field: '', excType: 'InternalServerError', message, data: undefined }
}

/** v2 says 405 for a wrong verb; Frappe's v1 calls it a missing permission. */
function statusFor(error: AppError, version: 1 | 2): number {
  if (error.code === 'method/verb-not-allowed' && version === 2) return 405
  if (error.code === 'http/verb-refused' && version === 1) return 403
  return error.status
}

function problemBody({ status, code, field, excType, message, data }: ErrorFacts): Body {
  return { type: 'about:blank', title: titleOf(excType), status, detail: message, code, ...(field && { field }), ...(data && { data }) }
}

function bodyOfV2(error: unknown, facts: ErrorFacts, view: ErrorView): Body {
  const { code, field, excType, message, status, data } = facts
  const shown: Body = { type: excType, message, title: titleOf(excType), indicator: 'red', code, field, ...(data && { data }) }
  if (showsTraceback(status, view)) shown.exception = tracebackOf(error)
  const body: Body = { errors: [shown] }
  addMessages(2, body, view.messages)
  if (view.sessionExpired) body.session_expired = 1
  return body
}

function bodyOfV1(error: unknown, facts: ErrorFacts, view: ErrorView): Body {
  const { code, field, excType, message, status, data } = facts
  const line = `frappe.exceptions.${excType}: ${message}`
  const body: Body = { exc_type: excType }
  // Sign-in screens read the sentence here.
  if (status === 401) body.message = message
  if (status !== 404) {
    body.exception = line
    body.exc = JSON.stringify([showsTraceback(status, view) ? tracebackOf(error) : line])
  }
  const said = { message, title: titleOf(excType), indicator: 'red', raise_exception: 1 }
  body._server_messages = JSON.stringify([...view.messages, said].map((one) => JSON.stringify(one)))
  body._error_message = message
  body.error = { code, field, message, ...(data && { data }) }
  if (view.sessionExpired) body.session_expired = 1
  return body
}

function showsTraceback(status: number, view: ErrorView): boolean {
  return view.withTraceback && status !== 404
}

/** Where the error came from, without the machine's folders. */
function tracebackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return (error.stack ?? error.message).replaceAll(/(?:file:\/\/)?\/[^\s()]*\/(?=(?:apps|kernel|server|client|node_modules)\/)/g, '')
}

/** `LinkExistsError` becomes `Link Exists`. */
function titleOf(excType: string): string {
  return excType.replace(/Error$/, '').replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ') || 'Error'
}
