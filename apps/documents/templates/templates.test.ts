import assert from 'node:assert/strict'
import { test } from 'node:test'
import { getDocument } from '#kernel/documents/load.ts'
import { endBrowser } from '#kernel/print/browser.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { list } from '#kernel/query/list.ts'
import { filingOffice } from '#testing/filing-office.ts'
import { TemplateUnusable } from '../errors.ts'

const office = await filingOffice()
const north = { organization: 'North' }
const sam = await office.person('sam', ['Documents User', 'Sales User'], ['North'])
const customer = await office.make('Customer', { customer_name: '<Klein> & Co', ...north })
const letter = await office.make('Document Template', {
  template_name: 'Letter',
  title_template: 'Letter to {{ doc.customer_name }}',
  body: '<h1>Dear {{ doc.customer_name }}</h1><p>{{ row.word }}</p>',
  reference_doctype: 'Customer',
  ...north,
})

test('a template filled with a record becomes a PDF that is filed, found by its words, and belongs to the record', async (t) => {
  t.after(endBrowser)
  const { document } = await office.call(sam, 'orchestrator.documents.fill_template', {
    template: letter,
    record: customer,
    row: { word: 'wombat' },
  })
  const made = await office.as(sam, (ctx) => getDocument(ctx, 'Document', document))
  assert.deepEqual(
    [made.title, made.content_type, made.file_name, made.reference_doctype, made.reference_name, made.version_number],
    ['Letter to <Klein> & Co', 'application/pdf', 'Letter to -Klein- _ Co.pdf', 'Customer', customer, 1],
  )
  await office.work()
  const text = await office.asSystem(async (ctx) => (await getDocument(ctx, 'Document Version', String(made.current_version))).text)
  assert.match(String(text), /Dear <Klein> & Co\s+wombat/)
  const csv = 'name,word\nKim,alpha\nLee,"beta, gamma"\n'
  const plain = await office.make('Document Template', {
    template_name: 'Note',
    title_template: 'Note for {{ row.name }}',
    body: '<p>{{ row.word }}</p>',
    ...north,
  })
  await office.call(sam, 'orchestrator.documents.fill_template_from_csv', { template: plain, csv })
  await office.work()
  const { rows } = await office.as(sam, (ctx) =>
    list(ctx, 'Document', {
      fields: ['title', 'owner'],
      filters: [['title', 'like', 'Note for %']],
      orderBy: 'title asc' as never,
      wire: { version: 2, zone: 'UTC' },
    }),
  )
  assert.deepEqual(rows.map((row) => [row.title, row.owner]).sort(), [
    ['Note for Kim', sam],
    ['Note for Lee', sam],
  ])
})

test('a template is filled with no more than its reader may see, and a broken one is told to its author', async () => {
  await assert.rejects(
    office.call(office.dora, 'orchestrator.documents.fill_template', { template: letter, record: customer }),
    PermissionDenied.is,
  )
  await assert.rejects(office.call(office.otto, 'orchestrator.documents.fill_template', { template: letter, record: customer }))
  await assert.rejects(
    office.call(sam, 'orchestrator.documents.fill_template', { template: letter }),
    (error) => TemplateUnusable.is(error) && error.field === 'record',
  )
  await assert.rejects(
    office.make('Document Template', { template_name: 'Bad', title_template: 'x', body: '{% if %}', ...north }),
    (error) => TemplateUnusable.is(error) && error.field === 'body',
  )
  for (const csv of ['a,a\n1,2\n', 'a\n', 'a\n1,2\n', `a\n${'1\n'.repeat(501)}`])
    await assert.rejects(
      office.call(sam, 'orchestrator.documents.fill_template_from_csv', { template: letter, csv }),
      (error) => TemplateUnusable.is(error) && error.field === 'csv',
    )
})
