import { Readable } from 'node:stream'
import { fieldTypes } from '#kernel/fields/field-types.ts'
import { writeCsv } from '#kernel/tabular/csv-write.ts'
import type { CellKind } from '#kernel/tabular/table.ts'
import { writeXlsx } from '#kernel/tabular/xlsx-write.ts'
import type { ReportColumn, ReportResult } from './report.ts'
import { totalCells } from './totals.ts'

/** How a report is written to a file. */
export interface ExportOptions {
  readonly delimiter?: string
  /** Spaces before the first column show the depth of a row in a tree. */
  readonly withIndentation?: boolean
  /** Positions of the rows to write, from 0; absent: all. */
  readonly visible?: readonly number[]
}

/** A report as CSV, piece by piece; texts that a spreadsheet would take for formulas are disarmed. */
export function reportCsv(result: ReportResult, options: ExportOptions = {}): AsyncGenerator<string> {
  return writeCsv(cellsOf(result.columns), rowsOf(result, options), options.delimiter ? { delimiter: options.delimiter } : {})
}

/** A report as a workbook, piece by piece. @param sheet the name of its only sheet */
export function reportXlsx(result: ReportResult, sheet: string, options: ExportOptions = {}): AsyncGenerator<Uint8Array> {
  return writeXlsx(cellsOf(result.columns), rowsOf(result, options), { sheet })
}

/** A file's bytes at once, for a mail or an answer that is kept. */
export async function wholeFile(pieces: AsyncIterable<string | Uint8Array>): Promise<Buffer> {
  const made: Buffer[] = []
  for await (const one of Readable.from(pieces)) made.push(Buffer.from(one as string))
  return Buffer.concat(made)
}

function cellsOf(columns: readonly ReportColumn[]) {
  return columns.map((column) => {
    const kind = kindOf(column)
    return { label: column.label, ...(kind && { kind }) }
  })
}

function kindOf({ fieldtype }: ReportColumn): CellKind | undefined {
  const kind = fieldTypes.get(fieldtype)?.kind
  if (kind === 'decimal' || kind === 'number') return 'number'
  return kind === 'date' || kind === 'datetime' || kind === 'time' ? kind : undefined
}

function* rowsOf({ columns, rows, total }: ReportResult, { withIndentation, visible }: ExportOptions): Generator<unknown[]> {
  const chosen = visible ? visible.flatMap((at) => (rows[at] ? [rows[at]] : [])) : rows
  for (const row of chosen) {
    const cells = columns.map((column) => row[column.fieldname] ?? null)
    if (withIndentation && Number(row.indent) > 0 && typeof cells[0] === 'string')
      cells[0] = `${'  '.repeat(Number(row.indent))}${cells[0]}`
    yield cells
  }
  if (total && !visible) yield totalCells(columns, total)
}
