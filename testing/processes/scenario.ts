import { setTimeout as pause } from 'node:timers/promises'
import { standardSignature } from '#kernel/webhooks/verify.ts'
import type { House } from '#testing/faults/house.ts'
import { io } from 'socket.io-client'

/** What a day on the platform looks like from outside, one line per thing that somebody saw. It must not matter who serves whom. */
export const expectedTranscript = [
  'dana signs in here: 200 Logged In',
  'she is known there: 200 dana@example.com',
  'she listens there: ok',
  'she makes an entry here: 200 ORDER-1',
  'it is listed there: 200 ORDER-1',
  'a frame of it came there: once',
  'the same request there under the same key: 200, the same entry',
  'its job took effect: job-end job-outside job-second, each once',
  'the other side did it: once',
  'its saga: completed, with reserve and charge outside',
  'its mail: arrived once, and is Sent',
  'its webhook: delivered once',
  'an event, told here and there: 200 200, counted 1',
  'schedules that were asleep: each made up for one tick',
  'it is found there: Ledger Entry ORDER-1',
  'a file uploaded here, read there: 200 a letter',
  'a stranger reads it there: 403',
  'fred lists there without a role: 403',
  'fred lists there, the moment he has the role: 200',
  'fred lists there, the moment he has lost it: 403',
  'a field added here is kept there: blue',
  'dana is disabled here, and her connection there ends within two seconds: yes',
  'her session there: 403',
  'her key there: 401',
]

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: the scenario looks into answers of every shape
  readonly json: any
}

const password = 'fake-quiet-lamp-7'
const dana = 'dana@example.com'
const fred = 'fred@example.com'

/**
 * Lives through that day.
 * @param here  address of one web process
 * @param there address of another, or of the same
 * @returns     the transcript
 */
export async function liveThrough({ authorization, webhook, outside, mailbox }: House, here: string, there: string): Promise<string[]> {
  const lines: string[] = []
  const call = async (
    at: string,
    verb: string,
    path: string,
    { as = authorization, body, headers = {} }: CallOptions = {},
  ): Promise<Answer> => {
    const response = await fetch(at + path, {
      method: verb,
      headers: { ...(as && { [as.startsWith('sid=') ? 'cookie' : 'authorization']: as }), ...contentType(body), ...headers },
      ...(body !== undefined && { body: body instanceof FormData || typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, json: readJson(text) }
  }
  const list = async (at: string, doctype: string, filters: object, fields: string[], as?: string): Promise<Answer> => {
    const query = new URLSearchParams({ filters: JSON.stringify(filters), fields: JSON.stringify(fields), limit_page_length: '100' })
    return call(at, 'GET', `/api/resource/${encodeURIComponent(doctype)}?${query}`, as === undefined ? {} : { as })
  }
  const rows = async (at: string, doctype: string, filters: object, fields: string[]): Promise<Record<string, unknown>[]> =>
    (await list(at, doctype, filters, fields)).json.data

  // People
  for (const [email, roles] of [
    [dana, ['Ledger Clerk', 'Desk User']],
    [fred, ['Desk User']],
  ] as const)
    demand(
      await call(here, 'POST', '/api/resource/User', {
        body: { email, first_name: email, send_welcome_email: 0, new_password: password, roles: roles.map((role) => ({ role })) },
      }),
    )
  const keyOf = async (user: string) => {
    const { message } = demand(await call(here, 'POST', '/api/method/frappe.core.doctype.user.user.generate_keys', { body: { user } })).json
    return `token ${message.api_key}:${message.api_secret}`
  }
  const [danaKey, fredKey] = [await keyOf(dana), await keyOf(fred)]

  // Sign-in, and a connection at the other port
  const signedIn = await call(here, 'POST', '/api/method/login', { as: '', body: { usr: dana, pwd: password } })
  lines.push(`dana signs in here: ${signedIn.status} ${signedIn.json.message}`)
  const session = signedIn.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';', 1)[0] ?? '')
    .find((cookie) => cookie.startsWith('sid=')) as string
  const whoami = () => call(there, 'GET', '/api/method/frappe.auth.get_logged_user', { as: session })
  const known = await whoami()
  lines.push(`she is known there: ${known.status} ${known.json.message}`)
  const socket = io(there, { transports: ['websocket'], forceNew: true, reconnection: false, extraHeaders: { cookie: session } })
  const frames: Record<string, unknown>[] = []
  socket.on('list_update', (frame: Record<string, unknown>) => frames.push(frame))
  try {
    await new Promise<void>((done, fail) => {
      socket.once('connect', done)
      socket.once('connect_error', fail)
    })
    const joined = (await socket.timeout(5000).emitWithAck('doctype_subscribe', 'Ledger Entry')) as { ok: boolean }
    lines.push(`she listens there: ${joined.ok ? 'ok' : 'refused'}`)

    // A document, and all that follows from it
    const order = { client_ref: 'ORDER-1', amount: 5, wants: 'job mail saga hook', rows: [{ part: 2 }] }
    const ask = (at: string) =>
      call(at, 'POST', '/api/resource/Ledger%20Entry', { as: danaKey, body: order, headers: { 'idempotency-key': 'order-1' } })
    const made = await ask(here)
    const { name } = made.json.data as { name: string }
    lines.push(`she makes an entry here: ${made.status} ${made.json.data.client_ref}`)
    const listed = await list(there, 'Ledger Entry', {}, ['client_ref'], danaKey)
    lines.push(`it is listed there: ${listed.status} ${listed.json.data.map((row: { client_ref: string }) => row.client_ref).join()}`)
    const ofOrder = () => frames.filter((frame) => frame.name === name).length
    await until(() => ofOrder() > 0)
    lines.push(`a frame of it came there: ${ofOrder() === 1 ? 'once' : `${ofOrder()} times`}`)
    const again = await ask(there)
    lines.push(
      `the same request there under the same key: ${again.status}, ${again.json.data.name === name ? 'the same entry' : 'another one'}`,
    )
    const effects = async (filters: object) =>
      (await rows(there, 'Ledger Effect', filters, ['kind'])).map(({ kind }) => String(kind)).sort()
    await until(async () => (await effects({ source: name })).includes('job-end'))
    const done = await effects({ source: name })
    lines.push(`its job took effect: ${done.join(' ')}, ${new Set(done).size === done.length ? 'each once' : 'some twice'}`)
    const deeds = (what: string) =>
      [...outside.deeds.values()].filter((deed) => deed.what === what && deed.applied === 1 && deed.undone === 0)
    lines.push(`the other side did it: ${deeds('job').length === 1 ? 'once' : `${deeds('job').length} times`}`)
    const saga = async () =>
      (await rows(there, 'Saga Log', { saga_name: 'ledger-order' }, ['status'])).map(({ status }) => String(status)).join()
    await until(async () => (await saga()) !== 'running')
    lines.push(`its saga: ${await saga()}, with ${['reserve', 'charge'].filter((what) => deeds(what).length === 1).join(' and ')} outside`)
    const mail = async () => (await rows(there, 'Email Queue', {}, ['status'])).map(({ status }) => String(status)).join()
    await until(async () => (await mail()) === 'Sent')
    lines.push(`its mail: arrived ${mailbox.mails.length === 1 ? 'once' : `${mailbox.mails.length} times`}, and is ${await mail()}`)
    await until(() => outside.deliveries.length > 0)
    lines.push(`its webhook: delivered ${outside.deliveries.length === 1 ? 'once' : `${outside.deliveries.length} times`}`)

    // Webhooks from outside, and the clock
    const told = [await tell(here, webhook), await tell(there, webhook)]
    const counted = async () => (await rows(here, 'Ledger Counter', { title: 'thing a' }, ['total']))[0]?.total
    await until(async () => (await counted()) === 1)
    lines.push(`an event, told here and there: ${told.join(' ')}, counted ${await counted()}`)
    const beats = async () => {
      const jobs = await rows(there, 'Background Job', { job: 'ledger.tick', status: 'Finished' }, ['schedule'])
      return new Set(jobs.map((job) => String(job.schedule))).size
    }
    await until(async () => (await beats()) === 12)
    lines.push(`schedules that were asleep: ${(await beats()) === 12 ? 'each made up for one tick' : `${await beats()} ticks`}`)

    // Search and files
    const found = async () => {
      const query = new URLSearchParams({ text: 'ORDER-1' })
      const { json } = await call(there, 'GET', `/api/method/frappe.utils.global_search.search?${query}`, { as: danaKey })
      return (json.message as { doctype: string; name: string }[])
        .map((hit) => `${hit.doctype} ${hit.name === name ? 'ORDER-1' : hit.name}`)
        .join()
    }
    await until(async () => (await found()) !== '')
    lines.push(`it is found there: ${await found()}`)
    const form = new FormData()
    for (const [key, value] of Object.entries({ doctype: 'Ledger Entry', docname: name, is_private: '1' })) form.set(key, value)
    form.set('file', new Blob(['a letter'], { type: 'text/plain' }), 'letter.txt')
    const { file_url } = demand(await call(here, 'POST', '/api/method/upload_file', { as: danaKey, body: form })).json.message
    const file = await call(there, 'GET', file_url, { as: danaKey })
    lines.push(`a file uploaded here, read there: ${file.status} ${file.text}`)
    lines.push(`a stranger reads it there: ${(await call(there, 'GET', file_url, { as: '' })).status}`)

    // Rights and definitions that change elsewhere
    const freds = async () => (await list(there, 'Ledger Entry', {}, ['name'], fredKey)).status
    const giveFred = async (...roles: string[]) =>
      demand(await call(here, 'PUT', `/api/resource/User/${fred}`, { body: { roles: roles.map((role) => ({ role })) } }))
    lines.push(`fred lists there without a role: ${await freds()}`)
    await giveFred('Desk User', 'Ledger Clerk')
    lines.push(`fred lists there, the moment he has the role: ${await freds()}`)
    await giveFred('Desk User')
    lines.push(`fred lists there, the moment he has lost it: ${await freds()}`)
    demand(
      await call(here, 'POST', '/api/resource/Custom%20Field', {
        body: { dt: 'Ledger Entry', fieldname: 'colour', label: 'Colour', fieldtype: 'Data' },
      }),
    )
    const painted = await call(there, 'POST', '/api/resource/Ledger%20Entry', {
      as: danaKey,
      body: { client_ref: 'ORDER-2', amount: 1, colour: 'blue' },
    })
    const kept = await list(there, 'Ledger Entry', { name: painted.json.data?.name ?? '' }, ['colour'], danaKey)
    lines.push(`a field added here is kept there: ${kept.json.data?.[0]?.colour}`)

    // Revocation
    demand(await call(here, 'PUT', `/api/resource/User/${dana}`, { body: { enabled: 0 } }))
    const ended = await until(() => !socket.connected, 2000).then(
      () => 'yes',
      () => 'no',
    )
    lines.push(`dana is disabled here, and her connection there ends within two seconds: ${ended}`)
    lines.push(`her session there: ${(await whoami()).status}`)
    lines.push(`her key there: ${(await list(there, 'Ledger Entry', {}, ['name'], danaKey)).status}`)
  } finally {
    socket.disconnect()
  }
  return lines
}

interface CallOptions {
  /** An Authorization header or a session's cookie; '' for a stranger. */
  readonly as?: string
  readonly body?: unknown
  readonly headers?: Record<string, string>
}

/** The provider tells of the same event each time. @returns the status it was answered with */
async function tell(at: string, { path, secret }: House['webhook']): Promise<number> {
  const body = JSON.stringify({ id: 'event-1', thing: 'thing a', sequence: 1 })
  const time = String(Math.floor(Date.now() / 1000))
  const headers = { 'webhook-id': 'msg_1', 'webhook-timestamp': time, 'webhook-signature': standardSignature(secret, 'msg_1', time, body) }
  return (await fetch(at + path, { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body })).status
}

function contentType(body: unknown): Record<string, string> {
  return body === undefined || body instanceof FormData ? {} : { 'content-type': 'application/json' }
}

function demand(answer: Answer): Answer {
  if (answer.status >= 200 && answer.status < 300) return answer
  throw new Error(`Answered with ${answer.status}: ${answer.text.slice(0, 500)}`)
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Waits until it is so; what then still is not so the transcript shows, unless the caller wants to know. */
async function until(isSo: () => boolean | Promise<boolean>, limitMs = 0): Promise<void> {
  for (const end = Date.now() + (limitMs || 20_000); !(await isSo()); await pause(20))
    if (Date.now() > end) {
      if (limitMs > 0) throw new Error('Waited in vain.')
      return
    }
}
