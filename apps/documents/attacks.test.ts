import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { where } from '#client/rules/predicate.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { insert } from '#kernel/documents/save.ts'
import { receiveStream } from '#kernel/files/received-file.ts'
import { storeFile } from '#kernel/files/store-file.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { testServer } from '#testing/server.ts'

const server = await testServer({ apps: ['documents'] })
const { as, asSystem, call, make, site } = server
for (const [organization_name, abbr] of [
  ['North', 'N'],
  ['South', 'S'],
] as const)
  await make('Organization', { organization_name, abbr })
const person = async (name: string, roles: readonly string[], organization: string) => {
  const user = await server.user(`${name}@example.com`, roles)
  await make('User Permission', { user, allow: 'Organization', for_value: organization })
  return { user, key: await server.keyOf(user) }
}
const dora = await person('dora', ['Documents User'], 'North')
const dan = await person('dan', ['Documents User'], 'North')
const sys = await person('sys', ['System Manager'], 'North')
const otto = await person('otto', ['Documents Manager', 'System Manager', 'Dartwing User'], 'South')
const emma = await person('emma', ['Dartwing User', 'Auditor'], 'North')

const upload = (user: string, text: string) =>
  as(user, async (ctx) => {
    const received = await receiveStream(site, Readable.from([Buffer.from(text)]), 'letter.txt')
    const stored = await storeFile(ctx, received, { fileName: 'letter.txt', isPrivate: true })
    await received.finish(site, true)
    return String(stored.file_url)
  })
const fileOne = async (title: string) => {
  const file = await upload(dora.user, title)
  return as(dora.user, async (ctx) => String((await insert(ctx, 'Document', { title, organization: 'North', file })).name))
}
const log = (name: string, user: string) =>
  asSystem(async (ctx) =>
    (
      await findRows(
        ctx,
        await ctx.site.meta.get('Document Audit'),
        { all: [where('object_name', '=', name), where('user', '=', user)] },
        { orderBy: [['at', 'asc']] },
      )
    ).map(({ action }) => String(action)),
  )

test('a held document is out of reach of every address by which documents are changed or deleted', async () => {
  const name = await fileOne('Evidence')
  const other = await fileOne('Other')
  await make('Legal Hold', { hold_name: 'Dispute', organization: 'North', reason: 'a claim', documents: [{ document: name }] })
  const before = await asSystem((ctx) => getDocument(ctx, 'Document', name))
  const file = encodeURIComponent(
    String((await asSystem((ctx) => getDocument(ctx, 'Document Version', String(before.current_version)))).file),
  )
  const method = (path: string, body: object) => ['POST', `/api/method/${path}`, body] as const
  const ways = [
    ['PUT', `/api/resource/Document/${name}`, { title: 'x' }] as const,
    ['DELETE', `/api/resource/Document/${name}`, undefined] as const,
    ['PUT', `/api/v2/document/Document/${name}`, { title: 'x' }] as const,
    ['DELETE', `/api/v2/document/Document/${name}`, undefined] as const,
    ['POST', `/api/v2/document/Document/${name}/method/throw_away`, {}] as const,
    ['DELETE', `/api/resource/File/${file}`, undefined] as const,
    ['PUT', `/api/resource/File/${file}`, { is_private: 0 }] as const,
    method('frappe.client.set_value', { doctype: 'Document', name, fieldname: 'title', value: 'x' }),
    method('frappe.client.delete', { doctype: 'Document', name }),
    method('frappe.client.rename_doc', { doctype: 'Document', old_name: name, new_name: other, merge: true }),
    method('frappe.client.rename_doc', { doctype: 'Document', old_name: other, new_name: name, merge: true }),
    method('frappe.client.bulk_update', { docs: [{ doctype: 'Document', docname: name, title: 'x' }] }),
    method('frappe.desk.reportview.delete_items', { doctype: 'Document', items: [name] }),
    method('frappe.desk.form.utils.remove_attach', { fid: decodeURIComponent(file), dt: 'Document', dn: name }),
    method('frappe.desk.form.save.savedocs', { doc: JSON.stringify({ ...before, title: 'x' }), action: 'Save' }),
  ]
  for (const who of [dora.key, sys.key, server.authorization])
    for (const [verb, path, body] of ways) await call(verb, path, { as: who, ...(body && { body }) })
  const after = await asSystem((ctx) => getDocument(ctx, 'Document', name))
  assert.deepEqual({ ...after }, { ...before })
  const refused = await call('PUT', `/api/v2/document/Document/${name}`, { body: { title: 'x' } })
  assert.deepEqual([refused.status, refused.json.errors?.[0]?.code], [409, 'documents/held'])
})

test('the log takes nothing from outside', async () => {
  const name = await fileOne('Logged')
  const [entry] = await asSystem(async (ctx) => findRows(ctx, await ctx.site.meta.get('Document Audit'), where('object_name', '=', name)))
  const forged = {
    organization: 'North',
    at: '2026-01-01 00:00:00',
    user: dan.user,
    action: 'View',
    object_type: 'Document',
    object_name: name,
  }
  for (const doctype of ['Document Audit', 'Vault Audit Log'])
    for (const who of [sys.key, server.authorization]) {
      const path = `/api/resource/${encodeURIComponent(doctype)}`
      const answers = [
        await call('POST', path, { as: who, body: forged }),
        await call('PUT', `${path}/${entry?.name}`, { as: who, body: { user: dan.user } }),
        await call('DELETE', `${path}/${entry?.name}`, { as: who }),
      ]
      assert.deepEqual(
        answers.map(({ status }) => status),
        [403, 403, 403],
      )
    }
  assert.deepEqual(await log(name, dan.user), [])
})

test('bytes go to readers by their address, once in the log each time, and to nobody by any other', async () => {
  const name = await fileOne('Bytes')
  const { file } = await asSystem((ctx) => getDocument(ctx, 'Document', name))
  const get = async (path: string, key: string) => (await call('GET', path, { as: key })).status
  assert.deepEqual([await get(String(file), dan.key), await get(String(file), otto.key), await get(String(file), '')], [403, 403, 403])
  assert.equal((await call('GET', String(file), { as: dora.key })).text, 'Bytes')
  assert.deepEqual((await log(name, dora.user)).slice(-1), ['Download'])
  assert.equal((await log(name, dora.user)).filter((action) => action === 'Download').length, 1)
  for (const path of [
    '..%2f..%2fsite_config.json',
    '../site_config.json',
    '%2e%2e/%2e%2e/site_config.json',
    `x/../${String(file).split('/').at(-1)}`,
  ]) {
    const answer = await call('GET', `/private/files/${path}`, { as: dan.key })
    assert.ok(answer.status >= 400 && !answer.text.includes('encryption_key'), path)
  }
})

test('each way of reading a vault over HTTP is logged once; another organization gets nothing on any', async () => {
  const customer = await make('Customer', { customer_name: 'Cora’s', organization: 'North' })
  const file = await upload(emma.user, 'paper')
  const vault = await as(emma.user, async (ctx) =>
    String(
      (
        await insert(ctx, 'Document Vault', {
          organization: 'North',
          customer,
          vault_name: 'Secret vault',
          documents: [{ document_name: 'Passport of Cora', file }],
        })
      ).name,
    ),
  )
  const sealed = String(((await asSystem((ctx) => getDocument(ctx, 'Document Vault', vault))).documents as { file: string }[])[0]?.file)
  const filters = encodeURIComponent(JSON.stringify([['name', '=', vault]]))
  const fields = encodeURIComponent(JSON.stringify(['name', 'vault_name']))
  const ways: readonly (readonly [expected: string, verb: string, path: string, body?: object])[] = [
    ['View', 'GET', `/api/resource/Document%20Vault/${vault}`],
    ['View', 'GET', `/api/v2/document/Document%20Vault/${vault}`],
    ['View', 'GET', `/api/method/frappe.desk.form.load.getdoc?doctype=Document%20Vault&name=${vault}`],
    ['List', 'GET', `/api/resource/Document%20Vault?filters=${filters}&fields=${fields}`],
    [
      'List',
      'POST',
      '/api/method/frappe.client.get_list',
      { doctype: 'Document Vault', filters: { name: vault }, fields: ['name', 'vault_name'] },
    ],
    ['Link', 'POST', '/api/method/frappe.desk.search.search_link', { doctype: 'Document Vault', txt: vault }],
    [
      'Export',
      'POST',
      '/api/method/frappe.desk.reportview.export_query',
      { doctype: 'Document Vault', file_format_type: 'CSV', fields: ['name', 'vault_name'], filters: [['name', '=', vault]] },
    ],
    ['Print', 'GET', `/printview?doctype=Document%20Vault&name=${vault}`],
    ['Download', 'GET', sealed],
    ['Download', 'GET', `/api/method/orchestrator.documents.download_vault_document?vault=${vault}&document=none`],
  ]
  for (const [expected, verb, path, body] of ways) {
    const isMissing = path.endsWith('document=none')
    const before = (await log(vault, 'Administrator')).length
    const answer = await call(verb, path, body ? { body } : {})
    assert.equal(answer.status, isMissing ? 404 : 200, path)
    assert.deepEqual((await log(vault, 'Administrator')).slice(before), isMissing ? [] : [expected], path)
    const theirs = await call(verb, path, { as: otto.key, ...(body && { body }) })
    assert.ok(!/Passport of Cora|Secret vault/.test(theirs.text), path)
  }
  assert.deepEqual(await log(vault, otto.user), [])
})
