import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { CookieJar } from './cookie-jar.ts'
import { workshopSite } from './workshop-site.ts'

type Doc = Record<string, unknown>
type Params = Record<string, unknown>

const site = await workshopSite()

/**
 * Talks to the server as scripts do that use the Python client for Frappe: form bodies, `cmd` on the root, documents as JSON in the form
 * field `data`, lists and objects as JSON text, and an answer that counts as failed when it holds an `exc`.
 */
class ScriptClient {
  readonly #fetch = new CookieJar().fetchFrom(site.url)
  readonly #headers: Record<string, string> = { Accept: 'application/json' }

  useKey(key: string, secret: string): this {
    this.#headers.Authorization = `Basic ${Buffer.from(`${key}:${secret}`).toString('base64')}`
    return this
  }

  get(path: string, params: Params = {}): Promise<unknown> {
    return this.#send('GET', `${path}?${form(params)}`)
  }

  post(path: string, params: Params): Promise<unknown> {
    return this.#send('POST', path, form(params))
  }

  put(path: string, params: Params): Promise<unknown> {
    return this.#send('PUT', path, form(params))
  }

  login(user: string, password: string): Promise<unknown> {
    return this.post('/', { cmd: 'login', usr: user, pwd: password })
  }

  insert(doc: Doc): Promise<unknown> {
    return this.post(`/api/resource/${encodeURIComponent(String(doc.doctype))}`, { data: doc })
  }

  async #send(method: string, path: string, body?: URLSearchParams): Promise<unknown> {
    const answer = await this.#fetch(path, { method, headers: this.#headers, ...(body ? { body } : {}) })
    const read = (await answer.json()) as { exc?: string; exc_type?: string; message?: unknown; data?: unknown }
    if (read.exc)
      throw Object.assign(new Error(String((JSON.parse(read.exc) as string[])[0])), { status: answer.status, exc_type: read.exc_type })
    return 'message' in read ? read.message : read.data
  }
}

function form(params: Params): URLSearchParams {
  const text = (value: unknown) => (typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value))
  return new URLSearchParams(Object.entries(params).map(([name, value]) => [name, text(value)]))
}

suite('the habits of the Python client', () => {
  const keyed = () => new ScriptClient().useKey(site.staff.api_key, site.staff.api_secret)

  test('signing in by cmd on the root answers with the sentence that the client compares', async () => {
    const client = new ScriptClient()
    assert.equal(await client.login(site.staff.user, site.staff.password), 'Logged In')
    assert.equal(await client.get('/api/method/frappe.auth.get_logged_user/'), site.staff.user)
    await client.get('/', { cmd: 'logout' })
    await assert.rejects(client.get('/api/method/frappe.auth.get_logged_user/'), { status: 403 })
  })

  test('a wrong password does not answer with that sentence', async () => {
    await assert.rejects(new ScriptClient().login(site.staff.user, 'wrong'), { status: 401, exc_type: 'AuthenticationError' })
  })

  test('a key in a Basic header is taken, and a header that is no base64 is refused', async () => {
    assert.equal(await keyed().get('/api/method/frappe.auth.get_logged_user'), site.staff.user)
    const answer = await fetch(new URL('/api/method/frappe.auth.get_logged_user', site.url), { headers: { Authorization: 'Basic %%%' } })
    assert.equal(answer.status, 400)
  })

  test('documents travel as JSON in a form field', async () => {
    const client = keyed()
    const made = (await client.insert({
      doctype: 'Job Ticket',
      title: 'Form',
      parts: [{ doctype: 'Job Part', part: 'Bolt', qty: 2 }],
    })) as Doc
    assert.deepEqual([made.title, (made.parts as Doc[])[0]?.qty], ['Form', 2])
    const address = `/api/resource/Job Ticket/${made.name}`
    const changed = (await client.put(address, { data: { ...made, title: 'Form 2' } })) as Doc
    assert.deepEqual([changed.title, (changed.parts as Doc[]).length], ['Form 2', 1])
    assert.equal(((await client.get(address)) as Doc).title, 'Form 2')
  })

  test('a list takes quoted star, JSON filters and pages of any length', async () => {
    const client = keyed()
    for (const priority of [1, 2, 3]) await client.insert({ doctype: 'Job Ticket', title: `Script ${priority}`, priority })
    const rows = (await client.get('/api/resource/Job Ticket', {
      fields: '"*"',
      filters: { title: ['like', 'Script %'] },
      limit_page_length: 0,
    })) as Doc[]
    assert.equal(rows.length, 3)
    assert.equal(typeof rows[0]?.creation, 'string')
    const page = {
      fields: ['title'],
      filters: [['Job Ticket', 'title', 'like', 'Script %']],
      limit_start: 1,
      limit_page_length: 1,
      order_by: 'priority desc',
    }
    assert.deepEqual(await client.get('/api/resource/Job Ticket', page), [{ title: 'Script 2' }])
  })

  test('frappe.client methods are called by cmd on the root', async () => {
    const client = keyed()
    const names = (await client.post('/', {
      cmd: 'frappe.client.insert_many',
      docs: [
        { doctype: 'Job Ticket', title: 'Many 1' },
        { doctype: 'Job Ticket', title: 'Many 2' },
      ],
    })) as string[]
    assert.equal(names.length, 2)
    const [first, second] = names as [string, string]
    const updated = await client.post('/', {
      cmd: 'frappe.client.bulk_update',
      docs: [{ doctype: 'Job Ticket', docname: first, title: 'Bulk' }],
    })
    assert.deepEqual(updated, { failed_docs: [] })
    const filters = { name: first }
    assert.deepEqual(await client.get('/', { cmd: 'frappe.client.get_value', doctype: 'Job Ticket', fieldname: 'title', filters }), {
      title: 'Bulk',
    })
    assert.deepEqual(
      await client.get('/', { cmd: 'frappe.client.get_value', doctype: 'Job Ticket', fieldname: ['title', 'status'], filters }),
      {
        title: 'Bulk',
        status: 'Open',
      },
    )
    const set = { cmd: 'frappe.client.set_value', doctype: 'Job Ticket', name: second, fieldname: 'priority', value: 8 }
    assert.equal(((await client.post('/', set)) as Doc).priority, 8)
    await client.post('/', { cmd: 'frappe.client.delete', doctype: 'Job Ticket', name: second })
    await assert.rejects(
      client.post('/', { cmd: 'frappe.client.set_value', doctype: 'Job Ticket', name: first, fieldname: 'status', value: 'Lost' }),
      { status: 417 },
    )
    assert.equal(await client.get('/', { cmd: 'frappe.client.get_count', doctype: 'Job Ticket', filters: { name: ['in', names] } }), 1)
  })

  test('submitting sends the document as doclist', async () => {
    const client = keyed()
    const made = (await client.insert({ doctype: 'Job Order', title: 'Order' })) as Doc
    const submitted = (await client.post('/', { cmd: 'frappe.client.submit', doclist: made })) as Doc
    assert.equal(submitted.docstatus, 1)
    await client.post('/', { cmd: 'frappe.client.cancel', doctype: 'Job Order', name: made.name })
    assert.equal(((await client.get(`/api/resource/Job Order/${made.name}`)) as Doc).docstatus, 2)
  })

  test('a document is renamed by cmd', async () => {
    const client = keyed()
    await client.insert({ doctype: 'Job Customer', customer_name: 'Old & Son' })
    const rename = { cmd: 'frappe.client.rename_doc', doctype: 'Job Customer', old_name: 'Old & Son', new_name: 'New & Son' }
    assert.equal(await client.post('/', rename), 'New & Son')
    assert.equal(((await client.get('/api/resource/Job Customer/New %26 Son')) as Doc).name, 'New & Son')
  })

  test('methods are called with a slash at the end, and numbers and lists as text', async () => {
    const client = keyed()
    const input = { text: 'a', times: 2, tags: ['x'] }
    assert.deepEqual(await client.get('/api/method/workshop.api.echo/', input), input)
    assert.deepEqual(await client.post('/api/method/workshop.api.echo/', input), input)
  })

  test('somebody without the right is refused with an exc, so that the client fails', async () => {
    const client = new ScriptClient().useKey(site.visitor.api_key, site.visitor.api_secret)
    await assert.rejects(client.insert({ doctype: 'Job Ticket', title: 'x' }), { status: 403, exc_type: 'PermissionError' })
  })
})
