/** What a column's cells are, for the file: workbooks have types, and texts must not be taken for formulas. */
export type CellKind = 'text' | 'number' | 'date' | 'datetime' | 'time'

/** A column of a file to be written. */
export interface Column {
  readonly label: string
  /** Absent: numbers are numbers, anything else is text. */
  readonly kind?: CellKind
}

/**
 * A row to be written, one value per column: text, numbers, bigints, booleans (1 and 0), Decimals, null; days as `YYYY-MM-DD`, time stamps as
 * `YYYY-MM-DD HH:MM:SS[.ffffff]`, times as `HH:MM:SS[.ffffff]`. Other objects are written as JSON.
 */
export type OutputRow = readonly unknown[]

/** A row read from a file. Numbers, days and times of a workbook are in the text forms of `OutputRow`, booleans `1` and `0`. */
export interface TableRow {
  /** Where the file has it: the row of the sheet or the first line in a text, from 1. */
  readonly row: number
  readonly cells: readonly string[]
}

/** Bounds of what is read; a file beyond them is refused with `TableTooLarge`. */
export interface ReadLimits {
  /** Characters of one cell; default 1,000,000. */
  readonly cell?: number
  /** Cells of a row; default 1,000. */
  readonly columns?: number
}

export const defaultLimits = { cell: 1_000_000, columns: 1000 } as const

/** The text of a value in a file; empty for nothing. */
export function cellText(value: unknown): string {
  if (typeof value === 'string') return value
  if (value === null || value === undefined) return ''
  if (typeof value === 'boolean') return value ? '1' : '0'
  if (typeof value !== 'object') return String(value)
  return isPlainObject(value) ? JSON.stringify(value) : String(value)
}

function isPlainObject(value: object): boolean {
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null
}
