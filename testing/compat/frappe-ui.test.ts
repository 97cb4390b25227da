import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import {
  type Doc,
  type DocumentResource,
  frappeUiSource,
  type ListResource,
  openFrappeUi,
  type OpenFrappeUi,
  type Refusal,
  type Resource,
} from './frappe-ui.ts'
import { missingPackages, requirePackage } from './packages.ts'
import { until } from './until.ts'
import { workshopSite } from './workshop-site.ts'

type UploadHandler = new () => { on(event: string, listen: (data?: unknown) => void): void; upload(file: File, options: Doc): Promise<Doc> }

/** As much of Vue as components with resources need here. */
interface Vue {
  createSSRApp(component: object): { use(plugin: unknown): void }
}
interface VueRenderer {
  renderToString(app: unknown): Promise<string>
}
/** What the plugin adds to components. */
interface WithResources {
  $resources: { tickets: ListResource; ticket: DocumentResource; echo: Resource }
  $getDoc(doctype: string, name: string): Doc | null
}

const skip = await missingPackages()
const site = skip ? undefined : await workshopSite()

suite('frappe-ui', { skip }, () => {
  let ui: OpenFrappeUi
  before(async () => {
    ui = await openFrappeUi(site!.url, site!.staff)
  })
  after(() => ui.close())

  suite('calls', () => {
    test('a session whose page was drawn must send the page’s CSRF token', async () => {
      const token = ui.page.window.csrf_token
      ui.page.window.csrf_token = 'wrong'
      try {
        await assert.rejects(ui.make({ title: 'Forged' }), { exc_type: 'CSRFTokenError', status: 400 })
      } finally {
        ui.page.window.csrf_token = token
      }
      assert.match(await ui.make({ title: 'Meant' }), /^JT-/)
    })

    test('a resource calls a method and gives its message', async () => {
      const resource = ui.createResource({ url: 'workshop.api.echo', params: { text: 'a', tags: ['x'] } })
      assert.deepEqual(await resource.fetch(), { text: 'a', tags: ['x'] })
      assert.deepEqual(await resource.submit({ text: 'b', times: 2 }), { text: 'b', times: 2 })
      assert.deepEqual([resource.loading, resource.error], [false, null])
    })

    test('a plain request reads the whole answer', async () => {
      const answer = await ui.request({ url: '/api/method/workshop.api.echo', params: { text: 'x' } })
      assert.deepEqual(answer, { message: { text: 'x' } })
    })

    test('what the server has to say reaches the handler of messages', async () => {
      const said: string[] = []
      ui.setConfig('serverMessagesHandler', (messages: string[]) =>
        said.push(...messages.map((one) => (JSON.parse(one) as { message: string }).message)),
      )
      try {
        assert.equal(await ui.createResource({ url: 'workshop.api.nothing' }).submit(), undefined)
      } finally {
        ui.setConfig('serverMessagesHandler', null)
      }
      assert.deepEqual(said, ['All done.'])
    })

    test('a refusal gives class and sentences, in resources and in calls', async () => {
      const resource = ui.createResource({ url: 'frappe.client.insert' })
      await assert.rejects(resource.submit({ doc: { doctype: 'Job Ticket' } }), (error: Refusal) => {
        assert.equal(error.exc_type, 'MandatoryError')
        assert.equal(error.messages?.length, 1)
        assert.match(error.messages?.[0] ?? '', /title/i)
        return true
      })
      assert.equal(resource.error?.exc_type, 'MandatoryError')
      await assert.rejects(ui.call('frappe.client.get', { doctype: 'Job Ticket', name: 'None' }), {
        exc_type: 'DoesNotExistError',
        status: 404,
      })
      await assert.rejects(ui.call('frappe.client.get_list', { doctype: 'User Permission' }), { exc_type: 'PermissionError', status: 403 })
      await assert.rejects(ui.call('workshop.api.unheard_of'), { exc_type: 'PermissionError', status: 403 })
    })

    test('link fields search, and forms ask for the definition', async () => {
      await ui.call('frappe.client.insert', { doc: { doctype: 'Job Customer', customer_name: 'Linked Ltd', city: 'Wels' } })
      const found = (await ui.call('frappe.desk.search.search_link', { doctype: 'Job Customer', txt: 'Linked', filters: {} })) as Doc[]
      assert.deepEqual(
        found.map(({ value }) => value),
        ['Linked Ltd'],
      )
      const { docs } = (await ui.call('frappe.desk.form.load.getdoctype', { doctype: 'Job Ticket', with_parent: 1 })) as { docs: Doc[] }
      assert.deepEqual(docs.map(({ name }) => name).slice(0, 2), ['Job Ticket', 'Job Part'])
      const fields = docs[0]?.fields as Doc[]
      assert.deepEqual(fields.find(({ fieldname }) => fieldname === 'customer')?.options, 'Job Customer')
    })
  })

  suite('list resources', () => {
    test('a list is fetched page by page', async () => {
      for (const priority of [1, 2, 3]) await ui.make({ title: `Page ${priority}`, priority })
      const filters = { title: ['like', 'Page %'] }
      const list = ui.createListResource({
        doctype: 'Job Ticket',
        fields: ['name', 'title'],
        filters,
        orderBy: 'priority asc',
        pageLength: 2,
      })
      await list.reload()
      assert.deepEqual(
        list.data?.map(({ title }) => title),
        ['Page 1', 'Page 2'],
      )
      assert.equal(list.hasNextPage, true)
      list.next()
      await until('the next page is there', () => list.data?.length === 3)
      assert.equal(list.hasNextPage, false)
      list.update({ filters: { title: 'Page 2' } })
      await list.reload()
      assert.deepEqual(
        list.data?.map(({ title }) => title),
        ['Page 2'],
      )
    })

    test('rows are added, changed in place, run and deleted', async () => {
      const filters = { title: ['like', 'Row %'] }
      const list = ui.createListResource({ doctype: 'Job Ticket', fields: '*', filters, orderBy: 'creation asc' })
      await list.reload()
      const { name } = (await list.insert.submit({ title: 'Row 1', cost: '12.50' })) as { name: string }
      await until('the row is in the list', () => list.getRow(name) !== undefined)
      assert.equal(list.getRow(name)?.cost, 12.5)
      await list.setValue.submit({ name, title: 'Row one', priority: 5 })
      assert.deepEqual([list.getRow(name)?.title, list.getRow(name)?.priority], ['Row one', 5])
      await ui.call('frappe.client.set_value', { doctype: 'Job Ticket', name, fieldname: 'title', value: 'Row changed elsewhere' })
      await list.fetchOne.submit(name)
      assert.equal(list.getRow(name)?.title, 'Row changed elsewhere')
      const ran = (await list.runDocMethod.submit({ name, method: 'close', note: 'Good bye' })) as { message: string; docs: Doc[] }
      assert.equal(ran.message, `${name} is closed`)
      assert.deepEqual([list.getRow(name)?.status, list.getRow(name)?.notes], ['Closed', 'Good bye'])
      await list.delete.submit(name)
      await until('the row is gone', () => list.data?.length === 0)
    })

    test('a list counts and groups', async () => {
      const filters = { title: ['like', 'Group %'] }
      for (const status of ['Open', 'Open', 'Closed']) await ui.make({ title: `Group ${status}`, status })
      assert.equal(await ui.call('frappe.client.get_count', { doctype: 'Job Ticket', filters }), 3)
      const params = {
        doctype: 'Job Ticket',
        fields: ['status', 'count(name) as number'],
        filters,
        group_by: 'status',
        order_by: 'status asc',
      }
      const rows = (await ui.createResource({ url: 'frappe.client.get_list', params }).fetch()) as Doc[]
      assert.deepEqual(rows, [
        { status: 'Closed', number: 1 },
        { status: 'Open', number: 2 },
      ])
    })
  })

  suite('document resources', () => {
    const open = (name: string) =>
      ui.createDocumentResource({ doctype: 'Job Ticket', name, auto: false, whitelistedMethods: { close: 'close' } })

    const partsOf = (resource: DocumentResource) => resource.doc?.parts as Doc[]

    test('a document is loaded with its rows and its empty fields', async () => {
      const resource = open(await ui.make({ title: 'Load me', parts: [{ part: 'Bolt', qty: 2 }] }))
      await resource.reload()
      assert.deepEqual([resource.doc?.title, resource.doc?.notes, partsOf(resource)[0]?.part], ['Load me', null, 'Bolt'])
    })

    test('a field is set, and the whole edited document is saved', async () => {
      const resource = open(await ui.make({ title: 'Save me', parts: [{ part: 'Bolt', qty: 2 }] }))
      await resource.reload()
      await resource.setValue.submit({ priority: 4 })
      assert.equal(resource.doc?.priority, 4)
      Object.assign(resource.doc as Doc, { title: 'Saved', due_on: '2026-12-24' })
      partsOf(resource).push({ part: 'Nut', qty: 3 })
      await until('the change is noticed', () => resource.isDirty)
      await resource.save.submit()
      await resource.reload()
      assert.deepEqual([resource.doc?.title, resource.doc?.due_on], ['Saved', '2026-12-24'])
      assert.deepEqual(
        partsOf(resource).map(({ part, idx }) => [part, idx]),
        [
          ['Bolt', 1],
          ['Nut', 2],
        ],
      )
      await until('nothing is unsaved', () => !resource.isDirty)
    })

    test('changes in quick succession are saved once, with the last of them', async () => {
      const name = await ui.make({ title: 'Type slowly' })
      const resource = ui.createDocumentResource({ doctype: 'Job Ticket', name, auto: false, debounce: 20 })
      await resource.reload()
      for (const title of ['T', 'Ty', 'Typed']) resource.setValueDebounced.submit({ title })
      await until('the change is stored', () => resource.doc?.title === 'Typed' && resource.doc.modified !== resource.doc.creation)
      const { docs } = (await ui.call('frappe.desk.form.load.getdoc', { doctype: 'Job Ticket', name })) as { docs: Doc[] }
      assert.equal(docs[0]?.title, 'Typed')
    })

    test('a refused change is rolled back on screen', async () => {
      const resource = open(await ui.make({ title: 'Keep me' }))
      await resource.reload()
      await assert.rejects(resource.setValue.submit({ status: 'Impossible' }), { exc_type: 'ValidationError' })
      assert.equal(resource.doc?.status, 'Open')
    })

    test('a method of the document runs, and the document follows', async () => {
      const resource = open(await ui.make({ title: 'Close me' }))
      await resource.reload()
      await resource.close.submit({ note: 'Done' })
      assert.match(String(resource.close.data), /is closed$/)
      assert.deepEqual([resource.doc?.status, resource.doc?.notes], ['Closed', 'Done'])
    })

    test('a document is deleted', async () => {
      const resource = open(await ui.make({ title: 'Delete me' }))
      await resource.reload()
      await resource.delete.submit()
      assert.equal(resource.doc, null)
      await assert.rejects(resource.reload(), { exc_type: 'DoesNotExistError' })
    })
  })

  test('components declare their resources', async () => {
    // The number of a document deleted above is free again, and the client still remembers what bore it.
    await ui.make({ title: 'Filler' })
    const name = await ui.make({ title: 'Component' })
    const shown: { component?: WithResources } = {}
    const app = requirePackage<Vue>('vue').createSSRApp({
      resources: {
        tickets: { type: 'list', doctype: 'Job Ticket', fields: ['title'], filters: { name }, auto: true },
        ticket: { type: 'document', doctype: 'Job Ticket', name },
        echo: { url: 'workshop.api.echo', params: { text: 'hi' }, auto: true },
      },
      created(this: WithResources) {
        shown.component = this
      },
      render: () => null,
    })
    app.use(ui.resourcesPlugin)
    await requirePackage<VueRenderer>('vue/server-renderer').renderToString(app)
    const { tickets, ticket, echo } = shown.component!.$resources
    await until('all three are there', () => tickets.data !== null && ticket.doc !== null && echo.data !== null)
    assert.deepEqual([tickets.data?.[0]?.title, ticket.doc?.title, echo.data], ['Component', 'Component', { text: 'hi' }])
    assert.equal(shown.component!.$getDoc('Job Ticket', name)?.title, 'Component')
  })

  suite('files', () => {
    test('the upload handler tells of start, progress and end', async () => {
      const { default: Handler } = (await frappeUiSource('utils/fileUploadHandler.ts')) as { default: UploadHandler }
      const handler = new Handler()
      const heard: string[] = []
      for (const event of ['start', 'progress', 'finish', 'error']) handler.on(event, () => heard.push(event))
      const file = await handler.upload(new File(['<svg/>'], 'drawing.svg'), { private: false, folder: 'Home' })
      assert.deepEqual(heard, ['start', 'progress', 'finish'])
      const answer = await fetch(String(file.file_url))
      assert.match(answer.headers.get('content-disposition') ?? '', /^attachment/)
    })

    test('a private file is uploaded with progress and attached', async () => {
      const name = await ui.make({ title: 'File' })
      const uploader = ui.useFileUpload()
      const file = await uploader.upload(new File(['abc'], 'a.txt'), { private: true, doctype: 'Job Ticket', docname: name })
      assert.deepEqual([file.file_name, file.is_private, file.attached_to_name, file.file_size], ['a.txt', 1, name, 3])
      assert.equal(uploader.progress.value, 100)
      const content = await fetch(String(file.file_url))
      assert.equal(await content.text(), 'abc')
    })

    test('a file for a document that one may not touch is refused with a sentence', async () => {
      const upload = ui.useFileUpload().upload(new File(['abc'], 'a.txt'), { doctype: 'System Settings', docname: 'System Settings' })
      await assert.rejects(upload, (error: Refusal) => /\w{4}/.test(error.message) && error.message !== 'Internal Server Error')
    })
  })

  test('signing out ends the session of the page', async () => {
    await ui.call('logout')
    await assert.rejects(ui.call('frappe.client.get_list', { doctype: 'Job Ticket' }), { status: 403 })
  })
})
