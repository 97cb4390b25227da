import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { suite, test } from 'node:test'
import { loadApp } from '#kernel/apps/load.ts'
import { typesOf } from '#kernel/generate/types.ts'
// Adds the DocTypes of the app to those that a client knows.
import type { JobTicket } from '#testing/compat/apps/workshop/types.ts'
import { workshopSite } from '#testing/compat/workshop-site.ts'
import { ClientError, createClient } from './index.ts'

const site = await workshopSite()
const connect = (options: { fetch?: typeof fetch; person?: 'staff' | 'visitor' } = {}) => {
  const { api_key: key, api_secret: secret } = site[options.person ?? 'staff']
  return createClient({
    url: site.url,
    auth: { key, secret },
    patience: { firstPauseMs: 1 },
    ...(options.fetch ? { fetch: options.fetch } : {}),
  })
}

suite('generated types', () => {
  const folder = new URL('../testing/compat/apps/workshop/', import.meta.url)

  test('the types of the app are what “orc types” writes', async () => {
    const { doctypes } = await loadApp(folder.pathname)
    assert.equal(await readFile(new URL('types.ts', folder), 'utf8'), typesOf(doctypes))
  })

  test('documents, values and filters have the types of their fields', async () => {
    const tickets = connect().doc('Job Ticket')
    const status: JobTicket['status'] = 'Waiting'
    const made = await tickets.insert({ title: 'Typed', status, cost: '0.10', parts: [{ part: 'Bolt' }] })
    const part: string = made.parts[0]!.part
    assert.deepEqual([part, made.status, made.cost], ['Bolt', 'Waiting', 0.1])
    // @ts-expect-error no such status
    await assert.rejects(tickets.update(made.name, { status: 'Lost' }), { status: 417, field: 'status' })
    // @ts-expect-error no such field
    await assert.rejects(tickets.list({ filters: { nmae: 'x' } }), { status: 417 })
  })
})

suite('documents on a server', () => {
  test('a document is made, read, changed and deleted', async () => {
    const tickets = connect().doc('Job Ticket')
    const made = await tickets.insert({ title: 'Lock', parts: [{ part: 'Bolt', qty: 2 }] })
    assert.deepEqual([made.title, made.status, made.customer, made.parts[0]?.part], ['Lock', 'Open', null, 'Bolt'])
    const changed = await tickets.update(made.name, { status: 'Waiting', seen_at: '2026-11-20T10:00:00+02:00' })
    assert.equal(new Date(changed.seen_at!).toISOString(), '2026-11-20T08:00:00.000Z')
    assert.equal((await tickets.get(made.name)).status, 'Waiting')
    await tickets.remove(made.name)
    await assert.rejects(tickets.get(made.name), { status: 404, type: 'DoesNotExistError' })
  })

  test('a change to a version that somebody changed meanwhile is refused', async () => {
    const tickets = connect().doc('Job Ticket')
    const mine = await tickets.insert({ title: 'Shared' })
    await tickets.update(mine.name, { title: 'Theirs' })
    await assert.rejects(tickets.update(mine, { title: 'Mine' }), { status: 412, code: 'http/precondition-failed' })
    const fresh = await tickets.get(mine.name)
    const saved = await tickets.update(fresh, { title: 'Mine' })
    assert.equal((await tickets.update(saved, { priority: 1 })).title, 'Mine')
  })

  test('reading a document again costs no copy as long as nothing changed', async () => {
    const tickets = connect().doc('Job Ticket')
    const { name } = await tickets.insert({ title: 'Again' })
    const first = await tickets.get(name)
    assert.equal(await tickets.get(first), first)
    await tickets.update(name, { title: 'Otherwise' })
    const second = await tickets.get(first)
    assert.deepEqual([second === first, second.title], [false, 'Otherwise'])
  })

  test('a loop over all rows sees each once, although rows are added meanwhile', async () => {
    const tickets = connect().doc('Job Ticket')
    for (const priority of [1, 2, 3, 4, 5]) await tickets.insert({ title: 'Loop', priority })
    const seen: number[] = []
    for await (const { priority } of tickets.all({
      fields: ['priority'],
      filters: { title: 'Loop' },
      orderBy: 'priority desc',
      limit: 2,
    })) {
      if (seen.length === 1) await tickets.insert({ title: 'Loop', priority: 9 })
      seen.push(priority)
    }
    assert.deepEqual(seen, [5, 4, 3, 2, 1])
    assert.equal(await tickets.count({ title: 'Loop', priority: ['>', 4] }), 2)
  })

  test('lists read over links, expand them, and take either-or filters', async () => {
    const client = connect()
    await client.doc('Job Customer').insert({ customer_name: 'Far & Away', city: 'Graz' })
    await client.doc('Job Ticket').insert({ title: 'Linked', customer: 'Far & Away' })
    const { rows } = await client.list('Job Ticket', {
      fields: ['title', 'customer.city as town', 'customer'],
      filters: [['customer', 'Far & Away']],
      orFilters: { title: 'Linked', priority: ['>', 100] },
      expand: ['customer'],
    })
    assert.equal(rows.length, 1)
    assert.deepEqual([rows[0]!.title, rows[0]!.town], ['Linked', 'Graz'])
    assert.equal((rows[0]!.customer as unknown as { city: string }).city, 'Graz')
  })

  test('submitting, cancelling, renaming and a verb of its own', async () => {
    const client = connect()
    const orders = client.doc('Job Order')
    const { name } = await orders.insert({ title: 'Order', total: '10.10' })
    assert.equal((await orders.submit(name)).docstatus, 1)
    assert.equal((await orders.cancel(name)).docstatus, 2)
    await client.doc('Job Customer').insert({ customer_name: 'Was/Slashed' })
    assert.equal(await client.doc('Job Customer').rename('Was/Slashed', 'Is/Slashed'), 'Is/Slashed')
    assert.equal((await client.doc('Job Customer').get('Is/Slashed')).name, 'Is/Slashed')
    const ticket = await client.doc('Job Ticket').insert({ title: 'Close' })
    assert.equal(await client.doc('Job Ticket').run(ticket.name, 'close', { note: 'Bye' }), `${ticket.name} is closed`)
  })

  test('methods are called with values of any shape, by either verb', async () => {
    const client = connect()
    const input = { text: 'ä&b', times: 2, tags: ['x', 'y'] }
    assert.deepEqual(await client.call('workshop.api.echo', input), input)
    assert.deepEqual(await client.call('workshop.api.echo', input, { verb: 'GET' }), input)
    assert.equal(await client.call('ping', {}, { verb: 'GET' }), 'pong')
  })

  test('a refusal names the field', async () => {
    await assert.rejects(
      connect()
        .doc('Job Ticket')
        .insert({ title: 'x', parts: [{ part: 'Bolt' }, { qty: 1 }] }),
      (error) => {
        assert.ok(error instanceof ClientError)
        assert.deepEqual([error.status, error.type, error.field], [417, 'MandatoryError', 'parts[1].part'])
        assert.notEqual(error.requestId, '')
        return true
      },
    )
  })

  test('somebody who may only read is refused', async () => {
    const tickets = connect({ person: 'visitor' }).doc('Job Ticket')
    await assert.rejects(tickets.insert({ title: 'x' }), { status: 403, type: 'PermissionError' })
    await assert.rejects(connect({ person: 'visitor' }).list('Job Order'), { status: 403 })
  })
})

suite('a bad connection', () => {
  /** Does each call, and loses the first answer to a write on the way back. */
  function losingFetch() {
    const lost: string[] = []
    const losing: typeof fetch = async (input, init) => {
      const answer = await fetch(input, init)
      if (init?.method !== 'GET' && lost.length === 0) {
        lost.push(String(init?.method))
        throw new TypeError('connection reset')
      }
      return answer
    }
    return { losing, lost }
  }

  test('an insert whose answer was lost is done once', async () => {
    const { losing, lost } = losingFetch()
    const client = connect({ fetch: losing })
    const made = await client.doc('Job Ticket').insert({ title: 'Only once' })
    assert.deepEqual(lost, ['POST'])
    assert.equal(made.title, 'Only once')
    assert.equal(await connect().doc('Job Ticket').count({ title: 'Only once' }), 1)
  })

  test('a deletion whose answer was lost succeeds, though nothing is left to delete', async () => {
    const { name } = await connect().doc('Job Ticket').insert({ title: 'Gone' })
    const { losing, lost } = losingFetch()
    await connect({ fetch: losing }).doc('Job Ticket').remove(name)
    assert.deepEqual(lost, ['DELETE'])
  })

  test('a batch whose answer was lost is done once', async () => {
    const { losing } = losingFetch()
    await connect({ fetch: losing }).batch([{ insert: 'Job Ticket', values: { title: 'Batched once' } }])
    assert.equal(await connect().doc('Job Ticket').count({ title: 'Batched once' }), 1)
  })
})

suite('batches on a server', () => {
  test('all steps succeed in one transaction, and each gives its document', async () => {
    const outcomes = await connect().batch([
      { insert: 'Job Customer', values: { customer_name: 'Batch & Co' } },
      { insert: 'Job Ticket', values: { title: 'Batch', customer: 'Batch & Co' } },
      { update: 'Job Customer', name: 'Batch & Co', values: { city: 'Wien' } },
      { call: 'workshop.api.echo', input: { text: 'x' } },
    ])
    assert.deepEqual(
      outcomes.map((outcome) => outcome.ok),
      [true, true, true, true],
    )
    assert.equal(outcomes[2]?.ok && (outcomes[2].data as { city: string }).city, 'Wien')
  })

  test('one refusal undoes all, and says which step it was', async () => {
    const client = connect()
    const steps = [
      { insert: 'Job Ticket' as const, values: { title: 'Undone' } },
      { insert: 'Job Ticket' as const, values: {} },
    ]
    await assert.rejects(client.batch(steps), { status: 417, type: 'MandatoryError', field: 'operations[1].title' })
    assert.equal(await client.doc('Job Ticket').count({ title: 'Undone' }), 0)
    const outcomes = await client.batch(steps, { atomic: false })
    assert.deepEqual(
      outcomes.map((outcome) => (outcome.ok ? 'done' : outcome.error.type)),
      ['done', 'MandatoryError'],
    )
    assert.equal(await client.doc('Job Ticket').count({ title: 'Undone' }), 1)
  })
})

suite('sessions on a server', () => {
  const open = () => createClient({ url: site.url })

  test('signing in, working, signing out', async () => {
    const client = open()
    assert.equal(await client.whoAmI().catch((error: ClientError) => error.status), 403)
    const { user, password } = site.staff
    const outcome = await client.signIn(user, password)
    assert.equal(outcome.done, true)
    assert.equal(await client.whoAmI(), user)
    await client.doc('Job Ticket').insert({ title: 'By session' })
    await client.signOut()
    await assert.rejects(client.list('Job Ticket'), { status: 403 })
  })

  test('once a page was drawn, writes bring its token', async () => {
    const client = open()
    await client.signIn(site.staff.user, site.staff.password)
    // From here on the session has a token, and the server asks for it.
    await client.call('frappe.sessions.get_csrf_token', {}, { verb: 'GET' })
    assert.equal((await client.doc('Job Ticket').insert({ title: 'With token' })).title, 'With token')
  })

  test('a wrong password is refused', async () => {
    await assert.rejects(open().signIn(site.staff.user, 'wrong'), { status: 401, type: 'AuthenticationError' })
  })
})

suite('files on a server', () => {
  const bytes = Uint8Array.from({ length: 250_000 }, (_, at) => (at * 7) % 251)
  const download = async (url: string, person: 'staff' | 'visitor' | undefined) => {
    const { api_key, api_secret } = person ? site[person] : { api_key: '', api_secret: '' }
    return fetch(`${site.url}${url}`, person ? { headers: { Authorization: `token ${api_key}:${api_secret}` } } : {})
  }

  test('a file is private unless told otherwise, and belongs to its document', async () => {
    const client = connect()
    const ticket = await client.doc('Job Ticket').insert({ title: 'Files' })
    const file = new File(['Grüße'], 'gruß & co.txt', { type: 'text/plain' })
    const kept = await client.upload(file, { attachTo: { doctype: 'Job Ticket', name: ticket.name, field: 'picture' } })
    assert.deepEqual([kept.is_private, kept.attached_to_name, kept.attached_to_field], [1, ticket.name, 'picture'])
    assert.equal((await download(kept.file_url, undefined)).status, 403)
    assert.equal(await (await download(kept.file_url, 'visitor')).text(), 'Grüße')
    const shown = await client.upload(new Blob(['hello']), { name: 'open.txt', isPrivate: false })
    assert.equal(await (await download(shown.file_url, undefined)).text(), 'hello')
  })

  test('a large file travels in parts, with progress, and arrives whole', async () => {
    const progress: number[] = []
    const options = { name: 'large.bin', partBytes: 100_000, onProgress: (sent: number) => progress.push(sent) }
    const kept = await connect().upload(new Blob([bytes]), options)
    assert.deepEqual(progress, [100_000, 200_000, 250_000])
    assert.equal(kept.file_size, 250_000)
    assert.deepEqual(new Uint8Array(await (await download(kept.file_url, 'staff')).arrayBuffer()), bytes)
  })

  test('a stream is sent as it comes, and a part whose answer was lost is sent again', async () => {
    let calls = 0
    const losing: typeof fetch = async (input, init) => {
      const answer = await fetch(input, init)
      if (++calls === 2) throw new TypeError('connection reset')
      return answer
    }
    const stream = new Blob([bytes]).stream()
    const kept = await connect({ fetch: losing }).upload({ name: 'stream.bin', size: bytes.length, stream }, { partBytes: 100_000 })
    assert.equal(calls, 4)
    assert.deepEqual(new Uint8Array(await (await download(kept.file_url, 'staff')).arrayBuffer()), bytes)
  })

  test('a stream that is not as long as announced leaves no file', async () => {
    const client = connect()
    for (const size of [300_000, 200_000, 100_000]) {
      const upload = client.upload({ name: 'other.bin', size, stream: new Blob([bytes]).stream() }, { partBytes: 100_000 })
      await assert.rejects(upload, { code: 'client/size-differs' })
    }
    assert.equal(await client.doc('File').count({ file_name: 'other.bin' }), 0)
  })

  test('a file for a document that one may only read is refused', async () => {
    const ticket = await connect().doc('Job Ticket').insert({ title: 'No files' })
    const upload = connect({ person: 'visitor' }).upload(new File(['x'], 'x.txt'), {
      attachTo: { doctype: 'Job Ticket', name: ticket.name },
    })
    await assert.rejects(upload, { status: 403 })
  })
})
