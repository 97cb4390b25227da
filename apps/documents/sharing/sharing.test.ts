import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { getDocument } from '#kernel/documents/load.ts'
import { remove } from '#kernel/documents/remove.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { callDocumentMethod } from '#kernel/methods/call-document.ts'
import { FileAnswer } from '#kernel/methods/file-answer.ts'
import { RateLimitExceeded } from '#kernel/limits/rate-limit.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { list } from '#kernel/query/list.ts'
import { type FilingOffice, filingOffice } from '#testing/filing-office.ts'
import { testDatabases } from '#testing/services.ts'
import { ContentRefused, LinkInvalid, LinkNeedsPassword, RecordIsFixed, ShareInvalid } from '../errors.ts'

const wire = { version: 2, zone: 'UTC' } as const

for (const { name: database } of testDatabases())
  describe(`sharing on ${database}`, () => {
    let office: FilingOffice
    const clock = { ahead: 0, now: () => Date.now() + clock.ahead }
    before(async () => {
      office = await filingOffice({ database, clock, closedByCaller: true })
    })
    after(() => office.close())
    // Each test asks from a network of its own: what it asks does not use up what the next may ask.
    let network = 0
    const guest = (path: string, given: Record<string, unknown>) =>
      office.call('Guest', `orchestrator.documents.${path}`, given, `198.51.100.${network}`)
    const rest = () => {
      network++
    }
    const share = (document: string, values: Record<string, unknown> = {}) =>
      office.call(office.dora, 'orchestrator.documents.share', { document, ...values })
    const open = (token: string, password?: string) => guest('open_share', { token, ...(password && { password }) })
    const take = async (token: string, password?: string) => {
      const answer = await guest('download_share', { token, ...(password && { password }) })
      assert.ok(answer instanceof FileAnswer)
      return Buffer.concat(await Array.fromAsync(answer.content as AsyncIterable<Buffer>)).toString()
    }
    const today = (ahead = 0) => new Date(clock.now() + ahead * 86_400_000).toISOString().slice(0, 10)

    test('a link opens one document, with its password, so often, until its day, and while its maker may', async () => {
      rest()
      const name = await office.file(office.dora, { title: 'Offer' }, 'our offer')
      const { token, name: link } = await share(name, { password: 'correct horse', max_downloads: 2, expires_on: today(2) })
      await assert.rejects(open(token), LinkNeedsPassword.is)
      await assert.rejects(open(token, 'wrong'), LinkNeedsPassword.is)
      assert.deepEqual((await open(token, 'correct horse')).title, 'Offer')
      assert.equal(await take(token, 'correct horse'), 'our offer')
      assert.equal(await take(token, 'correct horse'), 'our offer')
      await assert.rejects(take(token, 'correct horse'), LinkInvalid.is)
      const stored = await office.asSystem((ctx) => getDocument(ctx, 'Document Share', link))
      assert.ok(!JSON.stringify(stored).includes(token) && !JSON.stringify(stored).includes('correct horse'))
      assert.deepEqual(
        (await office.log(name)).filter(({ user }) => user === 'Guest').map(({ action }) => action),
        ['View by Link', 'Download by Link', 'Download by Link'],
      )
      const other = await share(name, { expires_on: today(2) })
      clock.ahead += 4 * 86_400_000
      await assert.rejects(open(other.token), LinkInvalid.is)
      clock.ahead = 0
    })

    test('a link ends when it is withdrawn, when the document is thrown away, and when its maker may not read it any more', async () => {
      rest()
      const folder = await office.make('Document Folder', { folder_name: 'Team', organization: 'North' })
      const made = await office.make('DocShare', {
        user: office.dora,
        share_doctype: 'Document Folder',
        share_name: folder,
        read: 1,
        write: 1,
      })
      const name = await office.asSystem(async (ctx) =>
        String((await insert(ctx, 'Document', { title: 'T', organization: 'North', folder, file: await office.upload(ctx, 'x') })).name),
      )
      const first = await share(name)
      await open(first.token)
      await office.as(office.dora, async (ctx) =>
        save(ctx, await openForWrite(ctx, 'Document Share', first.name), { revoked: 1, download_count: 0 }),
      )
      await assert.rejects(open(first.token), LinkInvalid.is)
      const second = await share(name)
      await office.asSystem((ctx) => remove(ctx, 'DocShare', made))
      await assert.rejects(open(second.token), LinkInvalid.is)
      const own = await office.file(office.dora, { title: 'Own' }, 'x')
      const third = await share(own)
      await office.as(office.dora, (ctx) => callDocumentMethod(ctx, 'Document', own, 'throw_away', {}, 'POST'))
      await assert.rejects(open(third.token), LinkInvalid.is)
    })

    test('tokens cannot be guessed: every wrong one is answered alike, and soon not at all', async () => {
      rest()
      const answers = new Set<string>()
      let limited = 0
      for (let turn = 0; turn < 80; turn++)
        await open(turn % 2 ? `guess-${turn}` : "' or '1'='1").catch((error: Error & { code?: string }) => {
          if (RateLimitExceeded.is(error)) limited++
          else answers.add(`${error.code} ${error.message}`)
        })
      assert.equal(answers.size, 1)
      assert.ok(limited >= 15)
      rest()
      const name = await office.file(office.dora, { title: 'P' }, 'x')
      const { token } = await share(name, { password: 'correct horse' })
      let closed = 0
      for (let turn = 0; turn < 15; turn++) await open(token, `wrong-${turn}`).catch((error) => RateLimitExceeded.is(error) && closed++)
      assert.equal(closed, 5)
      await assert.rejects(open(token, 'correct horse'), RateLimitExceeded.is)
    })

    test('who may not share makes no link; nobody writes one by hand or reads its hash', async () => {
      rest()
      const name = await office.file(office.dora, { title: 'Mine' }, 'x')
      await assert.rejects(office.call(office.dan, 'orchestrator.documents.share', { document: name }), PermissionDenied.is)
      await assert.rejects(office.call(office.otto, 'orchestrator.documents.share', { document: name }))
      await assert.rejects(share(name, { expires_on: '2020-01-01' }), (error) => ShareInvalid.is(error) && error.field === 'expires_on')
      await assert.rejects(share(name, { password: 'abc' }), (error) => ShareInvalid.is(error) && error.field === 'password')
      await assert.rejects(
        office.asSystem((ctx) => insert(ctx, 'Document Share', { document: name, organization: 'North', token_hash: 'mine' })),
        RecordIsFixed.is,
      )
      const made = await share(name)
      await office.asSystem(async (ctx) =>
        save(ctx, await openForWrite(ctx, 'Document Share', made.name), { token_hash: 'mine', owner: office.dan }),
      )
      await open(made.token)
      const seen = (user: string) =>
        office.as(user, async (ctx) => (await list(ctx, 'Document Share', { fields: ['*'] as never, limit: 500, wire })).rows)
      assert.ok((await seen(office.dora)).every((row) => !('token_hash' in row) && !('password_hash' in row)))
      await assert.rejects(seen(office.dan).then((rows) => assert.ok(rows.length > 0)))
    })

    test('strangers hand in what was asked of them: so many files, of harmless kinds, into the one folder', async () => {
      rest()
      const folder = await office.as(office.dora, async (ctx) =>
        String((await insert(ctx, 'Document Folder', { folder_name: 'In', organization: 'North' })).name),
      )
      const asked = (values: Record<string, unknown> = {}) =>
        office.call(office.dora, 'orchestrator.documents.request_upload', { title: 'Proof', folder, max_files: 1, ...values })
      const give = (token: string, file_name: string, content = Buffer.from('proof').toString('base64')) =>
        guest('hand_in', { token, file_name, content, from: 'A stranger' })
      const { token } = await asked()
      await assert.rejects(give(token, 'run.exe'), (error) => ContentRefused.is(error) && error.field === 'content')
      await assert.rejects(give(token, 'a.txt', 'not base64!'), ContentRefused.is)
      assert.deepEqual(await give(token, '../../proof.txt'), { received: '../../proof.txt', remaining: 0 })
      await assert.rejects(give(token, 'more.txt'), LinkInvalid.is)
      const { rows } = await office.as(office.dora, (ctx) =>
        list(ctx, 'Document', { fields: ['file_name', 'correspondent', 'folder'], filters: [['folder', '=', folder]], wire }),
      )
      assert.deepEqual(rows, [{ file_name: 'proof.txt', correspondent: 'A stranger', folder }])
      await assert.rejects(office.call(office.dan, 'orchestrator.documents.request_upload', { title: 'x', folder }), PermissionDenied.is)
    })

    test('people say that they have read a version, once; a new version asks anew', async () => {
      rest()
      const { dora, dan } = office
      const name = await office.file(dora, { title: 'Rules' }, 'one')
      const ask = (users: string[]) => office.call(dora, 'orchestrator.documents.request_acknowledgement', { document: name, users })
      await assert.rejects(ask([dan]), (error) => ShareInvalid.is(error) && error.field === 'users[0]')
      await office.make('DocShare', { user: dan, share_doctype: 'Document', share_name: name, read: 1 })
      assert.deepEqual([await ask([dan]), await ask([dan])], [{ asked: 1 }, { asked: 0 }])
      const said = await office.call(dan, 'orchestrator.documents.acknowledge', { document: name })
      rest()
      assert.deepEqual(await office.call(dan, 'orchestrator.documents.acknowledge', { document: name }), said)
      await office.as(dora, async (ctx) => save(ctx, await openForWrite(ctx, 'Document', name), { file: await office.upload(ctx, 'two') }))
      assert.deepEqual(await ask([dan]), { asked: 1 })
      await assert.rejects(
        office.asSystem((ctx) =>
          insert(ctx, 'Document Acknowledgement', { document: name, organization: 'North', user: dan, version_number: 9 }),
        ),
        RecordIsFixed.is,
      )
    })
  })
