import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { CancelledLink, LinkTargetUnknown, NameTaken, NotRenamable, StillLinked } from '#kernel/documents/errors.ts'
import { exists } from '#kernel/documents/load.ts'
import { remove } from '#kernel/documents/remove.ts'
import { rename } from '#kernel/documents/rename.ts'
import { restore } from '#kernel/documents/restore.ts'
import { cancel, insert, openForWrite } from '#kernel/documents/save.ts'
import { LinkNotFound } from '#kernel/permissions/errors.ts'
import { getSecret } from '#kernel/identity/secrets.ts'
import { type DocumentsWorld, field, inHook, refuses } from '#testing/documents-world.ts'

export function linkTests(world: () => DocumentsWorld): void {
  before(() =>
    world().define(
      {
        name: 'Target',
        autoname: 'prompt',
        track_changes: 1,
        fields: [
          field('title'),
          field('key', 'Password'),
          field('peer', 'Link', { options: 'Target' }),
          field('rows', 'Table', { options: 'Rite Row' }),
        ],
      },
      { name: 'Titled', autoname: 'field:title', allow_rename: 1, fields: [field('title')] },
      { name: 'Pointer Row', istable: 1, fields: [field('target', 'Link', { options: 'Target' })] },
      {
        name: 'Pointer',
        autoname: 'prompt',
        is_submittable: 1,
        fields: [
          field('target', 'Link', { options: 'Target' }),
          field('kind', 'Link', { options: 'DocType' }),
          field('which', 'Dynamic Link', { options: 'kind' }),
          field('rite', 'Link', { options: 'Rite' }),
          field('rules', 'Link', { options: 'Pointer Rules' }),
          field('rows', 'Table', { options: 'Pointer Row' }),
        ],
      },
      {
        name: 'Pointer Rules',
        issingle: 1,
        fields: [
          field('target', 'Link', { options: 'Target' }),
          field('kind', 'Data'),
          field('which', 'Dynamic Link', { options: 'kind' }),
        ],
      },
      { name: 'Unrenamable', autoname: 'prompt', allow_rename: 0, fields: [field('title')] },
    ),
  )

  const renamed = (doctype: string, old: string, now: string, merge = false) =>
    world().asSystem((ctx) => rename(ctx, doctype, old, now, { merge }))
  const gone = (doctype: string, name: string) => world().asSystem((ctx) => remove(ctx, doctype, name))

  test('links lead to something that exists, and is told where not', async () => {
    const w = world()
    await w.add('Target', { name: 'T1' })
    await w.add('Pointer', { name: 'P1', target: 'T1', rows: [{ target: 'T1' }, {}] })
    const missing = await refuses(w.add('Pointer', { name: 'P2', target: 'nothing' }), LinkNotFound, 'target')
    assert.equal(missing.excType, 'LinkValidationError')
    await refuses(w.add('Pointer', { name: 'P2', rows: [{ target: 'T1' }, { target: 'nothing' }] }), LinkNotFound, 'rows[1].target')
    await refuses(w.change('Pointer', 'P1', { target: 't1' }), LinkNotFound, 'target')
  })

  test('dynamic links follow the type beside them', async () => {
    const w = world()
    await w.add('Target', { name: 'Dyn' })
    await w.add('Pointer', { name: 'D1', kind: 'Target', which: 'Dyn' })
    await refuses(w.add('Pointer', { name: 'D2', kind: 'Target', which: 'nothing' }), LinkNotFound, 'which')
    await refuses(w.add('Pointer', { name: 'D2', kind: 'No Type', which: 'Dyn' }), LinkNotFound, 'kind')
    await refuses(w.add('Pointer', { name: 'D2', which: 'Dyn' }), LinkTargetUnknown, 'which')
    await refuses(w.change('Pointer', 'D1', { kind: 'Titled' }), LinkNotFound, 'which')
  })

  test('a link to a single names the single', async () => {
    const w = world()
    await w.add('Pointer', { name: 'S1', rules: 'Pointer Rules' })
    await refuses(w.add('Pointer', { name: 'S2', rules: 'other' }), LinkNotFound, 'rules')
  })

  test('nothing new may point to a cancelled document; what did, stays', async () => {
    const w = world()
    const rite = (await w.add('Rite', { docstatus: 1 })).name
    await w.add('Pointer', { name: 'C1', rite })
    await w.asSystem(async (ctx) => cancel(ctx, await openForWrite(ctx, 'Rite', rite)))
    await refuses(w.add('Pointer', { name: 'C2', rite }), CancelledLink, 'rite')
    await w.change('Pointer', 'C1', { kind: 'Target' })
  })

  test('a document that a submitted one relies on is not cancelled', async () => {
    const w = world()
    const rite = (await w.add('Rite', { docstatus: 1 })).name
    await w.add('Pointer', { name: 'K1', rite, docstatus: 1 })
    await w.add('Pointer', { name: 'K2', rite })
    const refused = await refuses(
      w.asSystem(async (ctx) => cancel(ctx, await openForWrite(ctx, 'Rite', rite))),
      StillLinked,
    )
    assert.deepEqual(refused.data.by, [{ doctype: 'Pointer', name: 'K1', field: 'rite' }])
    await w.asSystem(async (ctx) => cancel(ctx, await openForWrite(ctx, 'Pointer', 'K1')))
    await w.asSystem(async (ctx) => cancel(ctx, await openForWrite(ctx, 'Rite', rite)))
  })

  test('what is used anywhere is not deleted, and the users are named', async () => {
    const w = world()
    for (const name of ['U1', 'U2', 'U3', 'U4', 'U5', 'Free']) await w.add('Target', { name })
    await w.add('Pointer', { name: 'Uses', target: 'U1', kind: 'Target', which: 'U2', rows: [{ target: 'U3' }] })
    await w.change('Pointer Rules', 'Pointer Rules', { target: 'U4', kind: 'Target', which: 'U5' })
    const by = async (name: string) => (await refuses(gone('Target', name), StillLinked)).data.by
    assert.deepEqual(await by('U1'), [{ doctype: 'Pointer', name: 'Uses', field: 'target' }])
    assert.deepEqual(await by('U2'), [{ doctype: 'Pointer', name: 'Uses', field: 'which' }])
    assert.deepEqual(await by('U3'), [{ doctype: 'Pointer', name: 'Uses', field: 'target' }])
    assert.deepEqual(await by('U4'), [{ doctype: 'Pointer Rules', name: 'Pointer Rules', field: 'target' }])
    assert.deepEqual(await by('U5'), [{ doctype: 'Pointer Rules', name: 'Pointer Rules', field: 'which' }])
    await w.change('Target', 'Free', { peer: 'Free' })
    await gone('Target', 'Free')
  })

  test('a document to which somebody is confined is not deleted from under them', async () => {
    const w = world()
    const user = await w.user('confined@example.com', ['Clerk'])
    await w.add('Target', { name: 'Confines' })
    const { name } = await w.add('User Permission', { user, allow: 'Target', for_value: 'Confines', apply_to_all_doctypes: 1 })
    const refused = await refuses(gone('Target', 'Confines'), StillLinked)
    assert.deepEqual(refused.data.by, [{ doctype: 'User Permission', name, field: 'for_value' }])
    await gone('User Permission', name)
    await gone('Target', 'Confines')
  })

  test('what attends a document goes with it, and the document can be brought back', async () => {
    const w = world()
    const about = { reference_doctype: 'Target', reference_name: 'Loved' }
    await w.add('Target', { name: 'Loved', title: 'before', key: 'k', rows: [{ word: 'a', qty: 3 }, { word: 'b' }] })
    await w.change('Target', 'Loved', { title: 'after' })
    await w.add('Comment', { ...about, comment_type: 'Comment', content: 'hello' })
    await w.add('ToDo', { description: 'do', reference_type: 'Target', reference_name: 'Loved', allocated_to: 'Administrator' })
    await w.add('DocShare', { user: 'Administrator', share_doctype: 'Target', share_name: 'Loved', read: 1 })
    await w.add('Tag', { name: 'nice' })
    await w.add('Tag Link', { document_type: 'Target', document_name: 'Loved', tag: 'nice' })
    await gone('Target', 'Loved')
    for (const [table, column] of [
      ['tabComment', 'reference_name'],
      ['tabToDo', 'reference_name'],
      ['tabDocShare', 'share_name'],
      ['tabTag Link', 'document_name'],
      ['tabVersion', 'docname'],
      ['tabRite Row', 'parent'],
      ['__Auth', 'name'],
    ] as const)
      assert.equal((await w.rows(table, column, 'Loved')).length, 0, table)
    const [record] = await w.rows('tabDeleted Document', 'deleted_name', 'Loved')
    assert.ok(record && !String(record.data).includes('"k"'))
    await w.asSystem((ctx) => restore(ctx, String(record.name)))
    const back = await w.read('Target', 'Loved')
    assert.deepEqual(
      [back.title, back.key, (back.rows as { word: string; qty: number }[]).map(({ word, qty }) => [word, qty])],
      [
        'after',
        null,
        [
          ['a', 3],
          ['b', 0],
        ],
      ],
    )
    await assert.rejects(
      w.asSystem((ctx) => restore(ctx, String(record.name))),
      { status: 404 },
    )
    assert.equal((await w.rows('tabDeleted Document', 'deleted_name', 'Loved'))[0]?.new_name, 'Loved')
  })

  test('nothing is brought back over a document that took the name', async () => {
    const w = world()
    await w.add('Target', { name: 'Twice' })
    await gone('Target', 'Twice')
    await w.add('Target', { name: 'Twice', title: 'second' })
    const [record] = await w.rows('tabDeleted Document', 'deleted_name', 'Twice')
    await refuses(
      w.asSystem((ctx) => restore(ctx, String(record?.name))),
      NameTaken,
    )
    assert.equal((await w.read('Target', 'Twice')).title, 'second')
  })

  test('somebody without the right brings nothing back', async () => {
    const w = world()
    const user = await w.user('restorer@example.com', ['Clerk'])
    await w.add('Unrenamable', { name: 'Lost' })
    await gone('Unrenamable', 'Lost')
    const [record] = await w.rows('tabDeleted Document', 'deleted_name', 'Lost')
    await assert.rejects(
      w.as(user, (ctx) => restore(ctx, String(record?.name))),
      { excType: 'PermissionError' },
    )
  })

  test('a new name reaches every link, row, single, secret, comment and version', async () => {
    const w = world()
    await w.add('Target', { name: 'Old', title: 'a', key: 'secret', rows: [{ word: 'x' }] })
    await w.change('Target', 'Old', { title: 'b', peer: 'Old' })
    await w.add('Pointer', { name: 'R1', target: 'Old', kind: 'Target', which: 'Old', rows: [{ target: 'Old' }] })
    await w.add('Titled', { title: 'Old' })
    await w.add('Pointer', { name: 'R2', kind: 'Titled', which: 'Old' })
    await w.change('Pointer Rules', 'Pointer Rules', { target: 'Old', kind: 'Target', which: 'Old' })
    await w.add('Comment', { reference_doctype: 'Target', reference_name: 'Old', comment_type: 'Comment', content: 'hi' })
    assert.equal(await renamed('Target', 'Old', ' New '), 'New')
    const now = await w.read('Target', 'New')
    assert.deepEqual([now.title, now.peer, (now.rows as { word: string }[])[0]?.word], ['b', 'New', 'x'])
    const pointer = await w.read('Pointer', 'R1')
    assert.deepEqual([pointer.target, pointer.which, (pointer.rows as { target: string }[])[0]?.target], ['New', 'New', 'New'])
    assert.equal((await w.read('Pointer', 'R2')).which, 'Old', 'a document of another type with the same name is left alone')
    const rules = await w.read('Pointer Rules', 'Pointer Rules')
    assert.deepEqual([rules.target, rules.which], ['New', 'New'])
    assert.equal(await w.asSystem((ctx) => getSecret(ctx, 'Target', 'New', 'key')), 'secret')
    assert.deepEqual(
      [(await w.rows('tabComment', 'reference_name', 'New')).length, (await w.rows('tabVersion', 'docname', 'New')).length],
      [1, 1],
    )
    assert.equal(await w.asSystem((ctx) => exists(ctx, 'Target', 'Old')), false)
    const [entry] = (await w.rows('tabAudit Entry', 'docname', 'New')).filter((one) => one.action === 'rename')
    assert.deepEqual((JSON.parse(String(entry?.changes)) as { changed: unknown }).changed, [['name', 'Old', 'New']])
  })

  test('renaming what a field names changes the field too; a hook may choose the name', async () => {
    const w = world()
    await w.add('Titled', { title: 'One' })
    await renamed('Titled', 'One', 'Two')
    assert.equal((await w.read('Titled', 'Two')).title, 'Two')
    const { name } = await w.add('Rite')
    await inHook(
      w,
      'before_rename',
      (_ctx, _document, extra) => (extra.new = `${String(extra.new)} (checked)`),
      async () => {
        assert.equal(await renamed('Rite', name, 'Chosen'), 'Chosen (checked)')
      },
    )
  })

  test('names that are taken, kept or impossible are refused', async () => {
    const w = world()
    await w.add('Titled', { title: 'A' })
    await w.add('Titled', { title: 'B' })
    await refuses(renamed('Titled', 'A', 'B'), NameTaken, 'new_name')
    await assert.rejects(renamed('Titled', 'A', '<x>'), { code: 'document/name-invalid' })
    await refuses(renamed('Titled', 'A', 'Nowhere', true), NotRenamable)
    const user = await w.user('renamer@example.com', ['Clerk'])
    await w.add('Unrenamable', { name: 'Fixed' })
    await refuses(
      w.as(user, (ctx) => rename(ctx, 'Unrenamable', 'Fixed', 'Other')),
      NotRenamable,
    )
    await refuses(
      renamed('Rite Row', 'x', 'y').catch((error: { code: string }) =>
        Promise.reject(error.code === 'document/not-found' ? new NotRenamable({ doctype: '', name: '', reason: '' }) : error),
      ),
      NotRenamable,
    )
    const counted = await w.add('By Count', {})
    await refuses(renamed('By Count', String(counted.name), 'word'), NotRenamable)
  })

  test('merging moves every link to the survivor and removes the other', async () => {
    const w = world()
    await w.add('Target', { name: 'Keep', title: 'keep', key: 'kept' })
    await w.add('Target', { name: 'Drop', title: 'drop', key: 'dropped', rows: [{ word: 'x' }] })
    await w.add('Pointer', { name: 'M1', target: 'Drop', kind: 'Target', which: 'Drop', rows: [{ target: 'Drop' }, { target: 'Keep' }] })
    await renamed('Target', 'Drop', 'Keep', true)
    const pointer = await w.read('Pointer', 'M1')
    assert.deepEqual(
      [pointer.target, pointer.which, (pointer.rows as { target: string }[]).map(({ target }) => target)],
      ['Keep', 'Keep', ['Keep', 'Keep']],
    )
    const kept = await w.read('Target', 'Keep')
    assert.deepEqual([kept.title, (kept.rows as object[]).length], ['keep', 0])
    assert.equal(await w.asSystem((ctx) => exists(ctx, 'Target', 'Drop')), false)
    assert.equal(await w.asSystem((ctx) => getSecret(ctx, 'Target', 'Keep', 'key')), 'kept')
    assert.equal((await w.rows('tabRite Row', 'parent', 'Drop')).length, 0)
    const rite = (await w.add('Rite', { docstatus: 1 })).name
    const other = (await w.add('Rite')).name
    await refuses(renamed('Rite', rite, other, true), NotRenamable)
  })

  test('a user may point only where they may look', async () => {
    const w = world()
    const user = await w.user('linker@example.com', ['Clerk'])
    await w.define(
      { name: 'Area', autoname: 'prompt', fields: [field('x')] },
      { name: 'Peeking', autoname: 'prompt', fields: [field('area', 'Link', { options: 'Area' })] },
    )
    await w.add('Area', { name: 'Mine' })
    await w.add('Area', { name: 'Theirs' })
    await w.add('User Permission', { user, allow: 'Area', for_value: 'Mine', apply_to_all_doctypes: 1 })
    await w.as(user, (ctx) => insert(ctx, 'Peeking', { name: 'ok', area: 'Mine' }))
    const refusal = (area: string) =>
      w
        .as(user, (ctx) => insert(ctx, 'Peeking', { name: 'x', area }))
        .catch(({ code, status, field: at }: { code: string; status: number; field: string }) => [code, status, at])
    const [there, notThere] = [await refusal('Theirs'), await refusal('Nowhere')]
    assert.deepEqual(there, notThere, 'the refusal does not tell whether there is such a document')
  })
}
