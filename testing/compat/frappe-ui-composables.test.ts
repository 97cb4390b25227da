import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { type Composed, type Doc, openFrappeUi, type OpenFrappeUi } from './frappe-ui.ts'
import { missingPackages } from './packages.ts'
import { until } from './until.ts'
import { workshopSite } from './workshop-site.ts'

const skip = await missingPackages()
const site = skip ? undefined : await workshopSite()

suite('the composables of frappe-ui', { skip }, () => {
  let ui: OpenFrappeUi
  before(async () => {
    ui = await openFrappeUi(site!.url, site!.staff)
  })
  after(() => ui.close())

  const settled = async <T extends Composed>(composed: T): Promise<T> => {
    await until('the call is done', () => composed.isFinished)
    return composed
  }

  test('useCall reads the data of a method, by GET and by POST', async () => {
    const got = await settled(ui.useCall({ url: '/api/v2/method/workshop.api.echo', params: { text: 'q' } }))
    assert.deepEqual(got.data, { text: 'q' })
    const post = ui.useCall({ url: '/api/v2/method/workshop.api.echo', method: 'POST', immediate: false })
    assert.deepEqual(await post.submit({ text: 'p', times: 3 }), { text: 'p', times: 3 })
  })

  test('useCall names class, title and sentence of a refusal', async () => {
    const refused = ui.useCall({ url: '/api/v2/document/Job Ticket', method: 'POST', immediate: false })
    await refused.submit({ status: 'Open' })
    assert.equal(refused.error?.type, 'MandatoryError')
    assert.match(String(refused.error?.title), /\w/)
    assert.match(String(refused.error?.message), /MandatoryError: .*title/i)
  })

  test('useList filters, pages, adds, changes and deletes', async () => {
    for (const priority of [1, 2, 3]) await ui.make({ title: `Composed ${priority}`, priority })
    const list = ui.useList({
      doctype: 'Job Ticket',
      fields: ['name', 'title', 'priority', { parts: ['part'] }],
      filters: { title: ['like', 'Composed'] },
      orderBy: 'priority asc',
      limit: 2,
    })
    await until('the first page is there', () => list.data?.length === 2)
    assert.equal(list.hasNextPage, true)
    list.next()
    await until('the second page is there', () => list.data?.length === 3)
    assert.equal(list.hasNextPage, false)
    const added = (await list.insert.submit({ title: 'Composed 4', priority: 4, parts: [{ part: 'Nail' }] })) as Doc
    assert.equal(added.title, 'Composed 4')
    const name = String(list.data?.[0]?.name)
    await list.setValue.submit({ name, title: 'Composed one' })
    await until('the row has its new title', () => list.data?.some(({ title }) => title === 'Composed one') === true)
    await list.delete.submit({ name })
    await until('the row is gone', () => list.data?.every((row) => row.name !== name) === true)
  })

  test('useDoc reads, changes, runs and deletes', async () => {
    const name = await ui.make({ title: 'Doc of v2', seen_at: '2026-11-20 10:00:00' })
    const doc = ui.useDoc({ doctype: 'Job Ticket', name, methods: { close: 'close' } })
    await until('the document is there', () => doc.doc !== null)
    assert.deepEqual([doc.doc?.title, doc.doc?.notes], ['Doc of v2', null])
    await doc.setValue.submit({ title: 'Renamed' })
    await until('the title is new', () => doc.doc?.title === 'Renamed')
    assert.equal(await doc.close.submit({ note: 'Bye' }), `${name} is closed`)
    await until('the method’s change is on screen', () => doc.doc?.status === 'Closed')
    assert.equal(await doc.delete.submit(), 'ok')
    await assert.rejects(ui.call('frappe.client.get', { doctype: 'Job Ticket', name }), { status: 404 })
  })

  test('useNewDoc and useDoctype make, change, run and delete', async () => {
    const made = await ui.useNewDoc('Job Ticket', { title: 'New' }).submit()
    assert.equal(made.title, 'New')
    const tickets = ui.useDoctype('Job Ticket')
    const { name } = (await tickets.insert.submit({ title: 'Another', customer: null })) as { name: string }
    assert.equal(((await tickets.setValue.submit({ name, title: 'Changed' })) as Doc).title, 'Changed')
    assert.equal(await tickets.runDocMethod.submit({ name, method: 'close', params: { note: 'x' } }), `${name} is closed`)
    await ui.call('frappe.client.insert', { doc: { doctype: 'Job Customer', customer_name: 'Counted Ltd' } })
    await ui.make({ title: 'Open one', customer: 'Counted Ltd' })
    assert.equal(await tickets.runMethod.submit({ method: 'open_tickets', params: { customer: 'Counted Ltd' } }), 1)
    assert.equal(await tickets.delete.submit({ name }), 'ok')
  })
})
