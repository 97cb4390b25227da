import { pathToFileURL } from 'node:url'
import { openPage } from './browser-page.ts'
import { loadLikeABundler } from './bundler-hooks.ts'
import { CookieJar } from './cookie-jar.ts'
import { packageFile } from './packages.ts'
import type { Person } from './workshop-site.ts'

export type Doc = Record<string, unknown>
/** An error as these resources throw it. */
export type Refusal = Error & { exc_type?: string; messages?: string[]; type?: string; title?: string }

export interface Resource {
  data: unknown
  loading: boolean
  error: Refusal | null
  promise: Promise<unknown>
  fetch(params?: unknown): Promise<unknown>
  submit(params?: unknown, options?: Doc): Promise<unknown>
  reload(): Promise<unknown>
}
export interface ListResource {
  data: Doc[] | null
  hasNextPage: boolean
  list: Resource
  fetchOne: Resource
  insert: Resource
  setValue: Resource
  delete: Resource
  runDocMethod: Resource
  getRow(name: string): Doc | undefined
  next(): void
  reload(): Promise<unknown>
  update(options: Doc): void
}
export interface DocumentResource {
  doc: Doc | null
  isDirty: boolean
  get: Resource
  setValue: Resource
  setValueDebounced: { submit(values: Doc): void }
  save: Resource
  delete: Resource
  close: Resource
  reload(): Promise<unknown>
}
export type Call = (method: string, params?: Doc, options?: Doc) => Promise<unknown>
export interface Sources {
  createResource(options: Doc | string): Resource
  createListResource(options: Doc): ListResource
  createDocumentResource(options: Doc): DocumentResource
  request(options: Doc): Promise<unknown>
  frappeRequest(options: Doc): Promise<unknown>
  setConfig(name: string, value: unknown): void
  resourcesPlugin: unknown
  useFileUpload(): { upload(file: File, options: Doc): Promise<Doc>; progress: { value: number } }
}

/** The composables for v2. */
export interface Composed {
  data: unknown
  error: Refusal | null
  loading: boolean
  isFinished: boolean
  submit(params?: Doc): Promise<unknown>
  execute(): Promise<unknown>
}
export interface ComposedList extends Composed {
  data: Doc[] | null
  hasNextPage: boolean
  next(): void
  insert: Composed
  setValue: Composed
  delete: Composed
}
export interface ComposedDoc extends Composed {
  doc: Doc | null
  setValue: Composed
  delete: Composed
  close: Composed
}
export interface Composables {
  useCall(options: Doc): Composed
  useList(options: Doc): ComposedList
  useDoc(options: Doc): ComposedDoc
  useNewDoc(doctype: string, values: Doc): { doc: Doc; submit(): Promise<Doc>; error: Refusal | null }
  useDoctype(
    doctype: string,
  ): Record<'insert' | 'setValue' | 'delete' | 'runDocMethod' | 'runMethod', { submit(params: Doc): Promise<unknown> }>
}

/** frappe-ui in a page of somebody who is signed in. */
export interface OpenFrappeUi extends Sources, Composables {
  call: Call
  /** Adds a Job Ticket and gives its name. */
  make(values: Doc): Promise<string>
  page: ReturnType<typeof openPage>
  close(): void
}

/** Loads a source file of the package. */
export async function frappeUiSource(file: string): Promise<unknown> {
  return import(pathToFileURL(packageFile(`frappe-ui/src/${file}`)).href)
}

const files = [
  'resources/index.ts',
  'utils/request.js',
  'utils/frappeRequest.js',
  'utils/config.ts',
  'utils/useFileUpload.ts',
  'data-fetching/index.ts',
]

/** Opens a page of the server, loads the package into it as its apps do, and signs in. The page must be closed afterwards. */
export async function openFrappeUi(origin: string, person: Person): Promise<OpenFrappeUi> {
  const jar = new CookieJar()
  const page = openPage({ origin, jar, has: ['XMLHttpRequest'] })
  loadLikeABundler()
  // These clients write what the server said about an error to the console.
  const { log } = console
  console.log = () => {}
  const { default: call } = (await frappeUiSource('utils/call.js')) as { default: Call }
  const loaded = Object.assign({}, ...(await Promise.all(files.map(frappeUiSource)))) as Sources & Composables
  loaded.setConfig('resourceFetcher', loaded.frappeRequest)
  await call('login', { usr: person.user, pwd: person.password })
  page.window.csrf_token = String(await call('frappe.sessions.get_csrf_token'))
  const close = () => {
    page.close()
    console.log = log
  }
  const make = async (values: Doc) =>
    String(((await call('frappe.client.insert', { doc: { doctype: 'Job Ticket', ...values } })) as Doc).name)
  return { ...loaded, call, make, page, close }
}
