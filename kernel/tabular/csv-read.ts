import { TableTooLarge, TableUnreadable } from './errors.ts'
import { withoutGuard } from './formula-text.ts'
import { defaultLimits, type ReadLimits, type TableRow } from './table.ts'

/** How a CSV file is read. */
export interface CsvReadOptions extends ReadLimits {
  /** Default: found out from the first lines, or from a first line `sep=;`. */
  readonly delimiter?: string
}

/**
 * The rows of a CSV file, one at a time: UTF-8 or UTF-16 with or without a byte order mark, any line ends, quotes doubled inside quotes.
 * Lines with nothing on them are passed over; a leading apostrophe before what looks like a formula is taken away, as it was put there.
 * @throws TableUnreadable, TableTooLarge, each with the line
 */
export async function* readCsv(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: CsvReadOptions = {},
): AsyncGenerator<TableRow> {
  const texts = decoded(source)
  const first = await beginning(texts)
  const stated = /^sep=(.)\r?\n/.exec(first)
  const scanner = new Scanner(options.delimiter ?? stated?.[1] ?? delimiterOf(first), options)
  if (stated) scanner.line = 2
  yield* scanner.take(stated ? first.slice(stated[0].length) : first)
  for await (const text of texts) yield* scanner.take(text)
  yield* scanner.end()
}

/** Characters from which the separator is found out. */
const sample = 65_536

async function beginning(texts: AsyncIterator<string>): Promise<string> {
  let text = ''
  while (text.length < sample) {
    const next = await texts.next()
    if (next.done) break
    text += next.value
  }
  return text
}

async function* decoded(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<string> {
  let decoder: TextDecoder | undefined
  try {
    for await (const chunk of source) {
      decoder ??= new TextDecoder(encodingOf(chunk), { fatal: true })
      const text = decoder.decode(chunk, { stream: true })
      if (text !== '') yield text
    }
    const rest = decoder?.decode() ?? ''
    if (rest !== '') yield rest
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause
    throw new TableUnreadable(
      { field: 'file', row: 0, reason: 'it is not UTF-8 text. Save it as "CSV UTF-8" or as an Excel file.' },
      { cause },
    )
  }
}

function encodingOf(chunk: Uint8Array): string {
  if (chunk[0] === 0xff && chunk[1] === 0xfe) return 'utf-16le'
  return chunk[0] === 0xfe && chunk[1] === 0xff ? 'utf-16be' : 'utf-8'
}

/** The separator that stands most often, and equally often, in the first records. */
function delimiterOf(text: string): string {
  const records = firstRecords(text, 10)
  let best = ','
  let bestScore = 0
  for (const delimiter of [',', ';', '\t', '|']) {
    const counts = records.map((record) => record.split(delimiter).length - 1)
    const least = Math.min(...counts)
    const score = (counts[0] ?? 0) + (least > 0 ? least * 100 : 0)
    if (score > bestScore) [best, bestScore] = [delimiter, score]
  }
  return best
}

/** The first records without what stands in quotes. */
function firstRecords(text: string, most: number): string[] {
  const bare = text.replace(/"[^"]*"/g, '')
  const lines = bare.split(/\r\n|\r|\n/, most + 1).filter((line) => line.trim() !== '')
  return lines.length > 1 ? lines.slice(0, most) : lines
}

const quote = 34
const lineFeed = 10
const carriageReturn = 13

class Scanner {
  line = 1
  readonly #code: number
  readonly #limits: Required<ReadLimits>
  #cells: string[] = []
  #text = ''
  #inQuotes = false
  #afterQuote = false
  #atStart = true
  #skipLineFeed = false
  #began = 1
  #quoted = false

  constructor(delimiter: string, limits: ReadLimits) {
    this.#code = delimiter.charCodeAt(0)
    this.#limits = { cell: limits.cell ?? defaultLimits.cell, columns: limits.columns ?? defaultLimits.columns }
  }

  *take(chunk: string): Generator<TableRow> {
    let at = 0
    while (at < chunk.length) {
      if (this.#inQuotes) {
        at = this.#quotedPart(chunk, at)
        continue
      }
      const code = chunk.charCodeAt(at)
      if (this.#skipLineFeed) {
        this.#skipLineFeed = false
        if (code === lineFeed) {
          at++
          continue
        }
      }
      if (code === quote && (this.#atStart || this.#afterQuote)) {
        if (this.#afterQuote) this.#text += '"'
        this.#inQuotes = true
        this.#quoted = true
        this.#afterQuote = false
        this.#atStart = false
        at++
        continue
      }
      const end = this.#plainEnd(chunk, at)
      if (end > at) {
        this.#plain(chunk.slice(at, end))
        at = end
        continue
      }
      at++
      if (code === this.#code) this.#endCell()
      else {
        this.#skipLineFeed = code === carriageReturn
        yield* this.#endRow()
        this.line++
        this.#began = this.line
      }
    }
  }

  *end(): Generator<TableRow> {
    if (this.#inQuotes) throw new TableUnreadable({ field: 'file', row: this.#began, reason: 'a quote is opened and never closed.' })
    if (this.#text !== '' || this.#cells.length > 0 || this.#quoted) yield* this.#endRow()
  }

  #quotedPart(chunk: string, at: number): number {
    const found = chunk.indexOf('"', at)
    const end = found < 0 ? chunk.length : found
    const part = chunk.slice(at, end)
    for (let from = part.indexOf('\n'); from >= 0; from = part.indexOf('\n', from + 1)) this.line++
    this.#append(part)
    if (found < 0) return end
    this.#inQuotes = false
    this.#afterQuote = true
    return end + 1
  }

  #plainEnd(chunk: string, at: number): number {
    let end = at
    for (; end < chunk.length; end++) {
      const code = chunk.charCodeAt(end)
      if (code === this.#code || code === lineFeed || code === carriageReturn) break
    }
    return end
  }

  #plain(part: string): void {
    if (this.#afterQuote) {
      if (part.trim() === '') return // spaces between a closing quote and the separator
      throw new TableUnreadable({
        field: 'file',
        row: this.line,
        reason: 'text follows a closing quote; quotes inside quotes are doubled.',
      })
    }
    this.#atStart = false
    this.#append(part)
  }

  #append(part: string): void {
    this.#text += part
    if (this.#text.length > this.#limits.cell)
      throw new TableTooLarge({ field: 'file', row: this.#began, reason: `a cell has more than ${this.#limits.cell} characters.` })
  }

  #endCell(): void {
    this.#cells.push(withoutGuard(this.#text))
    if (this.#cells.length > this.#limits.columns)
      throw new TableTooLarge({ field: 'file', row: this.#began, reason: `it has more than ${this.#limits.columns} columns.` })
    this.#text = ''
    this.#atStart = true
    this.#afterQuote = false
  }

  *#endRow(): Generator<TableRow> {
    const isBlank = this.#cells.length === 0 && this.#text.trim() === '' && !this.#quoted
    this.#endCell()
    const cells = this.#cells
    this.#cells = []
    this.#quoted = false
    if (!isBlank) yield { row: this.#began, cells }
  }
}
