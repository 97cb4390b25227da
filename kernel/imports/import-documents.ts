import { AppError } from '#client/rules/errors.ts'
import { maximumRows } from '#kernel/documents/cast.ts'
import type { TableRow } from '#kernel/tabular/table.ts'
import type { ImportColumn, ImportTarget } from './import-columns.ts'
import { type CellStyle, readCell } from './read-cell.ts'

/** A column that is imported, and how its cells are written. */
export interface StyledColumn extends ImportColumn {
  readonly target: ImportTarget
  readonly style: CellStyle
}

/** What is wrong with a row. */
export interface RowProblem {
  /** Row of the file, from 1. */
  readonly row: number
  /** Heading of the column; empty where it concerns the whole. */
  readonly column: string
  readonly code: string
  readonly message: string
}

/** One document as the file has it: a row, and those after it in which only columns of child tables are filled. */
export interface ImportedDocument {
  /** Rows of the file, from 1. */
  readonly rows: readonly number[]
  /** By fieldname; rows of tables as lists of objects. Empty cells are absent. */
  readonly values: Record<string, unknown>
  /** Row of the file by the path of the child row: `items[0]`. */
  readonly places: ReadonlyMap<string, number>
  readonly problems: readonly RowProblem[]
}

/** Puts the rows of a file together to documents, one at a time. */
export async function* importedDocuments(
  rows: AsyncIterable<TableRow>,
  columns: readonly StyledColumn[],
): AsyncGenerator<ImportedDocument> {
  const own = columns.filter(({ target }) => !target.table)
  const ofTables = Map.groupBy(
    columns.filter(({ target }) => target.table),
    ({ target }) => target.table?.fieldname as string,
  )
  let current: Draft | undefined
  for await (const row of rows) {
    const begins = ofTables.size === 0 || own.some(({ index }) => isFilled(row, index))
    if (begins || !current) {
      if (current) yield current
      current = new Draft()
    }
    current.take(row, begins ? own : [], ofTables)
  }
  if (current) yield current
}

function isFilled(row: TableRow, index: number): boolean {
  const cell = row.cells[index]
  return cell !== undefined && cell !== '' && cell.trim() !== ''
}

class Draft implements ImportedDocument {
  readonly rows: number[] = []
  readonly values: Record<string, unknown> = {}
  readonly places = new Map<string, number>()
  readonly problems: RowProblem[] = []

  take(row: TableRow, own: readonly StyledColumn[], tables: ReadonlyMap<string, readonly StyledColumn[]>): void {
    this.rows.push(row.row)
    if (this.rows.length > maximumRows + 1) {
      if (this.rows.length === maximumRows + 2)
        this.problems.push({
          row: row.row,
          column: '',
          code: 'imports/too-many-rows',
          message: `One document has more than ${maximumRows} rows.`,
        })
      return
    }
    for (const column of own) this.#put(this.values, row, column)
    for (const [table, columns] of tables) {
      if (!columns.some(({ index }) => isFilled(row, index))) continue
      const list = (this.values[table] as Record<string, unknown>[] | undefined) ?? []
      this.values[table] = list
      this.places.set(`${table}[${list.length}]`, row.row)
      const values: Record<string, unknown> = {}
      list.push(values)
      for (const column of columns) this.#put(values, row, column)
    }
  }

  #put(values: Record<string, unknown>, row: TableRow, column: StyledColumn): void {
    const cell = row.cells[column.index]
    if (cell === undefined || cell === '') return
    try {
      const value = readCell(cell, column.target.field, column.style, column.target.key)
      if (value !== undefined) values[column.target.field.fieldname] = value
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      this.problems.push({ row: row.row, column: column.header, code: error.code, message: error.message })
    }
  }
}
