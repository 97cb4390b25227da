import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { CookieJar } from './cookie-jar.ts'
import { missingPackages, requirePackage } from './packages.ts'
import { workshopSite } from './workshop-site.ts'

type Doc = Record<string, unknown>
type Filter = readonly [string, string, unknown]

/** What is used of the package here; the rest of its interface is the same calls with other words. */
interface App {
  axios: {
    interceptors: {
      request: { use(change: (config: { headers: Record<string, string> }) => object): void }
      response: { use(look: (answer: { headers: Record<string, string[] | undefined> }) => object): void }
    }
  }
  auth(): {
    loginWithUsernamePassword(credentials: { username: string; password: string }): Promise<Doc>
    getLoggedInUser(): Promise<string>
    logout(): Promise<void>
    forgetPassword(user: string): Promise<void>
  }
  db(): {
    getDoc(doctype: string, name?: string): Promise<Doc>
    getDocList(doctype: string, args?: Doc): Promise<Doc[]>
    createDoc(doctype: string, values: Doc): Promise<Doc>
    updateDoc(doctype: string, name: string, values: Doc): Promise<Doc>
    deleteDoc(doctype: string, name: string): Promise<Doc>
    getCount(doctype: string, filters?: readonly Filter[], debug?: boolean): Promise<number>
    getLastDoc(doctype: string, args?: Doc): Promise<Doc>
    renameDoc(doctype: string, oldName: string, newName: string, merge?: boolean): Promise<Doc>
    getValue(
      doctype: string,
      field: string | string[],
      filters?: readonly Filter[],
      asDict?: boolean,
      debug?: boolean,
      parent?: string,
    ): Promise<Doc>
    setValue(doctype: string, name: string, field: string | Doc, value?: unknown): Promise<Doc>
    getSingleValue(doctype: string, field: string): Promise<Doc>
    submit(doc: Doc): Promise<Doc>
    cancel(doctype: string, name: string): Promise<Doc>
  }
  call(): Record<'get' | 'post' | 'put' | 'delete', (path: string, params?: Doc) => Promise<Doc>>
  file(): {
    uploadFile(file: File | undefined, args: Doc, progress?: (done: number, total?: number) => void): Promise<{ data: { message: Doc } }>
  }
}
type AppClass = new (url: string, tokens?: { useToken: boolean; token: () => string; type: string }) => App

const skip = await missingPackages()
const site = skip ? undefined : await workshopSite()

suite('frappe-js-sdk', { skip }, () => {
  const { FrappeApp } = requirePackage<{ FrappeApp: AppClass }>('frappe-js-sdk')
  const withKey = (person: 'staff' | 'visitor') => {
    const { api_key, api_secret } = site![person]
    return new FrappeApp(site!.url, { useToken: true, token: () => `${api_key}:${api_secret}`, type: 'token' })
  }
  /** The app in a page: a browser would keep the cookies. */
  const inPage = () => {
    const app = new FrappeApp(site!.url)
    const jar = new CookieJar()
    app.axios.interceptors.request.use((config) => {
      if (jar.header() !== '') config.headers.Cookie = jar.header()
      return config
    })
    app.axios.interceptors.response.use((answer) => {
      jar.take(answer.headers['set-cookie'] ?? [])
      return answer
    })
    return { app, jar }
  }

  test('signing in opens a session, and signing out ends it', async () => {
    const { app, jar } = inPage()
    const { user, password } = site!.staff
    const answer = await app.auth().loginWithUsernamePassword({ username: user, password })
    assert.equal(answer.message, 'Logged In')
    assert.equal(typeof answer.full_name, 'string')
    assert.equal(jar.get('user_id'), user)
    assert.equal(await app.auth().getLoggedInUser(), user)
    await app.auth().logout()
    await assert.rejects(app.auth().getLoggedInUser(), { httpStatus: 403 })
  })

  test('a session writes without a CSRF token as long as no page was drawn', async () => {
    const { app } = inPage()
    await app.auth().loginWithUsernamePassword({ username: site!.staff.user, password: site!.staff.password })
    const made = await app.db().createDoc('Job Ticket', { title: 'From a session' })
    assert.equal(made.owner, site!.staff.user)
  })

  test('the page of the desk gives the session a CSRF token, which writes must bring from then on', async () => {
    const { app, jar } = inPage()
    await app.auth().loginWithUsernamePassword({ username: site!.staff.user, password: site!.staff.password })
    const html = await (await jar.fetchFrom(site!.url)('/app')).text()
    const token = /csrf_token\s*=\s*["']([^"']+)["']/.exec(html)?.[1]
    assert.ok(token)
    assert.deepEqual(await app.call().get('frappe.sessions.get_csrf_token'), { message: token })
    await assert.rejects(app.db().createDoc('Job Ticket', { title: 'Forged' }), { httpStatus: 400, exc_type: 'CSRFTokenError' })
    app.axios.interceptors.request.use((config) => {
      config.headers['X-Frappe-CSRF-Token'] = token
      return config
    })
    assert.equal((await app.db().createDoc('Job Ticket', { title: 'Meant' })).title, 'Meant')
  })

  test('a wrong password is refused with the sentence that sign-in forms show', async () => {
    await assert.rejects(inPage().app.auth().loginWithUsernamePassword({ username: site!.staff.user, password: 'wrong' }), {
      httpStatus: 401,
      message: 'Invalid login credentials',
      exc_type: 'AuthenticationError',
    })
  })

  test('a forgotten password is asked for without a session, and unknown people get the same answer', async () => {
    await inPage().app.auth().forgetPassword(site!.visitor.user)
    await inPage().app.auth().forgetPassword('nobody@example.com')
  })

  test('a token that is not known is refused, never taken for a guest', async () => {
    const app = new FrappeApp(site!.url, { useToken: true, token: () => 'no:such', type: 'token' })
    await assert.rejects(app.auth().getLoggedInUser(), { httpStatus: 401 })
  })

  test('a document is made, read, changed and deleted', async () => {
    const db = withKey('staff').db()
    const made = await db.createDoc('Job Ticket', {
      title: 'Lock',
      cost: 12.5,
      is_urgent: 1,
      parts: [{ part: 'Bolt', qty: 2, price: 1.25 }],
    })
    const name = String(made.name)
    assert.match(name, /^JT-\d{4}$/)
    assert.deepEqual([made.status, made.docstatus, made.doctype, made.owner], ['Open', 0, 'Job Ticket', site!.staff.user])
    const read = await db.getDoc('Job Ticket', name)
    const [part] = read.parts as Doc[]
    assert.deepEqual([part?.part, part?.qty, part?.price, part?.parent, part?.idx], ['Bolt', 2, 1.25, name, 1])
    assert.equal('notes' in read, false)
    const changed = await db.updateDoc('Job Ticket', name, { status: 'Waiting', due_on: '2026-12-01' })
    assert.deepEqual([changed.status, changed.due_on, changed.title], ['Waiting', '2026-12-01', 'Lock'])
    assert.deepEqual(await db.deleteDoc('Job Ticket', name), { data: 'ok' })
    await assert.rejects(db.getDoc('Job Ticket', name), { httpStatus: 404, exc_type: 'DoesNotExistError' })
  })

  test('a list takes fields, filters, either-or filters, order and pages', async () => {
    const db = withKey('staff').db()
    await db.createDoc('Job Customer', { customer_name: 'List & Co', city: 'Graz' })
    for (const priority of [1, 2, 3, 4]) await db.createDoc('Job Ticket', { title: `List ${priority}`, priority, customer: 'List & Co' })
    const mine: Filter = ['customer', '=', 'List & Co']
    const args = { fields: ['title', 'priority', 'customer.city'], filters: [mine], orderBy: { field: 'priority', order: 'desc' } }
    const rows = await db.getDocList('Job Ticket', { ...args, limit: 2, limit_start: 1 })
    assert.deepEqual(rows, [
      { title: 'List 3', priority: 3, city: 'Graz' },
      { title: 'List 2', priority: 2, city: 'Graz' },
    ])
    const either = await db.getDocList('Job Ticket', {
      ...args,
      fields: ['priority'],
      orFilters: [
        ['priority', '<', 2],
        ['priority', '>', 3],
      ],
    })
    assert.deepEqual(either, [{ priority: 4 }, { priority: 1 }])
    assert.deepEqual(await db.getDocList('Job Ticket', { fields: ['title'], filters: [mine, ['title', 'like', '%4']], asDict: false }), [
      ['List 4'],
    ])
    const grouped = await db.getDocList('Job Ticket', {
      fields: ['customer', 'count(name) as number'],
      filters: [mine],
      groupBy: 'customer',
    })
    assert.deepEqual(grouped, [{ customer: 'List & Co', number: 4 }])
    const plain = await db.getDocList('Job Ticket')
    assert.deepEqual(Object.keys(plain[0] ?? {}), ['name'])
    assert.equal(await db.getCount('Job Ticket', [mine]), 4)
    assert.equal((await db.getLastDoc('Job Ticket', { filters: [mine], orderBy: { field: 'priority', order: 'desc' } })).priority, 4)
  })

  test('single values are read and set', async () => {
    const db = withKey('staff').db()
    const { name } = await db.createDoc('Job Ticket', { title: 'Values', priority: 7 })
    const self: Filter = ['name', '=', name]
    assert.deepEqual(await db.getValue('Job Ticket', 'title', [self]), { message: { title: 'Values' } })
    assert.deepEqual(await db.getValue('Job Ticket', ['title', 'priority'], [self]), { message: { title: 'Values', priority: 7 } })
    assert.equal(((await db.setValue('Job Ticket', String(name), 'priority', 9)).message as Doc).priority, 9)
    const both = (await db.setValue('Job Ticket', String(name), { priority: 1, status: 'Closed' })).message as Doc
    assert.deepEqual([both.priority, both.status], [1, 'Closed'])
    await db.setValue('Job Settings', 'Job Settings', 'slogan', 'We mend')
    assert.deepEqual(await db.getSingleValue('Job Settings', 'slogan'), { message: 'We mend' })
    assert.equal((await db.getDoc('Job Settings', 'Job Settings')).slogan, 'We mend')
  })

  test('a document is renamed, and merged into another', async () => {
    const db = withKey('staff').db()
    await db.createDoc('Job Customer', { customer_name: 'Before' })
    const { name } = await db.createDoc('Job Ticket', { title: 'Follows', customer: 'Before' })
    assert.deepEqual(await db.renameDoc('Job Customer', 'Before', 'Behind'), { message: 'Behind' })
    assert.equal((await db.getDoc('Job Ticket', String(name))).customer, 'Behind')
    await db.createDoc('Job Customer', { customer_name: 'Into' })
    await db.renameDoc('Job Customer', 'Behind', 'Into', true)
    assert.equal((await db.getDoc('Job Ticket', String(name))).customer, 'Into')
    await assert.rejects(db.getDoc('Job Customer', 'Behind'), { httpStatus: 404 })
  })

  test('a submittable document is submitted and cancelled', async () => {
    const db = withKey('staff').db()
    const made = await db.createDoc('Job Order', { title: 'Order', total: 10 })
    const submitted = await db.submit(made)
    assert.equal(submitted.docstatus, 1)
    await assert.rejects(db.updateDoc('Job Order', String(made.name), { total: 11 }), {
      httpStatus: 417,
      exc_type: 'UpdateAfterSubmitError',
    })
    const cancelled = await db.cancel('Job Order', String(made.name))
    assert.equal((cancelled.message as Doc).docstatus, 2)
  })

  test('methods are called by every verb, with values and lists', async () => {
    const call = withKey('staff').call()
    const path = 'workshop.api.echo'
    assert.deepEqual(await call.get(path, { text: 'a b&c', times: 2, tags: ['x', 'y'] }), {
      message: { text: 'a b&c', times: 2, tags: ['x', 'y'] },
    })
    for (const verb of ['post', 'put', 'delete'] as const)
      assert.deepEqual(await call[verb](path, { text: verb, times: 3 }), { message: { text: verb, times: 3 } })
    assert.deepEqual(await call.get('ping'), { message: 'pong' })
    assert.deepEqual(await call.post(path, { text: 'x', unheard_of: 1, ignore_permissions: 1 }), { message: { text: 'x' } })
  })

  test('files are uploaded, public and private, and attached', async () => {
    const app = withKey('staff')
    const { name } = await app.db().createDoc('Job Ticket', { title: 'With a file' })
    const progress: number[] = []
    const upload = async (isPrivate: boolean) => {
      const file = new File([`Grüße, ${isPrivate}`], `note ${isPrivate}.txt`, { type: 'text/plain' })
      const args = { isPrivate, doctype: 'Job Ticket', docname: name, fieldname: 'picture', folder: 'Home' }
      return (await app.file().uploadFile(file, args, (done) => progress.push(done))).data.message
    }
    const open = await upload(false)
    assert.match(String(open.file_url), /^\/files\/note/)
    assert.deepEqual([open.is_private, open.attached_to_doctype, open.attached_to_name, open.folder], [0, 'Job Ticket', name, 'Home'])
    const content = await fetch(new URL(String(open.file_url), site!.url))
    assert.equal(await content.text(), 'Grüße, false')
    const secret = await upload(true)
    assert.match(String(secret.file_url), /^\/private\/files\/note/)
    const address = new URL(String(secret.file_url), site!.url)
    assert.equal((await fetch(address)).status, 403)
    const { api_key, api_secret } = site!.staff
    const allowed = await fetch(address, { headers: { Authorization: `token ${api_key}:${api_secret}` } })
    assert.equal(await allowed.text(), 'Grüße, true')
    assert.ok(progress.length >= 2)
    const link = (await app.file().uploadFile(undefined, { file_url: open.file_url, doctype: 'Job Ticket', docname: name })).data.message
    assert.deepEqual([link.file_url, link.attached_to_name], [open.file_url, name])
  })

  test('a refusal names its class, its status and a sentence', async () => {
    const db = withKey('staff').db()
    await assert.rejects(db.createDoc('Job Ticket', {}), (error: Doc) => {
      assert.deepEqual([error.httpStatus, error.exc_type], [417, 'MandatoryError'])
      assert.match(String(error.exception), /MandatoryError/)
      const [first] = JSON.parse(String(error._server_messages)) as string[]
      assert.match(String((JSON.parse(first!) as Doc).message), /title/i)
      return true
    })
    await assert.rejects(db.createDoc('Job Ticket', { title: 'x', customer: 'Nobody' }), {
      httpStatus: 417,
      exc_type: 'LinkValidationError',
    })
    await assert.rejects(
      db.createDoc('Job Customer', { customer_name: 'Twice' }).then(() => db.createDoc('Job Customer', { customer_name: 'Twice' })),
      {
        httpStatus: 409,
        exc_type: 'DuplicateEntryError',
      },
    )
    await assert.rejects(db.getDocList('No Such DocType'), { httpStatus: 404, exc_type: 'DoesNotExistError' })
  })

  test('somebody with read access alone is refused what changes things', async () => {
    const db = withKey('visitor').db()
    const { name } = await withKey('staff').db().createDoc('Job Ticket', { title: 'Look only' })
    assert.equal((await db.getDoc('Job Ticket', String(name))).title, 'Look only')
    await assert.rejects(db.updateDoc('Job Ticket', String(name), { title: 'x' }), { httpStatus: 403, exc_type: 'PermissionError' })
    await assert.rejects(db.getDocList('Job Order'), { httpStatus: 403 })
    await assert.rejects(withKey('visitor').call().get('workshop.api.echo', { text: 'x' }), { httpStatus: 403 })
  })
})
