/** What a failed call tells: thrown by every function of the client, whatever went wrong. */
export interface Failure {
  /** HTTP status; 0 when no answer came (no network, server gone, time ran out). */
  status: number
  /**
   * The server's stable error code such as `document/not-found`; `client/unreachable`, `client/timeout` or `client/bad-answer` when the
   * failure is on the way; `http/<status>` when whoever answered gave no code (a proxy, for example).
   */
  code: string
  /** Frappe's name of the failure, such as `LinkValidationError`; empty where none was given. */
  type: string
  /** Where in the input the fault lies, such as `items[2].qty`; empty when it concerns the whole. */
  field: string
  /** Sentences for people, in the order the server gave them; at least one. */
  messages: string[]
  /** What the server adds for programs, such as the fields that differ in a conflict. */
  data: Readonly<Record<string, unknown>>
  /** The server's id of the request, to quote in a report; empty when no answer came. */
  requestId: string
}

/** A call that failed. `message` is the first of `messages`. */
export class ClientError extends Error implements Failure {
  override name = 'ClientError'
  readonly status: number
  readonly code: string
  readonly type: string
  readonly field: string
  readonly messages: string[]
  readonly data: Readonly<Record<string, unknown>>
  readonly requestId: string

  constructor(failure: Failure, options?: ErrorOptions) {
    super(failure.messages[0] ?? failure.code, options)
    this.status = failure.status
    this.code = failure.code
    this.type = failure.type
    this.field = failure.field
    this.messages = failure.messages
    this.data = failure.data
    this.requestId = failure.requestId
  }
}

/** An error for a failure on this side of the wire. */
export function localFailure(code: string, message: string, options?: ErrorOptions): ClientError {
  return new ClientError({ status: 0, code, type: '', field: '', messages: [message], data: {}, requestId: '' }, options)
}

/**
 * Reads a refusal in any of the server's three forms: v2 (`errors`), v1 (`exc_type`, `_server_messages`, `error`) and problem details.
 * @param body  the parsed answer; anything at all, since a proxy may have answered
 */
export function readFailure(status: number, body: unknown, requestId: string): ClientError {
  const answer = isRecord(body) ? body : {}
  const first = firstError(answer)
  return new ClientError({
    status,
    code: text(first.code) || text(answer.code) || `http/${status}`,
    type: text(answer.exc_type) || text(first.type),
    field: text(first.field) || text(answer.field),
    messages: readMessages(answer, first, status),
    data: isRecord(first.data) ? first.data : isRecord(answer.data) ? answer.data : {},
    requestId,
  })
}

function firstError(answer: Record<string, unknown>): Record<string, unknown> {
  const listed = Array.isArray(answer.errors) ? answer.errors[0] : answer.error
  return isRecord(listed) ? listed : {}
}

function readMessages(answer: Record<string, unknown>, first: Record<string, unknown>, status: number): string[] {
  const listed = Array.isArray(answer.errors) ? answer.errors.filter(isRecord).map((error) => text(error.message)) : [text(first.message)]
  const candidates = [
    ...listed,
    ...serverMessages(answer._server_messages),
    text(answer.detail),
    text(answer._error_message),
    text(answer.message),
  ]
  const messages = [...new Set(candidates.filter((message) => message !== ''))]
  return messages.length > 0 ? messages : [`The server answered with status ${status}.`]
}

/** v1 wraps its messages twice: a JSON text of a list of JSON texts. */
export function serverMessages(wrapped: unknown): string[] {
  const list = parse(wrapped)
  if (!Array.isArray(list)) return []
  return list.map((item) => {
    const message = parse(item)
    return isRecord(message) ? text(message.message) : text(item)
  })
}

function parse(value: unknown): unknown {
  if (typeof value !== 'string') return undefined
  try {
    return JSON.parse(value)
  } catch {
    return undefined
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** Whether a value is an object with names, not a list. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
