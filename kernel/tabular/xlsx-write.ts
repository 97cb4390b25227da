import { NotForWorkbooks } from './errors.ts'
import { serialOfDatetime, serialOfDay, serialOfTime } from './sheet-dates.ts'
import { type CellKind, type Column, cellText, type OutputRow } from './table.ts'
import { ZipWriter } from './zip-write.ts'

/** Bounds of the format. */
const mostRows = 1_048_576
const longestCell = 32_767
const chunkLength = 65_536

const declaration = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main'
const packages = 'http://schemas.openxmlformats.org/package/2006'
const documents = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'

/** Cell formats by their number in styles.xml. */
const style = { plain: 0, heading: 1, date: 2, datetime: 3, time: 4, quoted: 5 } as const

/**
 * A table as an Excel workbook of one sheet, piece by piece, whatever its length. Amounts and numbers are written with all their digits; those with more
 * than the 15 that spreadsheets keep become text. Texts are never formulas.
 * @param name of the sheet
 * @throws NotForWorkbooks past 1,048,576 rows, and for a text of more than 32,767 characters
 */
export async function* writeXlsx(
  columns: readonly Column[],
  rows: Iterable<OutputRow> | AsyncIterable<OutputRow>,
  { sheet = 'Sheet1' }: { sheet?: string } = {},
): AsyncGenerator<Uint8Array> {
  const zip = new ZipWriter()
  for (const [name, text] of Object.entries(frame(sheetName(sheet)))) yield* zip.entry(name, [text])
  yield* zip.entry('xl/worksheets/sheet1.xml', sheetXml(columns, rows))
  yield* zip.end()
}

async function* sheetXml(columns: readonly Column[], rows: Iterable<OutputRow> | AsyncIterable<OutputRow>): AsyncGenerator<string> {
  const letters = columns.map((_, index) => columnLetters(index))
  let number = 1
  let text = `${declaration}<worksheet xmlns="${main}"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>`
  text += `<row r="1">${columns.map(({ label }, index) => textCell(`${letters[index]}1`, label, style.heading, 1)).join('')}</row>`
  for await (const row of rows) {
    number++
    if (number > mostRows) throw new NotForWorkbooks({ row: number, reason: `a sheet has ${mostRows} rows at most.` })
    text += `<row r="${number}">`
    for (let index = 0; index < columns.length; index++)
      text += cell(`${letters[index]}${number}`, row[index], columns[index]?.kind, number)
    text += '</row>'
    if (text.length >= chunkLength) {
      yield text
      text = ''
    }
  }
  yield `${text}</sheetData></worksheet>`
}

const plainNumber = /^-?\d+(\.\d+)?$/
const plainDay = /^\d{4}-\d{2}-\d{2}$/
const plainDatetime = /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(\.\d{1,6})?$/
const plainTime = /^\d{1,2}:\d{2}:\d{2}(\.\d{1,6})?$/

function cell(at: string, value: unknown, kind: CellKind | undefined, row: number): string {
  if (value === null || value === undefined || value === '') return ''
  const text = cellText(value)
  const isNumber =
    kind === 'number' || typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean' || typeof value === 'object'
  if (isNumber && plainNumber.test(text) && digits(text) <= 15) return `<c r="${at}"><v>${text}</v></c>`
  const serial =
    kind === 'date' && plainDay.test(text)
      ? serialOfDay(text)
      : kind === 'datetime' && plainDatetime.test(text)
        ? serialOfDatetime(text)
        : kind === 'time' && plainTime.test(text)
          ? serialOfTime(text)
          : undefined
  if (serial !== undefined) return `<c r="${at}" s="${style[kind as 'date' | 'datetime' | 'time']}"><v>${serial}</v></c>`
  return textCell(at, text, /^[=+\-@'\t\r\n]/.test(text) ? style.quoted : style.plain, row)
}

function digits(number: string): number {
  return number.replace(/^-?0*\.?0*/, '').replace('.', '').length
}

function textCell(at: string, text: string, format: number, row: number): string {
  if (text.length > longestCell) throw new NotForWorkbooks({ row, reason: `the text in ${at} has more than ${longestCell} characters.` })
  return `<c r="${at}"${format ? ` s="${format}"` : ''} t="inlineStr"><is><t xml:space="preserve">${escaped(text)}</t></is></c>`
}

/** XML has no way to write most control characters; sheets write them, and what looks like that writing, as `_xHHHH_`. */
function escaped(text: string): string {
  return text
    .toWellFormed()
    .replace(/_(?=x[0-9A-Fa-f]{4}_)/g, '_x005F_')
    .replace(/(?![\t\n])[\p{Cc}\ufffe\uffff]/gu, (char) => `_x${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}_`)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

/** `A` for 0, `Z` for 25, `AA` for 26. */
function columnLetters(index: number): string {
  const last = String.fromCharCode(65 + (index % 26))
  return index < 26 ? last : columnLetters(Math.floor(index / 26) - 1) + last
}

function sheetName(text: string): string {
  return (
    text
      .replace(/[\\/?*[\]:\p{Cc}]/gu, ' ')
      .replace(/^'+|'+$/g, '')
      .trim()
      .slice(0, 31) || 'Sheet1'
  )
}

/** Everything of the workbook but its sheet. */
function frame(sheet: string): Record<string, string> {
  const kind = 'application/vnd.openxmlformats-officedocument.spreadsheetml'
  return {
    '[Content_Types].xml': `${declaration}<Types xmlns="${packages}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="${kind}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="${kind}.worksheet+xml"/><Override PartName="/xl/styles.xml" ContentType="${kind}.styles+xml"/></Types>`,
    '_rels/.rels': `${declaration}<Relationships xmlns="${packages}/relationships"><Relationship Id="rId1" Type="${documents}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
    'xl/_rels/workbook.xml.rels': `${declaration}<Relationships xmlns="${packages}/relationships"><Relationship Id="rId1" Type="${documents}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="${documents}/styles" Target="styles.xml"/></Relationships>`,
    'xl/workbook.xml': `${declaration}<workbook xmlns="${main}" xmlns:r="${documents}"><sheets><sheet name="${escaped(sheet)}" sheetId="1" r:id="rId1"/></sheets></workbook>`,
    'xl/styles.xml': `${declaration}<styleSheet xmlns="${main}"><numFmts count="3"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/><numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/><numFmt numFmtId="166" formatCode="hh:mm:ss"/></numFmts><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="6"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/><xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>${[164, 165, 166].map((id) => `<xf numFmtId="${id}" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>`).join('')}<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" quotePrefix="1"/></cellXfs></styleSheet>`,
  }
}
