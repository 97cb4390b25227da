import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { remove } from '#kernel/documents/remove.ts'
import { rename } from '#kernel/documents/rename.ts'
import { amend } from '#kernel/documents/new-document.ts'
import { cancel, insert, openForWrite } from '#kernel/documents/save.ts'
import { type TestSite, testSite } from '#testing/site.ts'

suite('attachments', () => {
  let site: TestSite
  before(async () => {
    site = await testSite({ closedByCaller: true })
    await site.make('DocType', {
      name: 'Order',
      autoname: 'ORD-.###',
      is_submittable: 1,
      fields: [
        { fieldname: 'title', fieldtype: 'Data' },
        { fieldname: 'amended_from', fieldtype: 'Link', options: 'Order', no_copy: 1 },
      ],
      permissions: [],
    })
  })
  after(() => site.close())

  const attach = (name: string, url: string) =>
    site.make('File', { file_name: 'a.pdf', file_url: url, is_private: 1, attached_to_doctype: 'Order', attached_to_name: name })
  const attached = async (name: string): Promise<unknown[]> => {
    const { database } = site.site
    const sql = `select file_url from "tabFile" where attached_to_doctype = 'Order' and attached_to_name = '${name}' order by file_url`
    return (await database.query({ sql, parameters: [] })).map((row) => row.file_url)
  }

  test('an amended document starts with the attachments of the one it replaces', async () => {
    const name = await site.make('Order', { title: 'x', docstatus: 1 })
    await attach(name, '/private/files/terms.pdf')
    await attach(name, 'https://example.com/elsewhere.pdf')
    await site.asSystem(async (ctx) => cancel(ctx, await openForWrite(ctx, 'Order', name)))
    const made = await site.asSystem(async (ctx) => insert(ctx, 'Order', { ...(await amend(ctx, await openForWrite(ctx, 'Order', name))) }))
    const both = ['/private/files/terms.pdf', 'https://example.com/elsewhere.pdf']
    assert.deepEqual([await attached(made.name), await attached(name)], [both, both])
  })

  test('attachments follow a new name and go with their document, so that whoever gets its name next does not find them', async () => {
    const name = await site.make('Order', { title: 'y' })
    await attach(name, '/private/files/secret.pdf')
    await site.asSystem((ctx) => rename(ctx, 'Order', name, 'Special'))
    assert.deepEqual([await attached('Special'), await attached(name)], [['/private/files/secret.pdf'], []])
    await site.asSystem((ctx) => remove(ctx, 'Order', 'Special'))
    const last = await site.make('Order', { title: 'z' })
    await attach(last, '/private/files/other.pdf')
    await site.asSystem((ctx) => remove(ctx, 'Order', last))
    assert.equal(await site.make('Order', { title: 'next' }), last, 'the number is given again')
    assert.deepEqual([await attached(last), await attached('Special')], [[], []])
  })
})
