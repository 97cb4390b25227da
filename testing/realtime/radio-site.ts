import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { after } from 'node:test'
import { io, type Socket } from 'socket.io-client'
import { insert } from '#kernel/documents/save.ts'
import { setPassword } from '#kernel/identity/passwords.ts'
import { type TestServer, testServer } from '#testing/server.ts'
import type { TestSiteOptions } from '#testing/site.ts'

export const radioFolder = join(import.meta.dirname, 'apps')
export const password = 'fake-quiet-lamp-7'

/** A frame as it came. */
export interface Heard {
  readonly event: string
  readonly message: Record<string, unknown>
}

/** A client that keeps all that it hears. */
export interface Ear {
  readonly socket: Socket
  readonly heard: Heard[]
  /** Says something and waits for the answer. */
  say(event: string, ...names: string[]): Promise<{ ok: boolean; code?: string }>
  /** The frames of this name so far. */
  of(event: string): Record<string, unknown>[]
}

/** A site with the organisations North and South: ann is an operator in North, ben in South, cas nowhere. */
export async function radioSite(options: TestSiteOptions = {}): Promise<TestServer> {
  const server = await testServer({ apps: ['company', 'radio'], appFolders: [radioFolder], ...options })
  for (const organization_name of ['North', 'South']) await server.make('Organization', { organization_name })
  for (const [name, organization] of [
    ['ann', 'North'],
    ['ben', 'South'],
    ['cas', undefined],
  ] as const) {
    const user = await server.user(`${name}@example.com`, name === 'cas' ? ['Radio Visitor'] : ['Radio Operator', 'Desk User'])
    await server.asSystem((ctx) => setPassword(ctx, user, password))
    if (organization)
      await server.asSystem((ctx) =>
        insert(ctx, 'User Permission', { user, allow: 'Organization', for_value: organization, apply_to_all_doctypes: 1 }),
      )
  }
  return server
}

/** Signs in by password. @returns the Cookie header of the session */
export async function cookieOf(server: TestServer, user: string): Promise<string> {
  const answer = await server.call('POST', '/api/method/login', { body: { usr: user, pwd: password }, as: '' })
  if (answer.status !== 200) throw new Error(answer.text)
  return answer.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';', 1)[0])
    .join('; ')
}

/** Connects as Frappe's clients do. @throws the refusal */
export async function connect(url: string, namespace: string, headers: Record<string, string>, more: object = {}): Promise<Ear> {
  const socket = io(`${url}/${namespace}`, {
    transports: ['websocket'],
    forceNew: true,
    reconnection: false,
    extraHeaders: headers,
    ...more,
  })
  after(() => void socket.disconnect())
  await new Promise<void>((done, fail) => {
    socket.once('connect', done)
    socket.once('connect_error', fail)
  })
  const heard: Heard[] = []
  socket.onAny((event: string, message: Record<string, unknown>) => heard.push({ event, message }))
  return {
    socket,
    heard,
    say: (event, ...names) => socket.timeout(5_000).emitWithAck(event, ...names),
    of: (event) => heard.filter((frame) => frame.event === event).map((frame) => frame.message),
  }
}

/** Waits until it is so. @throws Error after `limitMs` */
export async function until(what: string, isSo: () => boolean, limitMs = 5_000): Promise<void> {
  for (const started = Date.now(); !isSo(); await pause(5))
    if (Date.now() - started > limitMs) throw new Error(`Waited in vain until ${what}.`)
}
