import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { remove } from '#kernel/documents/remove.ts'
import { rename } from '#kernel/documents/rename.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { toWire } from '#kernel/documents/wire.ts'
import { filesAt, mayReadFile } from '#kernel/files/file-access.ts'
import { FileAnswer } from '#kernel/methods/file-answer.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { printHtml } from '#kernel/print/print-document.ts'
import { list } from '#kernel/query/list.ts'
import { type FilingOffice, filingOffice } from '#testing/filing-office.ts'
import { testDatabases } from '#testing/services.ts'
import { FileUnknown, Held, OfAnotherOrganization, RecordIsFixed, VaultFull, VaultUnknown, VaultUploadsClosed } from '../errors.ts'

const wire = { version: 2, zone: 'UTC' } as const

for (const { name: database } of testDatabases())
  describe(`vaults on ${database}`, () => {
    let office: FilingOffice
    let emma: string
    let cora: string
    let carl: string
    let customer: string
    before(async () => {
      office = await filingOffice({ database, closedByCaller: true })
      emma = await office.person('emma', ['Dartwing User'], ['North'])
      cora = await office.person('cora', ['Portal User'], ['North'])
      carl = await office.person('carl', ['Portal User'], ['North'])
      const portal = (customer_name: string, user: string) =>
        office.make('Customer', { customer_name, organization: 'North', portal_enabled: 1, portal_users: [{ user }] })
      customer = await portal('Cora’s company', cora)
      await portal('Carl’s company', carl)
    })
    after(() => office.close())

    const vaultWith = (texts: readonly string[], values: Record<string, unknown> = {}) =>
      office.as(emma, async (ctx) => {
        const documents = []
        for (const [index, text] of texts.entries())
          documents.push({
            document_name: `Paper ${index + 1}`,
            file: await office.upload(ctx, text, `paper-${index + 1}.txt`),
            portal_visible: index === 0 ? 1 : 0,
          })
        const made = await insert(ctx, 'Document Vault', { organization: 'North', customer, vault_name: 'Papers', documents, ...values })
        return String(made.name)
      })
    const enter = (user: string, vault: string) => office.call(user, 'orchestrator.documents.vault_contents', { vault })
    const stored = (vault: string) => office.asSystem((ctx) => getDocument(ctx, 'Document Vault', vault))
    const bytes = async (user: string, vault: string, document: string) => {
      const answer = await office.call(user, 'orchestrator.documents.download_vault_document', { vault, document })
      assert.ok(answer instanceof FileAnswer)
      return Buffer.concat(await Array.fromAsync(answer.content as AsyncIterable<Buffer>)).toString()
    }
    const readings = async (vault: string, user: string) =>
      (await office.log(vault))
        .filter((entry) => entry.user === user && !['Create', 'Upload'].includes(String(entry.action)))
        .map(({ action, details }) => [action, details])

    test('a customer sees and takes what is meant for them, in the vaults of their own company', async () => {
      const vault = await vaultWith(['for you', 'not for you'])
      assert.match(vault, /^VAULT-\d{5}$/)
      const { documents } = await enter(cora, vault)
      assert.deepEqual(
        documents.map((row: Record<string, unknown>) => row.document_name),
        ['Paper 1'],
      )
      assert.equal(await bytes(cora, vault, documents[0].name), 'for you')
      const [, hidden] = (await stored(vault)).documents as { name: string; file: string }[]
      await assert.rejects(bytes(cora, vault, String(hidden?.name)), VaultUnknown.is)
      await assert.rejects(enter(carl, vault), VaultUnknown.is)
      await assert.rejects(bytes(carl, vault, documents[0].name), VaultUnknown.is)
      await assert.rejects(enter(cora, 'VAULT-99999'), VaultUnknown.is)
      await assert.rejects(
        office.as(cora, (ctx) => getDocument(ctx, 'Document Vault', vault)),
        PermissionDenied.is,
      )
      const mine = async (user: string) =>
        (await office.call(user, 'orchestrator.documents.my_vaults', {})).map((row: Record<string, unknown>) => row.name)
      assert.ok((await mine(cora)).includes(vault))
      assert.deepEqual(await mine(carl), [])
      for (const values of [{ portal_access: 0 }, { portal_access: 1, expiry_date: '2020-01-01' }]) {
        await office.as(emma, async (ctx) => save(ctx, await openForWrite(ctx, 'Document Vault', vault), values))
        await assert.rejects(enter(cora, vault), VaultUnknown.is)
        assert.ok(!(await mine(cora)).includes(vault))
      }
    })

    test('every reading on every way stands in the log exactly once, also that of the Administrator', async () => {
      const vault = await vaultWith(['a'])
      const [row] = (await stored(vault)).documents as { name: string; file: string }[]
      const ways: [action: string, details: string | null, work: (ctx: Context) => Promise<unknown>][] = [
        ['View', null, async (ctx) => toWire(ctx, await getDocument(ctx, 'Document Vault', vault), wire)],
        [
          'List',
          null,
          (ctx) =>
            list(ctx, 'Document Vault', { fields: ['name', 'vault_name', 'documents'] as never, filters: [['name', '=', vault]], wire }),
        ],
        [
          'List',
          null,
          (ctx) =>
            list(ctx, 'Vault Document', {
              fields: ['document_name', 'parent'],
              parent: 'Document Vault',
              filters: [['parent', '=', vault]],
              wire,
            } as never),
        ],
        [
          'Download',
          null,
          async (ctx) =>
            assert.deepEqual(await Promise.all((await filesAt(ctx, String(row?.file))).map((file) => mayReadFile(ctx, file))), [true]),
        ],
      ]
      for (const user of [office.sys, 'Administrator']) {
        for (const [action, details, work] of ways) {
          const before = (await readings(vault, user)).length
          await office.as(user, work)
          assert.deepEqual((await readings(vault, user)).slice(before), [[action, details]], `${action} as ${user}`)
        }
        const before = (await readings(vault, user)).length
        await bytes(user, vault, String(row?.name))
        assert.deepEqual((await readings(vault, user)).slice(before), [['Download', 'Paper 1']])
      }
      const before = (await readings(vault, 'Administrator')).length
      await office.as('Administrator', (ctx) => printHtml(ctx, { doctype: 'Document Vault', name: vault }))
      assert.deepEqual(
        (await readings(vault, 'Administrator')).slice(before).map(([action]) => action),
        ['Print'],
      )
      const log = (await office.call(office.sys, 'orchestrator.documents.vault_log', { vault })) as Record<string, unknown>[]
      assert.deepEqual([...new Set(log.map((entry) => entry.action))].sort(), ['Download', 'Upload', 'View'])
    })

    test('what is filled in by hand of the log, of sizes and of times counts for nothing', async () => {
      const vault = await vaultWith(['12345'], { storage_used_bytes: 0, file_count: 9, access_log: [{ action: 'View', user: emma }] })
      await office.as(emma, async (ctx) => {
        const document = await openForWrite(ctx, 'Document Vault', vault)
        const rows = (document.documents as AnyDocument[]).map((row) => ({
          ...row,
          acknowledged_at: '2020-01-01 00:00:00',
          uploaded_by: office.dora,
          file_size: 1,
        }))
        await save(ctx, document, { documents: rows, storage_used_bytes: 1 })
      })
      const document = await stored(vault)
      const [row] = document.documents as Record<string, unknown>[]
      assert.deepEqual(document.access_log, [])
      assert.deepEqual(
        [document.storage_used_bytes, document.file_count, row?.file_size, row?.uploaded_by, row?.acknowledged_at],
        [5, 1, 5, emma, null],
      )
    })

    test('a customer hands in where that is open, only what is theirs to give, and only so much', async () => {
      const vault = await vaultWith(['a'], { customer_upload: 1, storage_limit_bytes: 10 })
      const closed = await vaultWith(['a'])
      const give = (user: string, into: string, url: string) =>
        office.call(user, 'orchestrator.documents.upload_to_vault', { vault: into, file_url: url, document_name: 'Passport' })
      const own = (text: string) => office.as(cora, (ctx) => office.upload(ctx, text, 'passport.txt'))
      await assert.rejects(give(cora, closed, await own('abc')), VaultUploadsClosed.is)
      await assert.rejects(give(carl, vault, await own('abc')), VaultUnknown.is)
      const theirs = await office.as(office.dora, (ctx) => office.upload(ctx, 'secret'))
      await assert.rejects(give(cora, vault, theirs), (error) => FileUnknown.is(error) && error.field === 'file_url')
      const { document } = await give(cora, vault, await own('abc'))
      assert.equal(await bytes(cora, vault, document), 'abc')
      await assert.rejects(give(cora, vault, await own('0123456789')), VaultFull.is)
      assert.equal((await stored(vault)).file_count, 2)
      const ack = () => office.call(cora, 'orchestrator.documents.acknowledge_vault_document', { vault, document })
      assert.deepEqual(await ack(), await ack())
      assert.equal((await office.log(vault)).filter(({ action }) => action === 'Acknowledge').length, 1)
    })

    test('files leave a vault only through it, and nothing leaves while the organization is held', async () => {
      const vault = await vaultWith(['a', 'b'])
      const [first, second] = (await stored(vault)).documents as AnyDocument[]
      const [file] = await office.asSystem((ctx) => filesAt(ctx, String(first?.file)))
      await assert.rejects(
        office.asSystem((ctx) => remove(ctx, 'File', String(file?.name))),
        RecordIsFixed.is,
      )
      await assert.rejects(
        office.asSystem((ctx) => rename(ctx, 'Document Vault', vault, 'other')),
        RecordIsFixed.is,
      )
      const hold = await office.as(office.rita, (ctx) =>
        insert(ctx, 'Legal Hold', { hold_name: 'All', organization: 'North', reason: 'a claim', scope: 'Organization' }),
      )
      const drop = async (ctx: Context) => save(ctx, await openForWrite(ctx, 'Document Vault', vault), { documents: [second] })
      await assert.rejects(office.asSystem(drop), Held.is)
      await assert.rejects(
        office.asSystem((ctx) => remove(ctx, 'Document Vault', vault)),
        Held.is,
      )
      const { callDocumentMethod } = await import('#kernel/methods/call-document.ts')
      await office.as(office.rita, (ctx) => callDocumentMethod(ctx, 'Legal Hold', hold.name, 'release', { reason: 'settled' }, 'POST'))
      await office.as(emma, drop)
      assert.deepEqual(await office.asSystem((ctx) => filesAt(ctx, String(first?.file))), [])
      await office.as(office.sys, (ctx) => remove(ctx, 'Document Vault', vault))
      assert.deepEqual(await office.asSystem((ctx) => filesAt(ctx, String(second?.file))), [])
      assert.ok((await office.log(vault)).some(({ action }) => action === 'Delete'))
    })

    test('another organization’s people and customers stay outside', async () => {
      const vault = await vaultWith(['a'])
      const south = await office.person('sue', ['Dartwing User'], ['South'])
      await assert.rejects(
        office.as(south, (ctx) => getDocument(ctx, 'Document Vault', vault)),
        (error) => (error as { status: number }).status === 404,
      )
      await assert.rejects(enter(south, vault), (error) => (error as { status: number }).status === 404)
      const theirs = await office.make('Customer', { customer_name: 'Southern', organization: 'South' })
      await assert.rejects(
        office.asSystem((ctx) => insert(ctx, 'Document Vault', { organization: 'North', customer: theirs, vault_name: 'x' })),
        (error) => OfAnotherOrganization.is(error) && error.data.field === 'customer',
      )
    })
  })
