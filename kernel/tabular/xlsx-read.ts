import type { ByteSource } from './byte-source.ts'
import { TableTooLarge, TableUnreadable } from './errors.ts'
import { textOfSerial } from './sheet-dates.ts'
import { attribute, elements, unescaped, within } from './sheet-xml.ts'
import { defaultLimits, type ReadLimits, type TableRow } from './table.ts'
import { ZipReader } from './zip-read.ts'

/** Characters of the parts that are read whole. */
const longestPart = 4_000_000
/** Characters of all texts that cells share. */
const longestShared = 200_000_000

interface Book {
  readonly shared: readonly string[]
  /** By number of the cell's format: what kind of time it shows. */
  readonly times: readonly ('date' | 'datetime' | 'time' | undefined)[]
  readonly from1904: boolean
}

/**
 * The rows of a workbook's sheet, one at a time; empty ones are passed over. Cells of a formula give the value that was stored with it.
 * Numbers come as the shortest decimal that the cell holds, days and times as `TableRow` says.
 * @param options.sheet name; default: the first
 * @throws TableUnreadable, TableTooLarge
 */
export async function* readXlsx(source: ByteSource, options: ReadLimits & { sheet?: string } = {}): AsyncGenerator<TableRow> {
  const zip = await ZipReader.open(source)
  const { path, from1904 } = await sheetPath(zip, options.sheet)
  const book: Book = { shared: await sharedTexts(zip), times: await timeFormats(zip), from1904 }
  const limits = { cell: options.cell ?? defaultLimits.cell, columns: options.columns ?? defaultLimits.columns }
  let number = 0
  for await (const row of elements(zip.text(path), 'row')) {
    number = Number(attribute(row.attributes, 'r') ?? number + 1)
    if (row.inner === '') continue
    const cells = readCells(row.inner, number, book, limits)
    if (cells.some((cell) => cell !== '')) yield { row: number, cells }
  }
}

async function sheetPath(zip: ZipReader, wanted: string | undefined): Promise<{ path: string; from1904: boolean }> {
  if (!zip.has('xl/workbook.xml')) throw new TableUnreadable({ field: 'file', row: 0, reason: 'it is no Excel file (.xlsx).' })
  const book = await zip.wholeText('xl/workbook.xml', longestPart)
  const relations = await zip.wholeText('xl/_rels/workbook.xml.rels', longestPart)
  const sheets = [...within(book, 'sheet')].map(({ attributes }) => ({
    name: attribute(attributes, 'name'),
    id: attribute(attributes, 'id'),
  }))
  const sheet = wanted === undefined ? sheets[0] : sheets.find(({ name }) => name === wanted)
  if (!sheet)
    throw new TableUnreadable({ field: 'file', row: 0, reason: wanted ? `it has no sheet "${wanted.slice(0, 100)}".` : 'it has no sheet.' })
  const relation = [...within(relations, 'Relationship')].find(({ attributes }) => attribute(attributes, 'Id') === sheet.id)
  const target = (relation && attribute(relation.attributes, 'Target')) ?? 'worksheets/sheet1.xml'
  const settings = [...within(book, 'workbookPr')][0]?.attributes ?? ''
  return {
    path: target.startsWith('/') ? target.slice(1) : `xl/${target}`,
    from1904: ['1', 'true'].includes(attribute(settings, 'date1904') ?? ''),
  }
}

async function sharedTexts(zip: ZipReader): Promise<string[]> {
  if (!zip.has('xl/sharedStrings.xml')) return []
  const texts: string[] = []
  let length = 0
  for await (const { inner } of elements(zip.text('xl/sharedStrings.xml'), 'si')) {
    const text = richText(inner)
    length += text.length + 8
    if (length > longestShared) throw new TableTooLarge({ field: 'file', row: 0, reason: 'its texts are too long together.' })
    texts.push(text)
  }
  return texts
}

/** The text of a string item: of all its runs, without the reading aids of East Asian scripts. */
function richText(inner: string): string {
  let own = inner
  for (let at = own.indexOf('<rPh'); at >= 0; at = own.indexOf('<rPh')) {
    const end = own.indexOf('</rPh>', at)
    if (end < 0) break
    own = own.slice(0, at) + own.slice(end + 6)
  }
  let text = ''
  for (const part of within(own, 't')) text += unescaped(part.inner)
  return text
}

async function timeFormats(zip: ZipReader): Promise<Book['times']> {
  if (!zip.has('xl/styles.xml')) return []
  const styles = await zip.wholeText('xl/styles.xml', longestPart)
  const codes = new Map<number, string>()
  for (const { attributes } of within(styles, 'numFmt'))
    codes.set(Number(attribute(attributes, 'numFmtId')), attribute(attributes, 'formatCode') ?? '')
  const formats = [...within(styles, 'cellXfs')][0]?.inner ?? ''
  return [...within(formats, 'xf')].map(({ attributes }) => {
    const id = Number(attribute(attributes, 'numFmtId') ?? 0)
    return kindOfFormat(codes.get(id) ?? '', id)
  })
}

/** What a number format shows, by its code or, of those that every program knows, by its number. */
function kindOfFormat(code: string, id: number): Book['times'][number] {
  if (code === '') {
    if ((id >= 14 && id <= 17) || (id >= 27 && id <= 31) || id === 36 || (id >= 50 && id <= 58)) return 'date'
    if (id === 22) return 'datetime'
    return (id >= 18 && id <= 21) || (id >= 45 && id <= 47) ? 'time' : undefined
  }
  // Texts, colours and conditions in a format say nothing; [h] is a time.
  const bare = code.replace(/"[^"]*"|\\.|_.|\*./g, '').replace(/\[(?!h+\]|m+\]|s+\])[^\]]*\]/gi, '')
  const hasDay = /[yd]/i.test(bare)
  const hasTime = /[hs]/i.test(bare)
  if (hasDay) return hasTime ? 'datetime' : 'date'
  if (hasTime) return 'time'
  return /m/i.test(bare) && !/[0#?@]|general/i.test(bare) ? 'date' : undefined
}

function readCells(inner: string, row: number, book: Book, limits: Required<ReadLimits>): string[] {
  const cells: string[] = []
  let column = -1
  for (const cell of within(inner, 'c')) {
    const place = /(?:^|\s)r="([A-Z]{1,3})\d+"/.exec(cell.attributes)?.[1]
    column = place ? columnIndex(place) : column + 1
    if (cell.inner === '') continue
    const text = cellValue(cell.attributes, cell.inner, book)
    if (text === '') continue
    if (column >= limits.columns) throw new TableTooLarge({ field: 'file', row, reason: `it has more than ${limits.columns} columns.` })
    if (text.length > limits.cell)
      throw new TableTooLarge({ field: 'file', row, reason: `a cell has more than ${limits.cell} characters.` })
    while (cells.length < column) cells.push('')
    cells[column] = text
  }
  return cells
}

function cellValue(attributes: string, inner: string, book: Book): string {
  const type = attribute(attributes, 't') ?? 'n'
  if (type === 'inlineStr') return richText(inner)
  const raw = [...within(inner, 'v')][0]?.inner ?? ''
  if (raw === '') return ''
  if (type === 's') return book.shared[Number(raw)] ?? ''
  if (type !== 'n') return unescaped(raw)
  const kind = book.times[Number(attribute(attributes, 's') ?? 0)]
  return (kind && textOfSerial(raw, kind, book.from1904)) ?? numberText(raw)
}

/** Excel writes 1.1 as 1.1000000000000001; the shortest decimal of the same double is what was typed. */
function numberText(raw: string): string {
  if (/^-?\d{1,15}$/.test(raw) || (/^-?\d+\.\d+$/.test(raw) && raw.length <= 16)) return raw
  const number = Number(raw)
  if (!Number.isFinite(number)) return raw
  const text = String(number)
  return text.includes('e')
    ? number.toLocaleString('en', { useGrouping: false, maximumFractionDigits: 20, maximumSignificantDigits: 17 })
    : text
}

function columnIndex(letters: string): number {
  let index = 0
  for (let at = 0; at < letters.length; at++) index = index * 26 + letters.charCodeAt(at) - 64
  return index - 1
}
