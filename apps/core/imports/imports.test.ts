import assert from 'node:assert/strict'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { after, before, suite, test } from 'node:test'
import { where } from '#client/rules/predicate.ts'
import { sql } from '#kernel/database/sql.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { ReceivedFile } from '#kernel/files/received-file.ts'
import { storeFile } from '#kernel/files/store-file.ts'
import { ImportNotAllowed, ImportRefused } from '#kernel/imports/errors.ts'
import { muteMails } from '#kernel/imports/muted.ts'
import { Worker } from '#kernel/jobs/worker.ts'
import { callMethod, findMethod } from '#kernel/methods/call.ts'
import { callDocumentMethod } from '#kernel/methods/call-document.ts'
import type { FileAnswer } from '#kernel/methods/file-answer.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { bytesInMemory } from '#kernel/tabular/byte-source.ts'
import { readTable } from '#kernel/tabular/read-table.ts'
import { writeXlsx } from '#kernel/tabular/xlsx-write.ts'
import { testDatabases } from '#testing/services.ts'
import { type TestSite, testSite } from '#testing/site.ts'

const api = 'frappe.core.doctype.data_import.data_import'
const ida = 'ida@example.com'

for (const { name: database } of testDatabases())
  suite(`data import: ${database}`, () => {
    let world: TestSite
    let files = 0
    before(async () => {
      world = await testSite({ database, closedByCaller: true })
      const rights = { read: 1, write: 1, create: 1, submit: 1, import: 1, export: 1 }
      const doctype = (name: string, values: object) => world.make('DocType', { name, module: 'Core', custom: 1, ...values })
      await doctype('Import Item', {
        istable: 1,
        fields: [
          { fieldname: 'part', fieldtype: 'Data', label: 'Part', reqd: 1 },
          { fieldname: 'qty', fieldtype: 'Float', label: 'Quantity' },
        ],
      })
      await doctype('Import Order', {
        allow_import: 1,
        is_submittable: 1,
        autoname: 'hash',
        fields: [
          { fieldname: 'title', fieldtype: 'Data', label: 'Title', reqd: 1, unique: 1 },
          { fieldname: 'amount', fieldtype: 'Currency', label: 'Amount', non_negative: 1 },
          { fieldname: 'day', fieldtype: 'Date', label: 'Day' },
          { fieldname: 'status', fieldtype: 'Select', label: 'Status', options: 'Open\nClosed' },
          { fieldname: 'urgent', fieldtype: 'Check', label: 'Urgent' },
          { fieldname: 'items', fieldtype: 'Table', label: 'Items', options: 'Import Item' },
          { fieldname: 'secret', fieldtype: 'Data', label: 'Secret', permlevel: 3 },
          { fieldname: 'amended_from', fieldtype: 'Link', label: 'Amended From', options: 'Import Order', read_only: 1, no_copy: 1 },
        ],
        permissions: [{ role: 'Desk User', ...rights }],
      })
      await doctype('No Import', {
        fields: [{ fieldname: 'a', fieldtype: 'Data', label: 'A' }],
        permissions: [{ role: 'Desk User', read: 1, create: 1, import: 1 }],
      })
      await world.user(ida, ['Desk User'])
      await world.user('eve@example.com', ['Desk User'])
    })
    after(() => world?.close())

    const query = <R>(fragment: ReturnType<typeof sql>) => world.site.database.query<R>(world.site.database.dialect.compile(fragment))
    const orders = (like: string) =>
      world.asSystem(async (ctx) => {
        const rows = await findRows(ctx, await ctx.site.meta.get('Import Order'), where('title', 'like', like), {
          orderBy: [['title', 'asc']],
        })
        return rows.map(({ name, title, amount, docstatus }) => ({ name, title, amount: String(amount), docstatus }))
      })
    const attach = async (user: string, content: string | Uint8Array, name = 'data.csv'): Promise<string> => {
      const path = join(await mkdtemp(join(tmpdir(), 'orc-import-')), name)
      await writeFile(path, content)
      const bytes = Buffer.from(content)
      const received = new ReceivedFile(path, name, bytes.length, `${++files}`.padStart(64, '0'))
      const file = await world.as(user, (ctx) => storeFile(ctx, received, { isPrivate: true }))
      return String(file.file_url)
    }
    const prepare = async (content: string | Uint8Array, values: Record<string, unknown> = {}, user = ida): Promise<string> => {
      const import_file = await attach(user, content)
      const given = { reference_doctype: 'Import Order', import_type: 'Insert New Records', import_file, ...values }
      return String((await world.as(user, (ctx) => insert(ctx, 'Data Import', given))).name)
    }
    const call = <T = Record<string, unknown>>(method: string, input: Record<string, unknown>, user = ida) =>
      world.as(user, async (ctx) => (await callMethod(ctx, findMethod(ctx, `${api}.${method}`), input, 'POST')) as T)
    const tell = (name: string, verb: string) => world.as(ida, (ctx) => callDocumentMethod(ctx, 'Data Import', name, verb, {}, 'POST'))
    const work = () => new Worker({ sites: async () => [world.site], pollMs: 50 }).drain()
    const run = async (name: string) => {
      await call('form_start_import', { data_import: name })
      await work()
      return call('get_import_status', { data_import_name: name })
    }
    const logs = (name: string) => call<Record<string, string | number>[]>('get_import_logs', { data_import: name })
    const problems = async (name: string) =>
      (await logs(name)).flatMap((line) => JSON.parse(String(line.messages)) as Record<string, unknown>[])
    const fileRows = async (answer: FileAnswer) => {
      const parts: Buffer[] = []
      for await (const part of answer.content as Readable) parts.push(part as Buffer)
      const rows: (readonly string[])[] = []
      for await (const row of readTable(bytesInMemory(Buffer.concat(parts)))) rows.push(row.cells)
      return rows
    }

    test('rows become documents, lines of a table belong to the row above them', async () => {
      const name = await prepare(
        'Title;Amount;Day;Urgent;Part (Items);Quantity (Items)\nA1;1.234,50;28.02.2026;yes;bolt;2\n;;;;nut;3,5\nA2;7;1.3.2026;no;;\n',
      )
      assert.deepEqual(await run(name), { success: 2, failed: 0, status: 'Success', is_running: false, total_records: 3 })
      const [first, second] = await orders('A%')
      const stored = await world.as(ida, (ctx) => getDocument(ctx, 'Import Order', first?.name ?? ''))
      assert.deepEqual([String(stored.amount), stored.day, stored.urgent, stored.owner], ['1234.5', '2026-02-28', 1, ida])
      assert.deepEqual(
        (stored.items as { part: string; qty: number }[]).map(({ part, qty }) => [part, qty]),
        [
          ['bolt', 2],
          ['nut', 3.5],
        ],
      )
      assert.deepEqual([second?.title, second?.amount], ['A2', '7'])
      assert.deepEqual(
        (await logs(name)).map((line) => line.row_indexes),
        ['[2,3]', '[4]'],
      )
    })

    test('a refused row hinders no other, is told with its column, and can be downloaded and imported again', async () => {
      const name = await prepare(
        'Title,Amount,Status,Part (Items)\nB1,5,Open,\nB2,minus,Open,\n,3,Open,\nB3,-1,Open,\nB4,1,Lost,\nB1,1,Open,\nB5,2,closed,=x\n',
      )
      assert.deepEqual(await run(name), { success: 2, failed: 5, status: 'Partial Success', is_running: false, total_records: 7 })
      assert.deepEqual(
        (await orders('B%')).map(({ title }) => title),
        ['B1', 'B5'],
      )
      assert.deepEqual(
        (await problems(name)).map(({ row, column, code }) => [row, column, code]),
        [
          [3, 'Amount', 'imports/cell-unreadable'],
          [4, 'Title', 'document/mandatory-missing'],
          [5, 'Amount', 'field/negative-value'],
          [6, 'Status', 'field/not-an-option'],
          [7, 'Title', 'document/value-taken'],
        ],
      )
      const [heading, ...rows] = await fileRows(await call<FileAnswer>('download_errored_template', { data_import_name: name }))
      assert.deepEqual(heading, ['Title', 'Amount', 'Status', 'Part (Items)', 'Error'])
      assert.deepEqual(
        rows.map((row) => row.slice(0, 3)),
        [
          ['B2', 'minus', 'Open'],
          ['', '3', 'Open'],
          ['B3', '-1', 'Open'],
          ['B4', '1', 'Lost'],
          ['B1', '1', 'Open'],
        ],
      )
      assert.match(rows[0]?.[4] ?? '', /^Amount: "minus" is not a number/)
      const log = await fileRows(await call<FileAnswer>('download_import_log', { data_import_name: name }))
      assert.equal(log.length, 8)
    })

    test('started again, an import stores what was refused and nothing twice', async () => {
      const name = await prepare('Title,Status\nC1,Open\nC2,New\n')
      assert.equal((await run(name)).status, 'Partial Success')
      await world.asSystem(async (ctx) => {
        const order = await openForWrite(ctx, 'DocType', 'Import Order')
        const fields = (order.fields as Record<string, unknown>[]).map((field) =>
          field.fieldname === 'status' ? { ...field, options: 'Open\nClosed\nNew' } : field,
        )
        await save(ctx, order, { fields })
      })
      assert.deepEqual(await run(name), { success: 2, failed: 0, status: 'Success', is_running: false, total_records: 2 })
      assert.deepEqual(
        (await orders('C%')).map(({ title }) => title),
        ['C1', 'C2'],
      )
    })

    test('a trial tells what would be refused and changes nothing', async () => {
      const before = await query<{ n: number }>(
        sql`select count(*) as n from ${sql.id('tabAudit Entry')} where ref_doctype = ${'Import Order'}`,
      )
      const name = await prepare('Title,Amount\nD1,1\nD1,2\nD2,x\n')
      await tell(name, 'try_out')
      await work()
      assert.deepEqual(await orders('D%'), [])
      assert.deepEqual(
        (await problems(name)).map(({ row, code }) => [row, code]),
        [
          [3, 'document/value-taken'],
          [4, 'imports/cell-unreadable'],
        ],
      )
      assert.deepEqual(
        await query(sql`select count(*) as n from ${sql.id('tabAudit Entry')} where ref_doctype = ${'Import Order'}`),
        before,
      )
      assert.deepEqual(await run(name), { success: 1, failed: 2, status: 'Partial Success', is_running: false, total_records: 3 })
    })

    test('what is exported can be changed and imported back: by ID, and by a unique field', async () => {
      await run(await prepare('Title,Amount,Part (Items),Quantity (Items)\nE1,1,a,1\n,,b,2\nE2,2,,\n'))
      const answer = await call<FileAnswer>('download_template', {
        doctype: 'Import Order',
        export_records: 'by_filter',
        export_filters: [['title', 'like', 'E%']],
        export_fields: { 'Import Order': ['title', 'amount'], items: ['part', 'qty'] },
        file_type: 'Excel',
      })
      const rows = await fileRows(answer)
      assert.deepEqual(rows[0], ['ID', 'Title', 'Amount', 'ID (Items)', 'Part (Items)', 'Quantity (Items)'])
      const idOf = (part: string) => rows.find((row) => row[4] === part)?.[3]
      const changed = rows.map((row) => row.map((cell) => (cell === 'b' ? '=b+1' : cell === 'E2' ? 'E2 new' : cell)))
      const columns = (changed[0] as string[]).map((label) => ({ label }))
      const parts: Uint8Array[] = []
      for await (const part of writeXlsx(columns, changed.slice(1))) parts.push(part)
      const update = await prepare(Buffer.concat(parts), { import_type: 'Update Existing Records' })
      assert.deepEqual(await run(update), { success: 2, failed: 0, status: 'Success', is_running: false, total_records: 3 })
      const [first, second] = await orders('E%')
      const stored = await world.as(ida, (ctx) => getDocument(ctx, 'Import Order', first?.name ?? ''))
      assert.deepEqual(
        (stored.items as { name: string; part: string }[]).map(({ name, part }) => [name, part]),
        [
          [idOf('a'), 'a'],
          [idOf('b'), '=b+1'],
        ],
      )
      assert.equal(second?.title, 'E2 new')

      const upsert = await prepare('Title,Amount\nE1,11\nE9,9\n', { import_type: 'Insert or Update Records', match_by: 'title' })
      assert.equal((await run(upsert)).status, 'Success')
      assert.deepEqual(
        (await orders('E%')).map(({ title, amount }) => [title, amount]),
        [
          ['E1', '11'],
          ['E2 new', '2'],
          ['E9', '9'],
        ],
      )
      const again = await world.as(ida, (ctx) => getDocument(ctx, 'Import Order', first?.name ?? ''))
      assert.equal((again.items as unknown[]).length, 2, 'a table that the file does not have is left alone')
    })

    test('new documents are submitted where this is wanted', async () => {
      await run(await prepare('Title\nF1\n', { submit_after_import: 1 }))
      assert.equal((await orders('F1'))[0]?.docstatus, 1)
    })

    test('the preview names fields, doubts and what cannot be read, and a person may map columns', async () => {
      const content = 'title,Nonsense,Amount,Day,amount\nG1,x,5,not a day,6\n'
      const name = await prepare(content)
      interface Preview {
        columns: { map_to_field: string | null }[]
        warnings: { message: string; col?: number }[]
        total_number_of_rows: number
        data: unknown[][]
      }
      const preview = await call<Preview>('get_preview_from_template', { data_import: name })
      assert.deepEqual(
        preview.columns.map(({ map_to_field }) => map_to_field),
        ['title', null, 'amount', 'day', null],
      )
      assert.equal(preview.total_number_of_rows, 1)
      assert.deepEqual(preview.data[0], [2, 'G1', 'x', '5', 'not a day', '6'])
      assert.deepEqual(
        preview.warnings.map(({ col }) => col),
        [2, 5, 4, 4],
      )
      const mapped = await prepare(content, {
        template_options: JSON.stringify({ column_to_field_map: { 2: "Don't Import", 3: "Don't Import", 4: 'amount' } }),
      })
      assert.equal((await run(mapped)).status, 'Success')
      assert.equal((await orders('G1'))[0]?.amount, '6')
      await assert.rejects(prepare(content, { template_options: '[1]' }), ImportRefused.is)
    })

    test('an import has the rights of whoever started it, and reads only files that they may read', async () => {
      const closed = await prepare('Title,Secret\nH1,hidden\n')
      assert.match(
        (await call<{ warnings: { message: string }[] }>('get_preview_from_template', { data_import: closed })).warnings[0]?.message ?? '',
        /"Secret"/,
      )
      await run(closed)
      const [row] = await query<{ secret: string | null }>(sql`select secret from ${sql.id('tabImport Order')} where title = ${'H1'}`)
      assert.equal(row?.secret ?? null, null)
      await assert.rejects(prepare('a\n1\n', { reference_doctype: 'No Import' }), PermissionDenied.is)
      await assert.rejects(
        world.make('Data Import', { reference_doctype: 'No Import', import_type: 'Insert New Records' }),
        ImportNotAllowed.is,
      )
      await assert.rejects(prepare('a\n1\n', { reference_doctype: 'User' }), PermissionDenied.is)
      const theirs = await attach('eve@example.com', 'Title\nstolen\n')
      const peek = await prepare('Title\nH2\n', { import_file: theirs })
      assert.equal((await run(peek)).status, 'Error')
      assert.deepEqual(await orders('stolen'), [])
      await assert.rejects(call('get_import_status', { data_import_name: peek }, 'eve@example.com'))
    })

    test('a file that cannot be read ends the import with the reason', async () => {
      for (const [content, code] of [
        ['', 'imports/refused'],
        ['Title\n"x\n', 'tabular/unreadable'],
        ['Nothing\nx\n', 'imports/refused'],
      ] as const) {
        const name = await prepare(content === '' ? '\n' : content)
        assert.equal((await run(name)).status, 'Error')
        const document = await world.as(ida, (ctx) => getDocument(ctx, 'Data Import', name))
        assert.equal(JSON.parse(String(document.template_warnings))[0].code, code)
      }
    })

    test('an import can be cancelled before it ran, and goes on when started again; another file starts afresh', async () => {
      const name = await prepare('Title\nI1\n')
      await call('form_start_import', { data_import: name })
      await assert.rejects(call('form_start_import', { data_import: name }), ImportRefused.is)
      await tell(name, 'cancel_import')
      await work()
      assert.deepEqual(await orders('I1'), [])
      assert.equal((await run(name)).status, 'Success')
      const import_file = await attach(ida, 'Title\nI2\n')
      await world.as(ida, async (ctx) => save(ctx, await openForWrite(ctx, 'Data Import', name), { import_file }))
      assert.deepEqual(await logs(name), [])
      assert.equal((await run(name)).status, 'Success')
      assert.equal((await orders('I%')).length, 2)
    })

    test('mails about what a muted unit of work does stay in the outbox', async () => {
      const mail = { recipients: [{ recipient: 'kim@example.com', status: 'Not Sent' }], subject: 'x', message: 'x', status: 'Not Sent' }
      const statusOf = async (mute: boolean) =>
        world.asSystem(async (ctx) => {
          if (mute) muteMails(ctx)
          const { status, recipients } = await insert(ctx.asSystem('a mail by somebody else'), 'Email Queue', mail)
          return [status, (recipients as { status: string }[])[0]?.status]
        })
      assert.deepEqual(await statusOf(true), ['Kept', 'Kept'])
      assert.deepEqual(await statusOf(false), ['Not Sent', 'Not Sent'])
    })

    test('an empty template has the columns that an import reads', async () => {
      const [heading] = await fileRows(await call<FileAnswer>('download_template', { doctype: 'Import Order' }))
      assert.deepEqual(heading, ['Title', 'Amount', 'Day', 'Status', 'Urgent', 'Part (Items)', 'Quantity (Items)'])
      await assert.rejects(call('download_template', { doctype: 'User', export_records: 'all' }), PermissionDenied.is)
    })
  })
