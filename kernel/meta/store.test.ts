import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type { Query } from '#kernel/database/database.ts'
import { type TestSite, testSite } from '#testing/site.ts'
import { DocTypeNotFound } from './errors.ts'
import { bootstrapDocTypes, MetaStore } from './store.ts'

suite('the store of definitions', () => {
  let site: TestSite
  let statements = 0
  /** A store as a fresh process would have it. */
  const fresh = (): MetaStore => {
    const { database, apps } = site.site
    statements = 0
    const query = <R>(statement: Query): Promise<R[]> => {
      statements++
      return database.query<R>(statement)
    }
    const counting = { dialect: database.dialect, query }
    return new MetaStore(() => counting, apps)
  }
  before(async () => {
    site = await testSite({ closedByCaller: true })
    await site.make('DocType', {
      name: 'Parcel',
      aliases: '["Package"]',
      fields: [
        { fieldname: 'weight', fieldtype: 'Int' },
        { fieldname: 'size', fieldtype: 'Data' },
      ],
      permissions: [{ role: 'Desk User', read: 1 }],
    })
    await site.make('Custom Field', { dt: 'Parcel', fieldname: 'color', label: 'Color', fieldtype: 'Data', insert_after: 'weight' })
    await site.make('Property Setter', {
      doctype_or_field: 'DocField',
      doc_type: 'Parcel',
      field_name: 'size',
      property: 'label',
      value: 'How large',
    })
    await site.make('Custom DocPerm', { parent: 'Parcel', role: 'System Manager', read: 1, write: 1 })
  })
  after(() => site.close())

  test('a definition comes with the site’s fields, properties and permissions', async () => {
    const meta = await fresh().get('Parcel')
    assert.deepEqual(
      meta.fields.map((field) => field.fieldname),
      ['weight', 'color', 'size'],
    )
    assert.equal(meta.field.get('size')?.label, 'How large')
    assert.deepEqual(
      meta.permissions.map(({ role }) => role),
      ['System Manager'],
    )
  })

  test('reading all definitions gives the same as reading each, with one statement per table', async () => {
    const [all, each] = [fresh(), fresh()]
    const together = await all.all()
    assert.ok(statements < 20, `${statements} statements for ${together.length} definitions`)
    for (const meta of together) assert.deepEqual(plain(meta), plain(await each.get(meta.name)), meta.name)
  })

  test('a definition is read once, also when many ask at once', async () => {
    const store = fresh()
    const metas = await Promise.all(Array.from({ length: 20 }, () => store.get('Parcel')))
    assert.equal(new Set(metas).size, 1)
    const asked = statements
    await store.get('Parcel')
    assert.equal(statements, asked)
    assert.equal(store.cached('Parcel'), metas[0])
    store.forget()
    assert.equal(store.cached('Parcel'), undefined)
    assert.notEqual(await store.get('Parcel'), metas[0])
  })

  test('an alias leads to the definition itself', async () => {
    const store = fresh()
    assert.equal(await store.get('Package'), await store.get('Parcel'))
    assert.deepEqual([await store.exists('Package'), (await store.names()).includes('Package')], [true, false])
  })

  test('what is not there is refused, and asking again asks nobody', async () => {
    const store = fresh()
    await assert.rejects(store.get('Nothing'), DocTypeNotFound)
    const asked = statements
    for (const name of ['Nothing', 'parcel', '', '__proto__', 'constructor'])
      await assert.rejects(store.get(name), { code: 'meta/doctype-not-found', status: 404 })
    assert.equal(statements, asked)
    assert.equal(await store.exists('nothing'), false)
  })

  test('the DocTypes that describe DocTypes are known before anything is read', () => {
    const store = fresh()
    for (const name of bootstrapDocTypes) assert.equal(store.cached(name)?.name, name)
    assert.equal(statements, 0)
  })

  test('a definition read while another change was on its way is not kept past it', async () => {
    const store = fresh()
    const early = store.get('Parcel')
    store.forget()
    await early
    assert.equal(store.cached('Parcel'), undefined)
  })

  test('a failed read is not remembered', async () => {
    let isDown = true
    const { database, apps } = site.site
    const store = new MetaStore(
      () =>
        ({
          dialect: database.dialect,
          query: (query: Query) => (isDown ? Promise.reject(new Error('down')) : database.query(query)),
        }) as never,
      apps,
    )
    await assert.rejects(store.get('Parcel'), /down/)
    isDown = false
    assert.equal((await store.get('Parcel')).name, 'Parcel')
  })
})

/** A definition without its types, whose functions compare by identity. */
function plain(meta: {
  definition: object
  fields: readonly { fieldname: string; type: { name: string } }[]
  app: string
  permissions: readonly object[]
}): unknown {
  return JSON.parse(
    JSON.stringify({
      definition: meta.definition,
      app: meta.app,
      permissions: meta.permissions,
      fields: meta.fields.map((field) => [field.fieldname, field.type.name]),
    }),
  )
}
