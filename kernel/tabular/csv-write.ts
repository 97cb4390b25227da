import { guarded } from './formula-text.ts'
import { type Column, cellText, type OutputRow } from './table.ts'

/** How a CSV file is written. */
export interface CsvOptions {
  /** `,` `;` `|` or a tab; anything else counts as a comma. */
  readonly delimiter?: string
  /** Between whole and fraction of numbers: `.` (default) or `,`. */
  readonly decimalSeparator?: string
  /** Quotes around every text. Default: only where needed. */
  readonly quoteTexts?: boolean
  /** A byte order mark, by which Excel knows UTF-8; default true. */
  readonly mark?: boolean
}

type Rows = Iterable<OutputRow> | AsyncIterable<OutputRow>

/** Characters gathered before they are handed on. */
const chunkLength = 65_536

/**
 * A table as CSV (RFC 4180) piece by piece, whatever its length. Texts that a spreadsheet would take for a formula get a leading apostrophe;
 * numbers stay numbers.
 */
export async function* writeCsv(columns: readonly Column[], rows: Rows, options: CsvOptions = {}): AsyncGenerator<string> {
  const delimiter = [',', ';', '\t', '|'].includes(options.delimiter ?? '') ? (options.delimiter as string) : ','
  const style: Style = { delimiter, comma: options.decimalSeparator === ',', quoteTexts: options.quoteTexts === true }
  let text = `${options.mark === false ? '' : '\ufeff'}${columns.map((column) => textCell(column.label, style)).join(delimiter)}\r\n`
  for await (const row of rows) {
    for (let index = 0; index < columns.length; index++) {
      if (index > 0) text += delimiter
      text += cell(row[index], columns[index] as Column, style)
    }
    text += '\r\n'
    if (text.length >= chunkLength) {
      yield text
      text = ''
    }
  }
  yield text
}

interface Style {
  readonly delimiter: string
  readonly comma: boolean
  readonly quoteTexts: boolean
}

const plainNumber = /^-?\d+(\.\d+)?$/

function cell(value: unknown, column: Column, style: Style): string {
  if (value === null || value === undefined) return ''
  const isNumber = typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean'
  const text = cellText(value)
  // What is no text by its type is no text by its content either: nothing that begins with a sign but a number, a day or a time.
  if (isNumber || (plainNumber.test(text) && (column.kind === 'number' || typeof value === 'object'))) {
    const number = style.comma ? text.replace('.', ',') : text
    return number.includes(style.delimiter) ? `"${number}"` : number
  }
  return textCell(text, style)
}

function textCell(given: string, { delimiter, quoteTexts }: Style): string {
  const text = guarded(given)
  const needsQuotes = quoteTexts || text.includes(delimiter) || /["\r\n]|^\s|\s$/.test(text)
  return needsQuotes ? `"${text.replaceAll('"', '""')}"` : text
}
