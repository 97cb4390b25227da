import assert from 'node:assert/strict'
import { test } from 'node:test'
import { insert } from '#kernel/documents/save.ts'
import { bytesInMemory } from '#kernel/tabular/byte-source.ts'
import { readTable } from '#kernel/tabular/read-table.ts'
import { testServer } from '#testing/server.ts'

const server = await testServer()

async function exported(query: string, authorization = server.authorization) {
  const path = `/api/method/frappe.desk.reportview.export_query?doctype=ToDo&${query}`
  const response = await fetch(server.url + path, { headers: { authorization } })
  const rows: (readonly string[])[] = []
  const bytes = Buffer.from(await response.arrayBuffer())
  if (response.ok) for await (const { cells } of readTable(bytesInMemory(bytes))) rows.push(cells)
  return { status: response.status, type: response.headers.get('content-type') ?? '', rows, bytes }
}

test('a list of several pages is exported whole, once each, in its order, as CSV and as a workbook', async () => {
  const count = 2300
  await server.asSystem(async (ctx) => {
    for (let number = 0; number < count; number++)
      await insert(ctx, 'ToDo', { description: `=todo ${String(number).padStart(4, '0')}`, date: '2026-02-28' })
  })
  const expected = Array.from({ length: count }, (_, number) => [`=todo ${String(number).padStart(4, '0')}`, '2026-02-28'])
  for (const [format, type] of [
    ['CSV', /^text\/csv/],
    ['Excel', /spreadsheetml/],
  ] as const) {
    const answer = await exported(`fields=["description","date"]&order_by=description asc&file_format_type=${format}`)
    assert.match(answer.type, type)
    assert.deepEqual(answer.rows[0], ['description', 'date'])
    assert.deepEqual(answer.rows.slice(1), expected)
  }
  const distinct = await exported('fields=["distinct description"]&order_by=description asc')
  assert.equal(distinct.rows.length, count + 1)
  const some = await exported('fields=["description"]&page_length=1500&order_by=description asc')
  assert.equal(some.rows.length, 1501)
})

test('the delimiter and the sign before decimals may be chosen, other formats are refused, and nobody exports what they may not read', async () => {
  const answer = await exported('fields=["idx","description"]&page_length=1&csv_delimiter=;')
  assert.match(answer.bytes.toString(), /^\ufeffidx;description\r\n0;'=todo/)
  assert.equal((await exported('file_format_type=PDF')).status, 417)
  await server.user('reader@example.com', [])
  const { status, rows } = await exported('', await server.keyOf('reader@example.com'))
  assert.deepEqual([status, rows], [200, []], 'what others have to do is not for everybody')
})
