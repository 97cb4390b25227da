import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { remove } from '#kernel/documents/remove.ts'
import { rename } from '#kernel/documents/rename.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { setValue, writeThrough } from '#kernel/documents/values.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { callDocumentMethod } from '#kernel/methods/call-document.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { list } from '#kernel/query/list.ts'
import { type FilingOffice, filingOffice } from '#testing/filing-office.ts'
import { testDatabases } from '#testing/services.ts'
import { Held, HoldFixed, RecordIsFixed, RetentionInvalid, StillRetained } from '../errors.ts'

const day = 86_400_000

for (const { name: database } of testDatabases())
  describe(`keeping on ${database}`, () => {
    let office: FilingOffice
    const clock = { ahead: 0, now: () => Date.now() + clock.ahead }
    before(async () => {
      office = await filingOffice({ database, clock, closedByCaller: true })
    })
    after(() => office.close())
    const hold = (values: Record<string, unknown>) =>
      office.as(office.rita, async (ctx) =>
        String((await insert(ctx, 'Legal Hold', { hold_name: 'Dispute', organization: 'North', reason: 'a claim', ...values })).name),
      )
    const release = (user: string, name: string) =>
      office.as(user, (ctx) => callDocumentMethod(ctx, 'Legal Hold', name, 'release', { reason: 'settled' }, 'POST'))
    const run = async (job: string) => {
      await office.asSystem((ctx) => enqueue(ctx, `documents.${job}`))
      await office.work()
    }
    const exists = async (name: string) =>
      office.asSystem(async (ctx) => {
        const { rows } = await list(ctx, 'Document', {
          fields: ['name'],
          filters: [['name', '=', name]],
          wire: { version: 2, zone: 'UTC' },
        })
        return rows.length === 1
      })

    test('nothing under hold is changed or deleted on any way, by anybody', async () => {
      const { dora, mona, sys, rita } = office
      const held = await office.file(dora, { title: 'Evidence' }, 'bytes')
      const other = await office.file(dora, { title: 'Other' }, 'more bytes')
      const name = await hold({ scope: 'Chosen Documents', documents: [{ document: held }] })
      const stored = await office.asSystem((ctx) => getDocument(ctx, 'Document', held))
      const { file } = await office.asSystem((ctx) => getDocument(ctx, 'Document Version', String(stored.current_version)))
      const ways: Record<string, (ctx: Context) => Promise<unknown>> = {
        change: async (ctx) => save(ctx, await openForWrite(ctx, 'Document', held), { title: 'x' }),
        'change one value': (ctx) => setValue(ctx, 'Document', held, { status: 'Obsolete' }),
        'change of type': (ctx) => setValue(ctx, 'Document', held, { document_type: null, description: 'x' }),
        'new version': async (ctx) => save(ctx, await openForWrite(ctx, 'Document', held), { file: await office.upload(ctx, 'other') }),
        'change through the row': (ctx) => writeThrough(ctx, 'Document', held, { title: 'x' }),
        trash: (ctx) => callDocumentMethod(ctx, 'Document', held, 'throw_away', {}, 'POST'),
        'old version again': (ctx) => callDocumentMethod(ctx, 'Document', held, 'restore_version', { version: 1 }, 'POST'),
        delete: (ctx) => remove(ctx, 'Document', held),
      }
      for (const user of [dora, mona, sys, 'Administrator'])
        for (const [way, work] of Object.entries(ways)) await assert.rejects(office.as(user, work), Held.is, `${way} as ${user}`)
      const fixed: Record<string, (ctx: Context) => Promise<unknown>> = {
        rename: (ctx) => rename(ctx, 'Document', held, 'other-name'),
        'merge into another': (ctx) => rename(ctx, 'Document', held, other, { merge: true }),
        'merge of another into it': (ctx) => rename(ctx, 'Document', other, held, { merge: true }),
        'deletion of its version': (ctx) => remove(ctx, 'Document Version', String(stored.current_version)),
        'deletion of its file': (ctx) => remove(ctx, 'File', String(file)),
        'opening its file to all': async (ctx) => save(ctx, await openForWrite(ctx, 'File', String(file)), { is_private: 0 }),
      }
      for (const [way, work] of Object.entries(fixed)) await assert.rejects(office.asSystem(work), RecordIsFixed.is, way)
      await assert.rejects(
        office.asSystem((ctx) => remove(ctx, 'Legal Hold', name)),
        HoldFixed.is,
      )
      await assert.rejects(
        office.asSystem((ctx) => rename(ctx, 'Legal Hold', name, 'gone')),
        RecordIsFixed.is,
      )
      await assert.rejects(
        office.asSystem((ctx) => setValue(ctx, 'Legal Hold', name, { documents: [{ document: other }] })),
        HoldFixed.is,
      )
      await office.asSystem((ctx) => setValue(ctx, 'Legal Hold', name, { status: 'Released' }))
      assert.equal((await office.asSystem((ctx) => getDocument(ctx, 'Legal Hold', name))).status, 'Active')
      for (const user of [dora, mona, sys]) await assert.rejects(release(user, name), PermissionDenied.is)
      const after = await office.asSystem((ctx) => getDocument(ctx, 'Document', held))
      assert.deepEqual([after.title, after.version_number, after.trashed, after.modified], ['Evidence', 1, 0, stored.modified])
      await release(rita, name)
      await assert.rejects(release(rita, name), HoldFixed.is)
      await office.as(dora, async (ctx) => save(ctx, await openForWrite(ctx, 'Document', held), { title: 'Free' }))
      assert.deepEqual(
        (await office.log(name)).filter(({ action }) => action !== 'Change').map(({ action, user }) => [action, user]),
        [
          ['Hold', rita],
          ['Release', rita],
        ],
      )
    })

    test('a hold on a folder, a type, or what somebody made is not slipped by moving, retyping or renaming', async () => {
      const { dora, rita } = office
      const folder = (values: Record<string, unknown>) => office.make('Document Folder', { organization: 'North', ...values })
      const top = await folder({ folder_name: 'Held' })
      const below = await folder({ folder_name: 'Below', parent_document_folder: top })
      const free = await folder({ folder_name: 'Free' })
      const type = await office.make('Document Type', { type_name: 'Invoice', organization: 'North' })
      const ina = await office.person('ina', ['Documents User'], ['North'])
      const byFolder = await office.asSystem(async (ctx) =>
        String((await insert(ctx, 'Document', { title: 'f', organization: 'North', folder: below })).name),
      )
      const byType = await office.file(dora, { title: 't', document_type: type }, 'x')
      const byMaker = await office.file(ina, { title: 'm' }, 'x')
      const holds = [
        await hold({ scope: 'Folder', folder: top }),
        await hold({ scope: 'Document Type', document_type: type }),
        await hold({ scope: 'Custodian', custodian: ina }),
      ]
      const refused = (work: (ctx: Context) => Promise<unknown>, message: string) => assert.rejects(office.asSystem(work), Held.is, message)
      await refused((ctx) => setValue(ctx, 'Document', byFolder, { folder: free }), 'moved out')
      await refused((ctx) => setValue(ctx, 'Document Folder', below, { parent_document_folder: free }), 'its folder moved out')
      await refused((ctx) => setValue(ctx, 'Document Folder', top, { parent_document_folder: free }), 'the held folder moved')
      await refused((ctx) => setValue(ctx, 'Document', byType, { document_type: null }), 'retyped')
      await refused((ctx) => setValue(ctx, 'Document', byMaker, { title: 'x' }), 'changed')
      await assert.rejects(
        office.asSystem((ctx) => rename(ctx, 'Document Folder', below, free, { merge: true })),
        RecordIsFixed.is,
      )
      await assert.rejects(
        office.asSystem((ctx) => rename(ctx, 'User', ina, 'ina2@example.com')),
        HoldFixed.is,
      )
      for (const name of holds) await release(rita, name)
      await office.asSystem((ctx) => setValue(ctx, 'Document', byFolder, { folder: free }))
    })

    test('a hold names what it holds, of its own organization', async () => {
      await assert.rejects(
        hold({ scope: 'Chosen Documents', documents: [] }),
        (error) => (error as { field?: string }).field === 'documents',
      )
      await assert.rejects(hold({ scope: 'Folder' }), (error) => (error as { field?: string }).field === 'folder')
      const south = await office.make('Document Folder', { folder_name: 'South', organization: 'South' })
      await assert.rejects(
        office.asSystem((ctx) =>
          insert(ctx, 'Legal Hold', { hold_name: 'x', organization: 'North', reason: 'y', scope: 'Folder', folder: south }),
        ),
        (error) => (error as { field?: string }).field === 'folder',
      )
      await assert.rejects(
        office.as(office.mona, (ctx) => insert(ctx, 'Legal Hold', { hold_name: 'x', organization: 'North', reason: 'y' })),
        PermissionDenied.is,
      )
    })

    test('retention deletes exactly what is due and held by nothing, and certifies it; before its time nothing goes', async () => {
      const { dora, rita } = office
      const policy = await office.as(rita, async (ctx) =>
        String(
          (await insert(ctx, 'Retention Policy', { policy_name: 'A month', organization: 'North', retain_for: 1, retain_unit: 'Months' }))
            .name,
        ),
      )
      const type = await office.make('Document Type', { type_name: 'Offer', organization: 'North', retention_policy: policy })
      const due = [
        await office.file(dora, { title: 'a', document_type: type }, 'a'),
        await office.file(dora, { title: 'b', retention_policy: policy }, 'b'),
      ]
      const held = await office.file(dora, { title: 'c', document_type: type }, 'c')
      const free = await office.file(dora, { title: 'd' }, 'd')
      await office.as(dora, (ctx) => callDocumentMethod(ctx, 'Document', String(due[0]), 'throw_away', {}, 'POST'))
      for (const user of [dora, 'Administrator'])
        await assert.rejects(
          office.as(user, (ctx) => remove(ctx, 'Document', String(due[0]))),
          StillRetained.is,
        )
      const name = await hold({ scope: 'Chosen Documents', documents: [{ document: held }] })
      await run('apply-retention')
      assert.ok(await exists(String(due[1])))
      clock.ahead = 32 * day
      const young = await office.file(dora, { title: 'e', document_type: type }, 'e')
      await run('apply-retention')
      const left = await Promise.all([...due, held, free, young].map(exists))
      assert.deepEqual(left, [false, false, true, true, true])
      const certificates = (await office.log(policy)).filter(({ action }) => action === 'Deletion Certificate')
      assert.equal(certificates.length, 1)
      const { documents, seal } = JSON.parse(String(certificates[0]?.details))
      assert.deepEqual(documents.map((line: string) => line.split(' ')[0]).sort(), [...due].sort())
      assert.match(seal, /^[\w-]{43}$/)
      await release(rita, name)
      await run('apply-retention')
      assert.equal(await exists(held), false)
      clock.ahead = 0
    })

    test('the trash is emptied after a month', async () => {
      const name = await office.file(office.dora, { title: 'Trash' }, 'x')
      await office.as(office.dora, (ctx) => callDocumentMethod(ctx, 'Document', name, 'throw_away', {}, 'POST'))
      await run('empty-trash')
      assert.ok(await exists(name))
      clock.ahead = 31 * day
      await run('empty-trash')
      assert.equal(await exists(name), false)
      clock.ahead = 0
    })

    test('a period that means nothing is refused with its field', async () => {
      for (const retain_for of [0, -1, 1001])
        await assert.rejects(
          office.make('Retention Policy', { policy_name: 'Odd', organization: 'North', retain_for, retain_unit: 'Years' }),
          (error) => RetentionInvalid.is(error) && error.field === 'retain_for',
        )
    })

    test('the log is written by the platform alone; the engine itself refuses to change or delete it', async () => {
      const { dora, mona, otto, dan } = office
      const name = await office.file(dora, { title: 'Logged' }, 'x')
      const [entry] = await office.log(name)
      const values = {
        organization: 'North',
        at: '2026-01-01 00:00:00',
        user: dora,
        action: 'View',
        object_type: 'Document',
        object_name: name,
      }
      const ways: ((ctx: Context) => Promise<unknown>)[] = [
        (ctx) => insert(ctx, 'Document Audit', values),
        async (ctx) => save(ctx, await openForWrite(ctx, 'Document Audit', String(entry?.name)), { user: mona }),
        (ctx) => remove(ctx, 'Document Audit', String(entry?.name)),
        (ctx) => rename(ctx, 'Document Audit', String(entry?.name), 'other'),
        (ctx) => writeThrough(ctx, 'Document Audit', String(entry?.name), { user: mona }),
      ]
      for (const way of ways) await assert.rejects(office.asSystem(way), RecordIsFixed.is)
      const table = ident('tabDocument Audit')
      for (const statement of [sql`update ${table} set ${ident('user')} = ${mona}`, sql`delete from ${table}`])
        await assert.rejects(office.asSystem((ctx) => ctx.db.execute(ctx.db.dialect.compile(statement))))
      assert.equal((await office.log(name))[0]?.user, dora)
      const seen = (user: string) =>
        office.as(
          user,
          async (ctx) =>
            (
              await list(ctx, 'File Audit Log', {
                fields: ['name'],
                filters: [['object_name', '=', name]],
                wire: { version: 2, zone: 'UTC' },
              })
            ).rows.length,
        )
      assert.ok((await seen(mona)) > 0)
      assert.equal(await seen(otto), 0)
      await assert.rejects(seen(dan), PermissionDenied.is)
    })
  })
