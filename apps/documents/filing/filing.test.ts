import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { DocumentNotFound } from '#kernel/documents/errors.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { remove } from '#kernel/documents/remove.ts'
import { rename } from '#kernel/documents/rename.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { filesAt, mayReadFile } from '#kernel/files/file-access.ts'
import { callDocumentMethod } from '#kernel/methods/call-document.ts'
import { FileAnswer } from '#kernel/methods/file-answer.ts'
import { list } from '#kernel/query/list.ts'
import { search } from '#kernel/search/search.ts'
import { type FilingOffice, filingOffice } from '#testing/filing-office.ts'
import { testDatabases } from '#testing/services.ts'
import { FileUnknown, FolderElsewhere, InTheTrash, NotInTheTrash, OfAnotherOrganization, RecordIsFixed, VersionUnknown } from '../errors.ts'

const wire = { version: 2, zone: 'UTC' } as const

async function bytes(answer: unknown): Promise<string> {
  assert.ok(answer instanceof FileAnswer)
  return Buffer.concat(await Array.fromAsync(answer.content as AsyncIterable<Buffer>)).toString()
}

for (const { name: database } of testDatabases())
  describe(`filing on ${database}`, () => {
    let office: FilingOffice
    before(async () => {
      office = await filingOffice({ database, closedByCaller: true })
    })
    after(() => office.close())
    const names = (user: string, filters: unknown[] = []) =>
      office.as(user, async (ctx) =>
        (await list(ctx, 'Document', { fields: ['name'], filters: filters as never, limit: 500, wire })).rows.map((row) => row.name),
      )
    const verb = (user: string, name: string, what: string, given: Record<string, unknown> = {}) =>
      office.as(user, (ctx) => callDocumentMethod(ctx, 'Document', name, what, given, 'POST'))

    test('each new file becomes a version; an old one can be read, compared and made the newest again', async () => {
      const { dora } = office
      const name = await office.file(dora, { title: 'Rules' }, 'one\ntwo\n', 'rules.txt')
      await office.as(dora, async (ctx) => {
        const document = await openForWrite(ctx, 'Document', name)
        await save(ctx, document, { file: await office.upload(ctx, 'one\n2\n', 'rules.txt'), version_note: 'figures' })
        assert.equal(document.version_number, 2)
      })
      await office.work()
      const shown = await office.call(dora, 'orchestrator.documents.compare', { document: name, from: 1 })
      assert.deepEqual(shown.parts, [
        { kind: 'same', text: 'one\n' },
        { kind: 'removed', text: 'two\n' },
        { kind: 'added', text: '2\n' },
      ])
      await verb(dora, name, 'restore_version', { version: 1 })
      const versions = await office.call(dora, 'orchestrator.documents.versions', { document: name })
      assert.deepEqual(
        versions.map((one: Record<string, unknown>) => [one.version_number, one.note, one.restored_from, one.by]),
        [
          [3, 'Version 1 again', 1, dora],
          [2, 'figures', 0, dora],
          [1, null, 0, dora],
        ],
      )
      assert.equal(await bytes(await office.call(dora, 'orchestrator.documents.download', { document: name })), 'one\ntwo\n')
      assert.equal(await bytes(await office.call(dora, 'orchestrator.documents.download', { document: name, version: 2 })), 'one\n2\n')
      await assert.rejects(office.call(dora, 'orchestrator.documents.download', { document: name, version: 9 }), VersionUnknown.is)
    })

    test('what the app keeps about a document is not the caller’s to say', async () => {
      const { dora, sys } = office
      const name = await office.file(dora, { title: 'Own', trashed: 1, version_number: 9, content_hash: 'f' }, 'x')
      for (const user of [dora, sys, 'Administrator'])
        await office.as(user, async (ctx) =>
          save(ctx, await openForWrite(ctx, 'Document', name), {
            trashed: 1,
            version_number: 7,
            file_size: 1,
            obsolete_since: '2000-01-01',
            file: null,
          }),
        )
      const stored = await office.asSystem((ctx) => getDocument(ctx, 'Document', name))
      assert.deepEqual([stored.trashed, stored.version_number, stored.file_size, stored.obsolete_since], [0, 1, 1, null])
      assert.match(String(stored.file), /^\/private\/files\//)
    })

    test('a version is nobody’s to write: not by insert, change, rename or deletion, nor is its file', async () => {
      const { dora } = office
      const name = await office.file(dora, { title: 'Fixed' }, 'x')
      const { current_version: version } = await office.asSystem((ctx) => getDocument(ctx, 'Document', name))
      const fixed = async (work: Parameters<FilingOffice['asSystem']>[0]) => assert.rejects(office.asSystem(work), RecordIsFixed.is)
      await fixed(async (ctx) => save(ctx, await openForWrite(ctx, 'Document Version', String(version)), { note: 'other' }))
      await fixed((ctx) => remove(ctx, 'Document Version', String(version)))
      await fixed((ctx) => rename(ctx, 'Document Version', String(version), 'other'))
      const { file } = await office.asSystem((ctx) => getDocument(ctx, 'Document Version', String(version)))
      await fixed((ctx) => insert(ctx, 'Document Version', { document: name, organization: 'North', version_number: 5, file }))
      await fixed((ctx) => remove(ctx, 'File', String(file)))
      await fixed(async (ctx) => save(ctx, await openForWrite(ctx, 'File', String(file)), { file_name: 'other.txt' }))
      await fixed((ctx) => rename(ctx, 'Document', name, 'other'))
    })

    test('a folder that is shared opens what is in it and below it, for reading or writing, and nothing beside it', async () => {
      const { dora, dan } = office
      const folder = (values: Record<string, unknown>) =>
        office.as(dora, async (ctx) => String((await insert(ctx, 'Document Folder', { organization: 'North', ...values })).name))
      const top = await folder({ folder_name: 'Contracts' })
      const below = await folder({ folder_name: '2026', parent_document_folder: top })
      const beside = await folder({ folder_name: 'Private' })
      const inside = await office.file(dora, { title: 'Deep', folder: below }, 'deep words')
      const outside = await office.file(dora, { title: 'Beside', folder: beside }, 'other words')
      assert.deepEqual(await names(dan), [])
      await office.make('DocShare', { user: dan, share_doctype: 'Document Folder', share_name: top, read: 1 })
      assert.deepEqual(await names(dan), [inside])
      await assert.rejects(
        office.as(dan, (ctx) => getDocument(ctx, 'Document', outside)),
        PermissionDenied.is,
      )
      await assert.rejects(
        office.as(dan, async (ctx) => save(ctx, await openForWrite(ctx, 'Document', inside), { title: 'Mine' })),
        PermissionDenied.is,
      )
      await assert.rejects(office.file(dan, { title: 'Planted', folder: below }, 'x'), PermissionDenied.is)
      await office.make('DocShare', { user: dan, share_doctype: 'Document Folder', share_name: below, read: 1, write: 1 })
      await office.as(dan, async (ctx) => save(ctx, await openForWrite(ctx, 'Document', inside), { title: 'Ours' }))
      await assert.rejects(
        office.as(dan, async (ctx) => save(ctx, await openForWrite(ctx, 'Document', inside), { folder: beside })),
        FolderElsewhere.is,
      )
      const own = await office.file(dan, { title: 'Own' }, 'x')
      await assert.rejects(
        office.as(dan, async (ctx) => save(ctx, await openForWrite(ctx, 'Document', own), { folder: beside })),
        (error) => FolderElsewhere.is(error) && error.field === 'folder',
      )
      await office.as(dan, async (ctx) => save(ctx, await openForWrite(ctx, 'Document', own), { folder: below }))
      assert.deepEqual(
        (await office.log(inside))
          .filter(({ action }) => action === 'Rename')
          .map(({ old_value, new_value, user }) => [old_value, new_value, user]),
        [['Deep', 'Ours', dan]],
      )
    })

    test('documents are found by what their file says, by those alone who may read them', async () => {
      const { dora, dan, mona, otto } = office
      const mail = 'From: a@x.example\r\nSubject: Zwieback\r\nContent-Type: text/plain\r\n\r\nThe quokka clause.\r\n'
      const name = await office.file(dora, { title: 'A letter' }, mail, 'letter.eml')
      await office.work()
      const hits = (user: string) =>
        office.as(user, async (ctx) =>
          (await search(ctx, { text: 'quokka', doctypes: ['Document'], wire } as never)).hits.map((hit) => hit.name),
        )
      assert.deepEqual([await hits(dora), await hits(mona), await hits(dan), await hits(otto)], [[name], [name], [], []])
      await verb(dora, name, 'throw_away')
      assert.deepEqual(await hits(dora), [])
    })

    test('the trash gives back, and only from it is something deleted for good, with versions, bytes and copies', async () => {
      const { dora, dan, mona } = office
      const name = await office.file(dora, { title: 'Old' }, 'bytes')
      const { file } = await office.asSystem((ctx) => getDocument(ctx, 'Document', name))
      await assert.rejects(
        office.as(mona, (ctx) => remove(ctx, 'Document', name)),
        NotInTheTrash.is,
      )
      await assert.rejects(verb(dan, name, 'throw_away'), PermissionDenied.is)
      await verb(dora, name, 'throw_away')
      await assert.rejects(
        office.as(dora, async (ctx) => save(ctx, await openForWrite(ctx, 'Document', name), { title: 'New' })),
        InTheTrash.is,
      )
      await verb(dora, name, 'take_out')
      await verb(dora, name, 'throw_away')
      await office.as(dora, (ctx) => remove(ctx, 'Document', name))
      await office.asSystem(async (ctx) => {
        const left = (doctype: string, field: string) =>
          list(ctx, doctype, { fields: ['name'], filters: [[field, '=', name]] as never, wire }).then(({ rows }) => rows.length)
        assert.deepEqual([await left('Document Version', 'document'), await left('Deleted Document', 'deleted_name')], [0, 0])
        assert.deepEqual(await filesAt(ctx, String(file)), [])
      })
      assert.deepEqual(
        (await office.log(name)).map(({ action }) => action).filter((action) => action !== 'View'),
        ['Create', 'Trash', 'Take Out', 'Trash', 'Purge'],
      )
    })

    test('a stranger’s file cannot be made one’s own by naming it, nor a public one, nor a path', async () => {
      const { dora, dan } = office
      const theirs = await office.as(dora, (ctx) => office.upload(ctx, 'secret'))
      const filed = await office.file(dora, { title: 'Filed' }, 'filed secret')
      const { file } = await office.asSystem((ctx) => getDocument(ctx, 'Document', filed))
      for (const url of [
        theirs,
        file,
        '/files/logo.png',
        '/private/files/../../site_config.json',
        '/etc/passwd',
        'https://x.example/a.pdf',
      ])
        await assert.rejects(office.file(dan, { title: 'Grab', file: url }), FileUnknown.is, String(url))
      const readable = (user: string) =>
        office.as(user, async (ctx) => Promise.all((await filesAt(ctx, String(file))).map((one) => mayReadFile(ctx, one))))
      assert.deepEqual([await readable(dora), await readable(dan)], [[true], [false]])
    })

    test('another organization sees, takes and links nothing', async () => {
      const { dora, otto } = office
      const name = await office.file(dora, { title: 'North only' }, 'x')
      const south = await office.make('Document Folder', { folder_name: 'South', organization: 'South' })
      assert.deepEqual(await names(otto), [])
      for (const path of ['download', 'versions'])
        await assert.rejects(office.call(otto, `orchestrator.documents.${path}`, { document: name }), DocumentNotFound.is)
      await assert.rejects(verb(otto, name, 'throw_away'), DocumentNotFound.is)
      await assert.rejects(
        office.asSystem((ctx) => insert(ctx, 'Document', { title: 'x', organization: 'North', folder: south })),
        (error) => OfAnotherOrganization.is(error) && error.data.field === 'folder',
      )
    })

    test('who opened and took a document stands in the log once each time', async () => {
      const { dora, mona } = office
      const name = await office.file(dora, { title: 'Watched' }, 'x')
      await office.as(mona, async (ctx) => {
        await getDocument(ctx, 'Document', name)
        await getDocument(ctx, 'Document', name)
      })
      await office.call(mona, 'orchestrator.documents.download', { document: name })
      const entries = (await office.log(name)).filter(({ user }) => user === mona)
      assert.deepEqual(
        entries.map(({ action }) => action),
        ['View', 'Download'],
      )
      const recent = await office.call(mona, 'orchestrator.documents.recent', { limit: 1 })
      assert.deepEqual(
        recent.map((row: Record<string, unknown>) => row.name),
        [name],
      )
    })
  })
