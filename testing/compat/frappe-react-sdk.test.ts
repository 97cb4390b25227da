import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { openPage } from './browser-page.ts'
import { CookieJar } from './cookie-jar.ts'
import { missingPackages, requirePackage } from './packages.ts'
import { until } from './until.ts'
import { workshopSite } from './workshop-site.ts'

type Doc = Record<string, unknown>
interface Fetched<T> {
  data?: T
  error?: Doc
  isLoading: boolean
  mutate(): Promise<T>
}
interface Caller {
  call(params: Doc): Promise<Doc>
  result: Doc | null
  isCompleted: boolean
  error: Doc | null
}
type Args = Doc | undefined

/** The hooks of the package, as used here. */
interface Sdk {
  FrappeProvider: unknown
  useFrappeAuth(): { currentUser?: string | null; login(credentials: Doc): Promise<Doc>; logout(): Promise<void>; isLoading: boolean }
  useFrappeGetDoc(doctype: string, name: string): Fetched<Doc>
  useFrappeGetDocList(doctype: string, args?: Args): Fetched<Doc[]>
  useFrappeGetDocCount(doctype: string, filters?: unknown[]): Fetched<number>
  useFrappeGetCall(method: string, params?: Args): Fetched<{ message: unknown }>
  useSearch(doctype: string, text: string, filters?: unknown[], limit?: number, pause?: number): Fetched<{ message: Doc[] }>
  useFrappeCreateDoc(): { createDoc(doctype: string, values: Doc): Promise<Doc>; isCompleted: boolean; error: Doc | null }
  useFrappeUpdateDoc(): { updateDoc(doctype: string, name: string, values: Doc): Promise<Doc> }
  useFrappeDeleteDoc(): { deleteDoc(doctype: string, name: string): Promise<Doc> }
  useFrappePostCall(method: string): Caller
  useFrappePutCall(method: string): Caller
  useFrappeDeleteCall(method: string): Caller
  useFrappeFileUpload(): { upload(file: File, args: Doc): Promise<Doc>; progress: number; isCompleted: boolean }
  useFrappePrefetchDoc(doctype: string, name: string): () => void
  useFrappePrefetchDocList(doctype: string, args?: Args): () => void
  useFrappePrefetchDocCount(doctype: string): () => void
  useFrappePrefetchCall(method: string, params?: Args): () => void
}

interface React {
  createElement(type: unknown, props: Doc | null, ...children: unknown[]): unknown
}
interface Renderer {
  create(element: unknown): { unmount(): void }
}

const skip = await missingPackages()
const site = skip ? undefined : await workshopSite()

suite('frappe-react-sdk', { skip }, () => {
  const jar = new CookieJar()
  let sdk: Sdk
  let react: React
  let renderer: Renderer
  let page: ReturnType<typeof openPage>

  before(() => {
    page = openPage({ origin: site!.url, jar, has: ['document'] })
    sdk = requirePackage<Sdk>('frappe-react-sdk')
    react = requirePackage<React>('react')
    renderer = requirePackage<Renderer>('react-test-renderer')
  })
  after(() => page.close())

  /** Renders a component that uses one hook; `now` is what the hook gave at the last rendering. */
  function mount<T>(useHook: () => T, who: 'staff' | 'visitor' | 'cookies' = 'staff'): { readonly now: T } {
    const last: { now?: T } = {}
    const Probe = () => {
      last.now = useHook()
      return null
    }
    const tokenParams =
      who === 'cookies' ? undefined : { useToken: true, type: 'token', token: () => `${site![who].api_key}:${site![who].api_secret}` }
    // Live events are not asked here: without the switch the provider would open a socket.
    const props = { url: site!.url, enableSocket: false, tokenParams, swrConfig: { provider: () => new Map(), shouldRetryOnError: false } }
    const root = renderer.create(react.createElement(sdk.FrappeProvider, props, react.createElement(Probe, null)))
    after(() => root.unmount())
    return last as { readonly now: T }
  }

  /** What a fetching hook ends up with. */
  async function fetched<T>(useHook: () => Fetched<T>, who: 'staff' | 'visitor' = 'staff'): Promise<Fetched<T>> {
    const hook = mount(useHook, who)
    await until('the hook has data or an error', () => hook.now?.data !== undefined || hook.now?.error !== undefined)
    return hook.now
  }

  test('signing in sets the cookie that the hook reads, and the user follows', async () => {
    const auth = mount(() => sdk.useFrappeAuth(), 'cookies')
    await until('the hook looked at the cookies', () => auth.now?.isLoading === false)
    assert.equal(auth.now.currentUser, undefined)
    const { user, password } = site!.staff
    assert.equal((await auth.now.login({ username: user, password })).message, 'Logged In')
    await until('the user is known', () => auth.now.currentUser === user)
    await auth.now.logout()
    await until('the user is gone', () => !auth.now.currentUser)
    assert.ok([undefined, 'Guest'].includes(jar.get('user_id')))
  })

  test('documents are made, read, changed, counted and deleted by hooks', async () => {
    const made = await mount(() => sdk.useFrappeCreateDoc()).now.createDoc('Job Ticket', { title: 'By hook', priority: 3 })
    const name = String(made.name)
    assert.equal((await fetched(() => sdk.useFrappeGetDoc('Job Ticket', name))).data?.title, 'By hook')
    await mount(() => sdk.useFrappeUpdateDoc()).now.updateDoc('Job Ticket', name, { title: 'Changed' })
    const filters = [['name', '=', name]]
    const rows = await fetched(() =>
      sdk.useFrappeGetDocList('Job Ticket', { fields: ['name', 'title'], filters, orderBy: { field: 'creation', order: 'desc' } }),
    )
    assert.deepEqual(rows.data, [{ name, title: 'Changed' }])
    assert.equal((await fetched(() => sdk.useFrappeGetDocCount('Job Ticket', filters))).data, 1)
    await mount(() => sdk.useFrappeDeleteDoc()).now.deleteDoc('Job Ticket', name)
    const gone = await fetched(() => sdk.useFrappeGetDoc('Job Ticket', name))
    assert.deepEqual([gone.error?.httpStatus, gone.error?.exc_type], [404, 'DoesNotExistError'])
  })

  test('a hook asks again when told to', async () => {
    const count = mount(() => sdk.useFrappeGetDocCount('Job Ticket', [['title', '=', 'Counted']]))
    await until('the count is there', () => count.now?.data !== undefined)
    await mount(() => sdk.useFrappeCreateDoc()).now.createDoc('Job Ticket', { title: 'Counted' })
    assert.equal(await count.now.mutate(), 1)
  })

  test('methods are called by GET, POST, PUT and DELETE', async () => {
    const path = 'workshop.api.echo'
    assert.deepEqual((await fetched(() => sdk.useFrappeGetCall(path, { text: 'x y', times: 2 }))).data, {
      message: { text: 'x y', times: 2 },
    })
    for (const use of [sdk.useFrappePostCall, sdk.useFrappePutCall, sdk.useFrappeDeleteCall]) {
      const hook = mount(() => use(path))
      assert.deepEqual(await hook.now.call({ text: 'z' }), { message: { text: 'z' } })
      await until('the hook is done', () => hook.now.isCompleted)
      assert.deepEqual(hook.now.result, { message: { text: 'z' } })
    }
  })

  test('a link search gives values with descriptions', async () => {
    const create = mount(() => sdk.useFrappeCreateDoc()).now.createDoc
    await create('Job Customer', { customer_name: 'Searched Ltd', city: 'Linz' })
    await create('Job Customer', { customer_name: 'Other Ltd', city: 'Linz' })
    const found = await fetched(() => sdk.useSearch('Job Customer', 'Search', [['city', '=', 'Linz']], 5, 1))
    assert.equal(found.data?.message.length, 1)
    assert.equal(found.data?.message[0]?.value, 'Searched Ltd')
    assert.match(String(found.data?.message[0]?.description), /Linz/)
  })

  test('prefetching calls what the fetching hook would', async () => {
    const { name } = await mount(() => sdk.useFrappeCreateDoc()).now.createDoc('Job Ticket', { title: 'Early' })
    const asked: string[] = []
    const pageFetch = globalThis.fetch
    globalThis.fetch = async (input, init) => {
      const answer = await pageFetch(input, init)
      asked.push(`${answer.status} ${new URL(answer.url).pathname}`)
      return answer
    }
    try {
      mount(() => sdk.useFrappePrefetchDoc('Job Ticket', String(name))).now()
      mount(() => sdk.useFrappePrefetchDocList('Job Ticket', { fields: ['name'] })).now()
      mount(() => sdk.useFrappePrefetchDocCount('Job Ticket')).now()
      mount(() => sdk.useFrappePrefetchCall('ping')).now()
      await until('all four were asked', () => asked.length >= 4)
    } finally {
      globalThis.fetch = pageFetch
    }
    assert.deepEqual(asked.sort(), [
      '200 /api/method/frappe.client.get_count',
      '200 /api/method/ping',
      '200 /api/resource/Job%20Ticket',
      `200 /api/resource/Job%20Ticket/${name}`,
    ])
  })

  test('a file is uploaded by hook', async () => {
    const { name } = await mount(() => sdk.useFrappeCreateDoc()).now.createDoc('Job Ticket', { title: 'Hook file' })
    const hook = mount(() => sdk.useFrappeFileUpload())
    const file = await hook.now.upload(new File(['hello'], 'hook.txt'), { isPrivate: true, doctype: 'Job Ticket', docname: name })
    assert.deepEqual([file.file_name, file.is_private, file.attached_to_name, file.file_size], ['hook.txt', 1, name, 5])
    await until('the hook is done', () => hook.now.isCompleted && hook.now.progress === 100)
  })

  test('a refusal reaches the error of the hook', async () => {
    const create = mount(() => sdk.useFrappeCreateDoc(), 'visitor')
    await assert.rejects(create.now.createDoc('Job Ticket', { title: 'x' }), { httpStatus: 403, exc_type: 'PermissionError' })
    await until('the hook has the error', () => create.now.error?.httpStatus === 403)
    const list = await fetched(() => sdk.useFrappeGetDocList('Job Order'), 'visitor')
    assert.equal(list.error?.httpStatus, 403)
  })
})
