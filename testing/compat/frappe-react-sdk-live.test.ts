import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { openForWrite, save } from '#kernel/documents/save.ts'
import { openPage } from './browser-page.ts'
import { CookieJar } from './cookie-jar.ts'
import { missingPackages, requirePackage } from './packages.ts'
import { until } from './until.ts'
import { type Person, workshopSite } from './workshop-site.ts'

type Frame = Record<string, unknown>

/** The hooks of the package that listen, and what they listen with. */
interface Sdk {
  FrappeProvider: unknown
  FrappeContext: unknown
  useFrappeEventListener(event: string, hear: (frame: Frame) => void): void
  useFrappeDocumentEventListener(
    doctype: string,
    name: string,
    hear: (frame: Frame) => void,
    emitOpen?: boolean,
  ): { viewers: string[]; emitDocClose(): void }
  useFrappeDocTypeEventListener(doctype: string, hear: (frame: Frame) => void): void
}
interface React {
  createElement(type: unknown, props: object | null, ...children: unknown[]): unknown
  useContext(context: unknown): { socket: { disconnect(): void } }
}
interface Renderer {
  create(element: unknown): { unmount(): void }
}

const skip = await missingPackages()
const site = skip ? undefined : await workshopSite()

suite('frappe-react-sdk, live', { skip }, () => {
  let sdk: Sdk
  let react: React
  let renderer: Renderer
  let page: ReturnType<typeof openPage>

  before(() => {
    page = openPage({ origin: site!.url, jar: new CookieJar(), has: ['document', 'XMLHttpRequest'] })
    sdk = requirePackage<Sdk>('frappe-react-sdk')
    react = requirePackage<React>('react')
    renderer = requirePackage<Renderer>('react-test-renderer')
  })
  after(() => page.close())

  /** Renders a component that uses hooks; `now` is what they gave at the last rendering. */
  function mount<T>(useHooks: () => T, { api_key, api_secret }: Person): { readonly now: T; unmount(): void } {
    const last: { now?: T; socket?: { disconnect(): void } } = {}
    const Probe = () => {
      last.now = useHooks()
      last.socket = react.useContext(sdk.FrappeContext).socket
      return null
    }
    const { url } = site!
    const tokenParams = { useToken: true, type: 'token', token: () => `${api_key}:${api_secret}` }
    const props = { url, siteName: site!.site.site.host, socketPort: new URL(url).port, tokenParams }
    const root = renderer.create(react.createElement(sdk.FrappeProvider, props, react.createElement(Probe, null)))
    after(() => {
      root.unmount()
      last.socket?.disconnect()
    })
    return {
      get now() {
        return last.now as T
      },
      unmount: () => root.unmount(),
    }
  }

  const change = (name: string, title: string) =>
    site!.site.asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'Job Ticket', name), { title }))

  test('hooks hear of a document, of a list, of viewers and of events by name', async () => {
    const name = await site!.site.make('Job Ticket', { title: 'Watched' })
    const updates: Frame[] = []
    const lists: Frame[] = []
    const hooks = mount(() => {
      sdk.useFrappeDocTypeEventListener('Job Ticket', (frame) => lists.push(frame))
      return sdk.useFrappeDocumentEventListener('Job Ticket', name, (frame) => updates.push(frame), true)
    }, site!.staff)
    await until('the hook sees itself', () => hooks.now.viewers.includes(site!.staff.user))
    await change(name, 'Changed')
    await until('both hooks heard', () => updates.length > 0 && lists.length > 0)
    assert.equal(updates[0]?.name, name)
    assert.deepEqual(lists[0], { doctype: 'Job Ticket', name, user: 'Administrator' })
    hooks.now.emitDocClose()
    hooks.unmount()
  })

  test('a hook on what one may not read stays silent', async () => {
    const name = await site!.site.make('Job Ticket', { title: 'Heard by one' })
    const orders: Frame[] = []
    const tickets: Frame[] = []
    const hooks = mount(() => {
      sdk.useFrappeDocTypeEventListener('User', (frame) => orders.push(frame))
      sdk.useFrappeDocTypeEventListener('Job Ticket', (frame) => tickets.push(frame))
      return sdk.useFrappeDocumentEventListener('Job Ticket', name, () => undefined, true)
    }, site!.visitor)
    await until('the hook sees itself', () => hooks.now.viewers.includes(site!.visitor.user))
    await site!.site.user('new@example.com')
    await change(name, 'Changed')
    await until('the list was heard', () => tickets.length > 0)
    assert.deepEqual(
      orders.filter(({ doctype }) => doctype === 'User'),
      [],
    )
  })
})
