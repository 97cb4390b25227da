import { type BatchOptions, type BatchOutcome, type BatchStep, sendBatch } from './batch.ts'
import { isRecord } from './client-error.ts'
import type { DocTypes, DocumentOf, FieldName, Methods, NameIn, RowOf, StandardFields } from './doc-types.ts'
import {
  type CallOptions,
  type DocumentClient,
  type DocumentTags,
  dataOf,
  documentClient,
  type ListOptions,
  type Page,
  signalOf,
} from './documents.ts'
import { type Credentials, openSession } from './session.ts'
import { type Answer, openTransport, type Patience, type Transport, type Verb } from './transport.ts'
import { type ByteStream, type UploadedFile, type UploadOptions, uploadFile } from './upload.ts'

export interface ClientOptions {
  /** The server's root, such as `https://crm.example.com`. Default: where the page came from, which only a browser knows. */
  url?: string
  /** An API key, a bearer token, or `session` (default): cookies, as set by `signIn` or by the page. */
  auth?: Credentials
  /** Replaces the platform's own, for tests and for proxies. */
  fetch?: typeof fetch
  /** Retries and time limits. */
  patience?: Patience
  /** Sent with every call, such as `X-Frappe-Site-Name`. */
  headers?: Readonly<Record<string, string>>
}

export interface SignInOptions extends CallOptions {
  /** The code from the person's app or mail, and the `tmpId` of the first attempt, where two factors are needed. */
  otp?: string
  tmpId?: string
}

/** How signing in ended: done, or waiting for the second factor. */
export type SignInOutcome =
  | { done: true; fullName: string; homePage: string }
  /** Sign in again with this id and the code. `verification` says how the code reaches the person. */
  | { done: false; tmpId: string; verification: Readonly<Record<string, unknown>> }

export interface MethodOptions extends CallOptions {
  /** Default POST. GET for methods that only read: such a call changes nothing, and is repeated freely. */
  verb?: Verb
}

type InputOf<Path> = Path extends keyof Methods ? (Methods[Path] extends { input: infer Input } ? Input : object) : object
type OutputOf<Path> = Path extends keyof Methods ? (Methods[Path] extends { output: infer Output } ? Output : unknown) : unknown

/** A connection to one server as one user. Every function throws ClientError when refused. */
export interface Client<Types> {
  /** The documents of one DocType. */
  doc<Name extends NameIn<Types>>(doctype: Name): DocumentClient<DocumentOf<Types, Name>>
  /** Short for `doc(doctype).list(options)`. */
  list<Name extends NameIn<Types>, Field extends FieldName<DocumentOf<Types, Name>> = 'name' & FieldName<DocumentOf<Types, Name>>>(
    doctype: Name,
    options?: ListOptions<DocumentOf<Types, Name>, Field>,
  ): Promise<Page<RowOf<DocumentOf<Types, Name>, Field>>>
  /** Calls a method by its path. With GET, objects and lists in the input travel as JSON text. */
  call<Path extends (keyof Methods & string) | (string & {})>(
    path: Path,
    input?: InputOf<Path>,
    options?: MethodOptions,
  ): Promise<OutputOf<Path>>
  /** Sends a file: a Blob or File, or a stream of known size. */
  upload(source: Blob | ByteStream, options?: UploadOptions): Promise<UploadedFile>
  /** Does several things in one call and, unless told otherwise, in one transaction; see BatchStep. */
  batch(steps: readonly BatchStep<Types>[], options?: BatchOptions): Promise<BatchOutcome[]>
  /** Opens a cookie session. @throws ClientError 401 when name or password are wrong, 429 after too many attempts */
  signIn(user: string, password: string, options?: SignInOptions): Promise<SignInOutcome>
  signOut(options?: CallOptions): Promise<void>
  /** Who the server takes this client for; `Guest` when nobody signed in. */
  whoAmI(options?: CallOptions): Promise<string>
}

/**
 * A client for browsers and for Node.
 * @typeParam Types  DocTypes by name; default: what generated files added to the interface `DocTypes`
 */
export function createClient<Types extends object = DocTypes>(options: ClientOptions = {}): Client<Types> {
  const session = openSession(options.auth ?? 'session')
  const send = openTransport({
    url: (options.url ?? '').replace(/\/+$/, ''),
    session,
    // Called as a plain function: browsers refuse a fetch that is called on another object.
    fetch: options.fetch ?? ((input, init) => fetch(input, init)),
    patience: options.patience ?? {},
    headers: options.headers ?? {},
  })
  const tags: DocumentTags = new WeakMap()
  const doc = <Document extends StandardFields>(doctype: string) => documentClient<Document>(send, tags, doctype)
  const client = {
    doc,
    list: (doctype: string, listOptions?: ListOptions<StandardFields, never>) => doc(doctype).list(listOptions),
    call: async (path: string, input: object = {}, callOptions: MethodOptions = {}) =>
      dataOf(await callMethod(send, path, input, callOptions)),
    batch: (steps: readonly BatchStep<object>[], batchOptions?: BatchOptions) => sendBatch(send, steps, batchOptions),
    upload: (source: Blob | ByteStream, uploadOptions?: UploadOptions) => uploadFile(send, source, uploadOptions),
    signIn: async (user: string, password: string, signInOptions: SignInOptions = {}) => {
      // The token of the session before means nothing to the new one.
      session.setCsrfToken(undefined)
      const { otp, tmpId } = signInOptions
      const body = { usr: user, pwd: password, ...(otp === undefined ? {} : { otp, tmp_id: tmpId }) }
      return signInOutcome(await send({ verb: 'POST', path: '/api/method/login', body, repeat: 'never', ...signalOf(signInOptions) }))
    },
    signOut: async (callOptions?: CallOptions) => {
      await send({ verb: 'POST', path: '/api/method/logout', body: {}, repeat: 'never', ...signalOf(callOptions) })
      session.setCsrfToken(undefined)
    },
    whoAmI: async (callOptions?: CallOptions) =>
      String(dataOf(await callMethod(send, 'frappe.auth.get_logged_user', {}, { verb: 'GET', ...callOptions }))),
  }
  // The functions work on names; the types in `Client` say which document each name stands for.
  return client as unknown as Client<Types>
}

function callMethod(send: Transport, path: string, input: object, options: MethodOptions): Promise<Answer> {
  const verb = options.verb ?? 'POST'
  const address = `/api/v2/method/${path.split('/').map(encodeURIComponent).join('/')}`
  if (verb !== 'GET') return send({ verb, path: address, body: input, ...signalOf(options) })
  const query = Object.fromEntries(Object.entries(input).map(([name, value]) => [name, asParameter(value)]))
  return send({ verb, path: address, query, ...signalOf(options) })
}

function asParameter(value: unknown): string | number | boolean | undefined {
  if (value === null || value === undefined) return undefined
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : JSON.stringify(value)
}

function signInOutcome(answer: Answer): SignInOutcome {
  const body = isRecord(answer.body) ? answer.body : {}
  if (isRecord(body.verification)) return { done: false, tmpId: String(body.tmp_id ?? ''), verification: body.verification }
  return { done: true, fullName: String(body.full_name ?? ''), homePage: String(body.home_page ?? '') }
}
