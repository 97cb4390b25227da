import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { deflateRawSync } from 'node:zlib'
import Papa from 'papaparse'
import readSheet from 'read-excel-file/node'
import writeSheet from 'write-excel-file/node'
import { Decimal } from '#client/rules/decimal.ts'
import { bytesInMemory } from './byte-source.ts'
import { readCsv } from './csv-read.ts'
import { writeCsv } from './csv-write.ts'
import { NotForWorkbooks, TableTooLarge, TableUnreadable } from './errors.ts'
import { readTable } from './read-table.ts'
import type { Column, OutputRow, TableRow } from './table.ts'
import { readXlsx } from './xlsx-read.ts'
import { writeXlsx } from './xlsx-write.ts'
import { ZipWriter } from './zip-write.ts'

const gathered = async <T>(source: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = []
  for await (const one of source) all.push(one)
  return all
}
const csvOf = async (columns: readonly Column[], rows: readonly OutputRow[], options = {}) =>
  (await gathered(writeCsv(columns, rows, options))).join('')
const xlsxOf = async (columns: readonly Column[], rows: readonly OutputRow[]) => Buffer.concat(await gathered(writeXlsx(columns, rows)))
const cellsOf = (rows: readonly TableRow[]) => rows.map((row) => row.cells)
const readText = async (text: string, options = {}) => cellsOf(await gathered(readCsv([Buffer.from(text)], options)))
const readBook = async (bytes: Uint8Array, options = {}) => cellsOf(await gathered(readXlsx(bytesInMemory(bytes), options)))

const columns: readonly Column[] = [
  { label: 'Text' },
  { label: 'Amount', kind: 'number' },
  { label: 'Day', kind: 'date' },
  { label: 'Moment', kind: 'datetime' },
  { label: 'Time', kind: 'time' },
]
const rows: readonly OutputRow[] = [
  ['plain', Decimal.from('1234567.89'), '2026-02-28', '2026-11-20 23:59:59.999999', '09:05:00'],
  ['with "quotes", commas\r\nand lines', Decimal.from('-0.1'), '1900-03-01', '1999-12-31 00:00:00.000001', '00:00:00'],
  ['=1+1', Decimal.from('0.000000001'), '9999-12-31', '2024-02-29 10:30:15', '23:59:59.999999'],
  ["'=already guarded", null, null, null, null],
  ['ünïcödé 漢字 🚀 _x0041_ \u0007', Decimal.from('999999999999.999'), '2000-01-01', '2000-01-01 00:00:00', '12:00:00.108000'],
]
const texts = rows.map((row) => row.map((value) => (value === null ? '' : String(value))))

suite('CSV', () => {
  test('what is written is read back exactly, formulas and all', async () => {
    const [heading, ...read] = await readText(await csvOf(columns, rows))
    assert.deepEqual(heading, ['Text', 'Amount', 'Day', 'Moment', 'Time'])
    assert.deepEqual(read, texts)
  })

  test('texts that begin like a formula get an apostrophe, numbers do not', async () => {
    const given = ['=cmd()', '+1', '-2', '@x', '\tx', '\rx', '＝1']
    const text = await csvOf(
      [{ label: 'a' }, { label: 'n' }],
      given.map((value) => [value, -5]),
      { mark: false },
    )
    const parsed = Papa.parse<string[]>(text, { skipEmptyLines: true }).data.slice(1)
    assert.deepEqual(
      parsed,
      given.map((value) => [`'${value}`, '-5']),
    )
    const [withKind] = (await readText(await csvOf([{ label: 'n', kind: 'number' }], [['=1']], { mark: false }))).slice(1)
    assert.deepEqual(withKind, ['=1'], 'a text in a column of numbers is guarded and comes back')
  })

  test('another reader of CSV sees the same cells', async () => {
    const safe = rows.filter(([text]) => !/^'*=/.test(String(text)))
    const parsed = Papa.parse<string[]>(await csvOf(columns, safe, { mark: false }), { skipEmptyLines: true }).data
    assert.deepEqual(
      parsed.slice(1),
      safe.map((row) => row.map((value) => (value === null ? '' : String(value)))),
    )
  })

  test('separators are found out, also where texts hold others', async () => {
    for (const delimiter of [',', ';', '\t', '|'])
      assert.deepEqual(await readText(`a${delimiter}b${delimiter}c\n"1,5;|\t"${delimiter}2${delimiter}3\n`), [
        ['a', 'b', 'c'],
        ['1,5;|\t', '2', '3'],
      ])
    assert.deepEqual(await readText('name;amount\nx;1,50\ny;2,75\n'), [
      ['name', 'amount'],
      ['x', '1,50'],
      ['y', '2,75'],
    ])
    assert.deepEqual(await readText('sep=|\r\na,b|c\r\n'), [['a,b', 'c']])
    assert.deepEqual(await readText('one column\nonly\n'), [['one column'], ['only']])
  })

  test('any line end, a missing last one, blank lines and doubled quotes', async () => {
    assert.deepEqual(await readText('\ufeffa,b\r\n1,"x ""y"" z"\r\r\n\n3,4'), [
      ['a', 'b'],
      ['1', 'x "y" z'],
      ['3', '4'],
    ])
    const found = await gathered(readCsv([Buffer.from('a\n"two\nlines"\n\nlast\n')]))
    assert.deepEqual(
      found.map((row) => row.row),
      [1, 2, 5],
    )
  })

  test('cells come out alike wherever the file is cut', async () => {
    const bytes = Buffer.from('\ufeffä,"b ""c""\r\nd"\r\n\'=x,"y"\r\n')
    const whole = cellsOf(await gathered(readCsv([bytes])))
    const single = cellsOf(await gathered(readCsv(Array.from(bytes, (byte) => Uint8Array.of(byte)))))
    assert.deepEqual(single, whole)
    assert.deepEqual(whole, [
      ['ä', 'b "c"\r\nd'],
      ['=x', 'y'],
    ])
  })

  test('UTF-16 as Excel saves it is read, other bytes are refused', async () => {
    const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('a\tb\r\nä\t2\r\n', 'utf16le')])
    assert.deepEqual(cellsOf(await gathered(readCsv([utf16]))), [
      ['a', 'b'],
      ['ä', '2'],
    ])
    await assert.rejects(gathered(readCsv([Buffer.from([0x61, 0x2c, 0xe4, 0x0a])])), TableUnreadable.is)
  })

  test('broken and oversized files are refused with their line', async () => {
    const refusal = async (text: string, options = {}) => {
      const error = await readText(text, options).then(
        () => assert.fail('it was read'),
        (given) => given,
      )
      return [error.code, error.data.row]
    }
    assert.deepEqual(await refusal('a,b\n1,"never closed\nand on\n'), ['tabular/unreadable', 2])
    assert.deepEqual(await refusal('a,b\n1,"x"y\n'), ['tabular/unreadable', 2])
    assert.deepEqual(await refusal(`a\n${'x'.repeat(101)}\n`, { cell: 100 }), ['tabular/too-large', 2])
    assert.deepEqual(await refusal(`a\n${','.repeat(10)}\n`, { columns: 10 }), ['tabular/too-large', 2])
  })
})

suite('workbooks', () => {
  test('what is written is read back exactly: text, exact amounts, days and microseconds', async () => {
    const [heading, ...read] = await readBook(await xlsxOf(columns, rows))
    assert.deepEqual(heading, ['Text', 'Amount', 'Day', 'Moment', 'Time'])
    const trimmed = (row: readonly string[]) => row.slice(0, row.findLastIndex((cell) => cell !== '') + 1)
    assert.deepEqual(read, texts.map(trimmed))
  })

  test('another reader sees numbers as numbers, days as days and formulas as text', async () => {
    const sheets = await readSheet(await xlsxOf(columns, [['=1+1', Decimal.from('12.5'), '2026-02-28', '2026-11-20 10:30:00', '06:00:00']]))
    const table = (Array.isArray(sheets[0]) ? sheets : (sheets[0] as unknown as { data: unknown[][] }).data) as unknown[][]
    assert.equal(table[1]?.[0], '=1+1')
    assert.equal(table[1]?.[1], 12.5)
    assert.equal((table[1]?.[2] as Date | undefined)?.toISOString().slice(0, 10), '2026-02-28')
    assert.equal((table[1]?.[3] as Date | undefined)?.toISOString().slice(0, 19), '2026-11-20T10:30:00')
  })

  test('what another program wrote is read', async () => {
    const header = ['Name', 'Amount', 'Day'].map((value) => ({ value, type: String }))
    const data = [
      header,
      [
        { value: 'A & <B>', type: String },
        { value: 1.1, type: Number },
        { value: new Date('2026-02-28T00:00:00Z'), type: Date, format: 'dd/mm/yyyy' },
      ],
      [{ value: 'true?', type: String }, { value: true, type: Boolean }, null],
    ]
    const bytes = await writeSheet(data as never).toBuffer()
    assert.deepEqual(await readBook(bytes), [
      ['Name', 'Amount', 'Day'],
      ['A & <B>', '1.1', '2026-02-28'],
      ['true?', '1'],
    ])
  })

  const bookOf = async (parts: Record<string, string>) => {
    const zip = new ZipWriter()
    const found: Uint8Array[] = []
    for (const [name, text] of Object.entries(parts)) found.push(...(await gathered(zip.entry(name, [text]))))
    return Buffer.concat([...found, ...zip.end()])
  }
  const plainBook = (sheet: string, more: Record<string, string> = {}) =>
    bookOf({
      'xl/workbook.xml': '<workbook><sheets><sheet name="One" r:id="a"/><sheet name="Two" r:id="b"/></sheets></workbook>',
      'xl/_rels/workbook.xml.rels':
        '<Relationships><Relationship Id="a" Target="worksheets/one.xml"/><Relationship Id="b" Target="/xl/two.xml"/></Relationships>',
      'xl/worksheets/one.xml': sheet,
      'xl/two.xml': '<worksheet><sheetData><row><c><v>2</v></c></row></sheetData></worksheet>',
      ...more,
    })

  test('prefixes, runs, shared texts, gaps, errors, formulas and what Excel makes of 1.1', async () => {
    const sheet = `<x:worksheet><x:sheetData><x:row r="3"><x:c r="A3" t="s"><x:v>0</x:v></x:c><x:c r="C3"><x:v>1.1000000000000001</x:v></x:c><x:c r="D3" t="str"><x:f>A1</x:f><x:v>made</x:v></x:c></x:row><x:row r="4"/><x:row r="5"><x:c t="e"><x:v>#REF!</x:v></x:c><x:c><x:v>1E-7</x:v></x:c></x:row></x:sheetData></x:worksheet>`
    const shared = '<sst><si><r><t>rich </t></r><r><t>text &#228;</t></r><rPh sb="0"><t>no</t></rPh></si></sst>'
    const bytes = await plainBook(sheet, { 'xl/sharedStrings.xml': shared })
    const found = await gathered(readXlsx(bytesInMemory(bytes)))
    assert.deepEqual(found, [
      { row: 3, cells: ['rich text ä', '', '1.1', 'made'] },
      { row: 5, cells: ['#REF!', '0.0000001'] },
    ])
    assert.deepEqual(await readBook(bytes, { sheet: 'Two' }), [['2']])
    await assert.rejects(readBook(bytes, { sheet: 'Three' }), TableUnreadable.is)
  })

  test('archives that are bombs, protected, cut off or no workbooks are refused', async () => {
    const good = await xlsxOf(columns, rows)
    await assert.rejects(readBook(good.subarray(0, good.length - 30)), TableUnreadable.is)
    await assert.rejects(readBook(Buffer.from('PK\x03\x04 nothing')), TableUnreadable.is)
    await assert.rejects(readBook(await bookOf({ 'a.txt': 'x' })), TableUnreadable.is)
    await assert.rejects(readBook(await plainBook('<!DOCTYPE x [<!ENTITY a "b">]><worksheet><row/></worksheet>')), TableUnreadable.is)
    const hollow = `<worksheet><sheetData>${' '.repeat(60_000_000)}</sheetData></worksheet>`
    assert.ok(deflateRawSync(hollow).length < 100_000, 'it packs to next to nothing')
    await assert.rejects(readBook(await plainBook(hollow)), TableTooLarge.is)
    const endless = `<worksheet><sheetData><row>${'<c>'.repeat(1_500_000)}`
    await assert.rejects(readBook(await plainBook(endless)), TableTooLarge.is)
    await assert.rejects(readBook(await plainBook(`<worksheet><row>${'<c>'.repeat(100_000)}</row></worksheet>`)), TableUnreadable.is)
    const damaged = Buffer.from(good)
    damaged.fill(0x55, Math.floor(good.length / 2) - 200, Math.floor(good.length / 2))
    await assert.rejects(readBook(damaged), TableUnreadable.is)
  })

  test('what a sheet cannot hold is refused, and amounts with more digits than spreadsheets keep become text', async () => {
    await assert.rejects(xlsxOf([{ label: 'a' }], [['x'.repeat(32_768)]]), NotForWorkbooks.is)
    const exact = '123456789012.123456789'
    assert.deepEqual((await readBook(await xlsxOf([{ label: 'a', kind: 'number' }], [[Decimal.from(exact)]])))[1], [exact])
  })

  test('a file is told by its content', async () => {
    const read = async (bytes: Uint8Array) => cellsOf(await gathered(readTable(bytesInMemory(bytes))))
    assert.deepEqual(await read(Buffer.from('a;b\n')), [['a', 'b']])
    assert.deepEqual(await read(await xlsxOf([{ label: 'a' }], [])), [['a']])
    await assert.rejects(read(Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 0, 0, 0, 0])), TableUnreadable.is)
  })
})
