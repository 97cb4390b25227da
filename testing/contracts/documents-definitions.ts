import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { join } from 'node:path'
import pino from 'pino'
import type { Context } from '#kernel/context/context.ts'
import { remove } from '#kernel/documents/remove.ts'
import { rename } from '#kernel/documents/rename.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { principalOf } from '#kernel/identity/principals.ts'
import { DefinitionInvalid, DocTypeNotFound } from '#kernel/meta/errors.ts'
import { list } from '#kernel/query/list.ts'
import { migrateSite, planMigration } from '#kernel/sites/migrate.ts'
import type { OpenSite } from '#kernel/sites/open-site.ts'
import { openRuntime, type Runtime } from '#kernel/sites/runtime.ts'
import { type DocumentsWorld, field, refuses, testApps } from '#testing/documents-world.ts'

const wire = { version: 1, zone: 'UTC' } as const

export function definitionTests(world: () => DocumentsWorld): void {
  /** Another process, as far as memory goes: its own runtime on the same database. */
  let elsewhere: Runtime
  let other: OpenSite
  before(async () => {
    const { runtime, site } = world()
    elsewhere = await openRuntime({
      sitesFolder: runtime.sitesFolder,
      appFolders: [join(import.meta.dirname, '..', '..', 'apps'), testApps],
      log: pino({ level: 'silent' }),
    })
    other = await elsewhere.site(site.host)
  })
  after(() => elsewhere?.close())

  const there = <T>(work: (ctx: Context) => Promise<T>): Promise<T> => other.asSystem('elsewhere', work)
  const changeDocType = (name: string, values: (fields: Record<string, unknown>[]) => Record<string, unknown>) =>
    world().asSystem(async (ctx) => {
      const document = await openForWrite(ctx, 'DocType', name)
      return save(ctx, document, values(document.fields as Record<string, unknown>[]))
    })

  test('a DocType made at run time works at once, in every process', async () => {
    const w = world()
    await w.define({ name: 'Brand New', autoname: 'prompt', fields: [field('title')] })
    await there((ctx) => insert(ctx, 'Brand New', { name: 'b1', title: 'from elsewhere' }))
    assert.equal((await w.read('Brand New', 'b1')).title, 'from elsewhere')
    const meta = await w.site.meta.get('Brand New')
    assert.deepEqual([meta.app, meta.definition.custom, meta.definition.module], ['', 1, 'Custom'])
  })

  test('fields added, widened and renamed in a DocType are there at once, with the data', async () => {
    const w = world()
    await w.define({ name: 'Changing', autoname: 'prompt', fields: [field('short', 'Data', { length: 10 }), field('number', 'Int')] })
    await there((ctx) => insert(ctx, 'Changing', { name: 'c1', short: 'abc', number: 5 }))
    await changeDocType('Changing', (fields) => ({
      fields: [
        { ...fields[0], length: 300 },
        { name: fields[1]?.name, fieldname: 'number', fieldtype: 'Currency' },
        field('added', 'Select', { options: 'x\ny', default: 'y' }),
      ],
    }))
    const now = await there(async (ctx) => save(ctx, await openForWrite(ctx, 'Changing', 'c1'), { short: 'z'.repeat(300) }))
    assert.deepEqual([String(now.number), now.added, String(now.short).length], ['5', 'y', 300])
    await there((ctx) => insert(ctx, 'Changing', { name: 'c2', number: '1.25' }))
    assert.equal(String((await w.read('Changing', 'c2')).number), '1.25')
  })

  test('a definition that cannot work is refused, and leaves no table', async () => {
    const w = world()
    const tables = (await w.site.database.describe()).length
    await refuses(w.define({ name: 'Bad', fields: [field('name')] }), DefinitionInvalid)
    await refuses(w.define({ name: 'Bad', fields: [field('a'), field('a')] }), DefinitionInvalid)
    await refuses(w.define({ name: 'Bad', fields: [field("x'; drop table y")] }), DefinitionInvalid)
    await assert.rejects(w.define({ name: 'Bad', fields: [field('a', 'Nonsense')] }), { status: 417 })
    await assert.rejects(w.define({ name: 'No/Such `Name`', fields: [field('a')] }), { status: 417 })
    await assert.rejects(
      w.asSystem(async (ctx) => {
        await insert(ctx, 'DocType', { name: 'Undone', module: 'Custom', fields: [field('a')], permissions: [] })
        throw new Error('back')
      }),
      /back/,
    )
    await refuses(w.site.meta.get('Undone'), DocTypeNotFound)
    const now = (await w.site.database.describe()).length
    // MariaDB ends a transaction at every change of schema; there an empty table may stay behind.
    assert.equal(now - tables, w.engine === 'mariadb' ? 1 : 0)
    await w.define({ name: 'Undone', autoname: 'prompt', fields: [field('a')] })
    await w.add('Undone', { name: 'u', a: 'x' })
  })

  test('a DocType may be made and changed again in one unit of work', async () => {
    const w = world()
    await w.asSystem(async (ctx) => {
      const made = await insert(ctx, 'DocType', {
        name: 'Twice Changed',
        module: 'Custom',
        autoname: 'prompt',
        fields: [field('a')],
        permissions: [],
      })
      await save(ctx, await openForWrite(ctx, 'DocType', 'Twice Changed'), { fields: [...(made.fields as object[]), field('b', 'Int')] })
    })
    assert.equal((await w.add('Twice Changed', { name: 't', b: 3 })).b, 3)
  })

  test('a DocType of an app is changed by customising alone', async () => {
    const w = world()
    await assert.rejects(
      changeDocType('ToDo', () => ({ description: 'mine now' })),
      { code: 'core/doctype-of-app', status: 403 },
    )
    await assert.rejects(
      w.asSystem((ctx) => remove(ctx, 'DocType', 'ToDo')),
      { code: 'core/doctype-of-app' },
    )
    await assert.rejects(
      w.asSystem((ctx) => rename(ctx, 'DocType', 'ToDo', 'Task')),
      { code: 'core/doctype-of-app' },
    )
  })

  test('a custom field is a field like any other, in every process, until it goes', async () => {
    const w = world()
    const { name } = await w.add('Custom Field', {
      dt: 'Rite',
      label: 'Extra Info',
      fieldtype: 'Data',
      insert_after: 'title',
      default: 'd',
    })
    assert.equal(name, 'Rite-extra_info')
    const made = await there((ctx) => insert(ctx, 'Rite', { extra_info: 'from elsewhere' }))
    assert.equal((await w.read('Rite', made.name)).extra_info, 'from elsewhere')
    assert.equal((await w.add('Rite')).extra_info, 'd')
    const order = (await w.site.meta.get('Rite')).fields.map((one) => one.fieldname)
    assert.equal(order[order.indexOf('title') + 1], 'extra_info')
    await refuses(w.add('Custom Field', { dt: 'Rite', fieldname: 'title', label: 'x', fieldtype: 'Data' }), DefinitionInvalid)
    await refuses(w.add('Custom Field', { dt: 'DocField', fieldname: 'x', label: 'x', fieldtype: 'Data' }), DefinitionInvalid)
    await refuses(w.add('Custom Field', { dt: 'Rite', fieldname: '__proto__', label: 'x', fieldtype: 'Data' }), DefinitionInvalid)
    await w.asSystem((ctx) => remove(ctx, 'Custom Field', name))
    await assert.rejects(
      there((ctx) => insert(ctx, 'Rite', { extra_info: 'x' })),
      { code: 'document/unknown-field' },
    )
  })

  test('a field that is unique by a property setter is so until that goes', async () => {
    const w = world()
    await w.define({ name: 'Singular', autoname: 'prompt', fields: [field('code')] })
    const values = {
      doctype_or_field: 'DocField',
      doc_type: 'Singular',
      field_name: 'code',
      property: 'unique',
      property_type: 'Check',
      value: '1',
    }
    const { name } = await w.add('Property Setter', values)
    await w.add('Singular', { name: 'a', code: 'x' })
    await assert.rejects(w.add('Singular', { name: 'b', code: 'x' }), { code: 'document/value-taken' })
    await w.asSystem((ctx) => remove(ctx, 'Property Setter', name))
    await w.add('Singular', { name: 'b', code: 'x' })
    await assert.rejects(w.add('Property Setter', values), { code: 'schema/sync-refused' }, 'two documents have the same code by now')
    await w.add('Singular', { name: 'c', code: 'x' })
  })

  test('a property setter overrides until it goes', async () => {
    const w = world()
    const { name } = await w.add('Property Setter', {
      doctype_or_field: 'DocField',
      doc_type: 'Rite',
      field_name: 'title',
      property: 'reqd',
      property_type: 'Check',
      value: '1',
    })
    await assert.rejects(
      there((ctx) => insert(ctx, 'Rite', {})),
      { code: 'document/mandatory-missing', field: 'title' },
    )
    await w.asSystem((ctx) => remove(ctx, 'Property Setter', name))
    await there((ctx) => insert(ctx, 'Rite', {}))
    await refuses(
      w.add('Property Setter', { doctype_or_field: 'DocField', doc_type: 'Rite', field_name: 'nothing', property: 'reqd', value: '1' }),
      DefinitionInvalid,
      'field_name',
    )
    await refuses(
      w.add('Property Setter', { doctype_or_field: 'DocType', doc_type: 'Rite', property: 'issingle', value: '1' }),
      DefinitionInvalid,
      'property',
    )
  })

  test('one row of Custom DocPerm replaces all rows of the definition, in every process', async () => {
    const w = world()
    const clerk = await w.user('permitted@example.com', ['Clerk'])
    const make = async () => {
      await other.freshen()
      return other.run(await principalOf(other, clerk), (ctx) => insert(ctx, 'Rite', {}))
    }
    await make()
    const { name } = await w.add('Custom DocPerm', { parent: 'Rite', role: 'Clerk', read: 1 })
    await assert.rejects(make(), { excType: 'PermissionError' })
    await w.asSystem((ctx) => remove(ctx, 'Custom DocPerm', name))
    await make()
  })

  test('a renamed DocType takes its documents, rows, links and customisations along', async () => {
    const w = world()
    await w.define(
      {
        name: 'Before',
        autoname: 'prompt',
        fields: [field('title'), field('rows', 'Table', { options: 'Rite Row' }), field('key', 'Password')],
      },
      {
        name: 'Linker',
        autoname: 'prompt',
        fields: [
          field('to', 'Link', { options: 'Before' }),
          field('kind', 'Link', { options: 'DocType' }),
          field('which', 'Dynamic Link', { options: 'kind' }),
        ],
      },
    )
    await w.add('Custom Field', { dt: 'Before', fieldname: 'extra', label: 'Extra', fieldtype: 'Data' })
    await w.add('Before', { name: 'd', title: 't', extra: 'e', key: 'k', rows: [{ word: 'w' }] })
    await w.add('Linker', { name: 'l', to: 'd', kind: 'Before', which: 'd' })
    await w.asSystem((ctx) => rename(ctx, 'DocType', 'Before', 'Afterwards'))
    const moved = await w.read('Afterwards', 'd')
    assert.deepEqual([moved.title, moved.extra, moved.key, (moved.rows as { word: string }[])[0]?.word], ['t', 'e', '*****', 'w'])
    await refuses(
      there((ctx) => insert(ctx, 'Before', { name: 'x' })),
      DocTypeNotFound,
    )
    await there(async (ctx) => save(ctx, await openForWrite(ctx, 'Linker', 'l'), { to: 'd' }))
    assert.equal((await w.read('Linker', 'l')).kind, 'Afterwards')
    await assert.rejects(
      w.asSystem((ctx) => remove(ctx, 'Afterwards', 'd')),
      { code: 'document/still-linked' },
    )
    await w.add('Afterwards', { name: 'more', extra: 'too' })
    assert.equal((await w.rows('__Auth', 'doctype', 'Afterwards')).length, 1)
  })

  test('a DocType goes once it is empty, with its table, in every process', async () => {
    const w = world()
    await w.define({ name: 'Going', autoname: 'prompt', fields: [field('title')] })
    await w.add('Custom Field', { dt: 'Going', fieldname: 'extra', label: 'Extra', fieldtype: 'Data' })
    await w.add('Custom DocPerm', { parent: 'Going', role: 'Clerk', read: 1 })
    await w.add('Going', { name: 'g', extra: 'x' })
    await assert.rejects(
      w.asSystem((ctx) => remove(ctx, 'DocType', 'Going')),
      { code: 'core/doctype-has-documents' },
    )
    await w.asSystem((ctx) => remove(ctx, 'Going', 'g'))
    await w.asSystem((ctx) => remove(ctx, 'DocType', 'Going'))
    await refuses(
      there((ctx) => insert(ctx, 'Going', { name: 'x' })),
      DocTypeNotFound,
    )
    assert.equal(
      (await w.site.database.describe()).some(({ name }) => name === 'tabGoing'),
      false,
    )
    await w.define({ name: 'Going', autoname: 'prompt', fields: [field('title', 'Text'), field('other')] })
    await w.add('Going', { name: 'again', title: 'y'.repeat(200), other: 'x' })
    assert.equal((await w.rows('tabCustom Field', 'dt', 'Going')).length, 0)
  })

  test('migrating a site with its own DocTypes and fields changes nothing', async () => {
    const w = world()
    await w.add('Custom Field', { dt: 'Note', fieldname: 'own_field', label: 'Own', fieldtype: 'Currency', search_index: 1 })
    assert.deepEqual(await planMigration(w.site), { definitions: [], schema: [], patches: [] })
    assert.deepEqual(await migrateSite(w.site), { definitions: [], schema: [], patches: [] })
  })

  test('an alias is another name for the same DocType', async () => {
    const w = world()
    await w.define({ name: 'Proper Name', autoname: 'prompt', aliases: JSON.stringify(['Nick Name']) as never, fields: [field('title')] })
    const made = await w.add('Nick Name', { name: 'n', title: 'x' })
    assert.equal(made.doctype, 'Proper Name')
    assert.equal((await w.read('Nick Name', 'n')).doctype, 'Proper Name')
    const { rows } = await there((ctx) => list(ctx, 'Nick Name', { wire }))
    assert.deepEqual(
      rows.map((row) => row.name),
      ['n'],
    )
  })

  test('comments, tags and assignments show in the row of their document', async () => {
    const w = world()
    const { name, modified } = await w.add('Rite')
    const about = { reference_doctype: 'Rite', reference_name: name }
    const row = async () => (await w.rows('tabRite', 'name', name))[0] as Record<string, unknown>
    const user = await w.user('assigned@example.com', ['Clerk'])
    const comment = await w.add('Comment', { ...about, comment_type: 'Comment', content: 'first' })
    await w.add('Comment', { ...about, comment_type: 'Comment', content: 'second' })
    assert.deepEqual(
      (JSON.parse(String((await row())._comments)) as { comment: string }[]).map((one) => one.comment),
      ['first', 'second'],
    )
    await w.asSystem((ctx) => remove(ctx, 'Comment', comment.name))
    assert.deepEqual(
      (JSON.parse(String((await row())._comments)) as { comment: string }[]).map((one) => one.comment),
      ['second'],
    )
    for (const tag of ['urgent', 'blue']) {
      await w.add('Tag', { name: tag })
      await w.add('Tag Link', { document_type: 'Rite', document_name: name, tag })
    }
    assert.equal((await row())._user_tags, ',blue,urgent')
    const { name: todo } = await w.add('ToDo', { description: 'do', reference_type: 'Rite', reference_name: name, allocated_to: user })
    assert.equal((await row())._assign, `["${user}"]`)
    await w.change('ToDo', todo, { status: 'Closed' })
    assert.equal((await row())._assign, null)
    assert.equal((await w.read('Rite', name)).modified, modified, 'none of these is a change of the document')
  })

  test('whoever shares gives no more than they hold', async () => {
    const w = world()
    const clerk = await w.user('sharer@example.com', ['Clerk'])
    const friend = await w.user('friend@example.com')
    const { name } = await w.add('Rite', { title: 'shared' })
    const share = (rights: object) => (ctx: Context) =>
      insert(ctx, 'DocShare', { user: friend, share_doctype: 'Rite', share_name: name, ...rights })
    await assert.rejects(w.as(clerk, share({ read: 1 })), { excType: 'PermissionError' }, 'the role holds no share right')
    await w.asSystem(share({ read: 1, write: 1 }))
    await w.as(friend, async (ctx) => save(ctx, await openForWrite(ctx, 'Rite', name), { title: 'by the friend' }))
    await assert.rejects(
      w.as(friend, async (ctx) => save(ctx, await openForWrite(ctx, 'Rite', name), { docstatus: 1 })),
      { excType: 'PermissionError' },
    )
    await assert.rejects(
      w.asSystem((ctx) => insert(ctx, 'DocShare', { share_doctype: 'Rite', share_name: name, read: 1 })),
      { code: 'core/share-with-nobody' },
    )
  })
}
