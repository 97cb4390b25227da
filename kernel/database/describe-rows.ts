import type { ColumnDescription, TableDescription } from './database.ts'

/** A column as a catalogue lists it. */
export interface ColumnOfTable extends ColumnDescription {
  table: string
}

/** One column of one index, in index order; null where the index holds an expression. */
export interface IndexPart {
  table: string
  name: string
  unique: boolean
  column: string | null
}

/** Those of the names that are wanted, in whatever case. No engine's own idea of case is asked: they differ beyond ASCII. */
export function namesAlike(names: readonly string[], wanted: readonly string[]): string[] {
  const folded = new Set(wanted.map((name) => name.toLowerCase()))
  return names.filter((name) => folded.has(name.toLowerCase()))
}

/** Gathers catalogue rows, already in order, into tables. */
export function tablesFrom(columns: readonly ColumnOfTable[], indexed: readonly IndexPart[]): TableDescription[] {
  const tables = new Map<string, TableDescription>()
  for (const { table: name, ...column } of columns) {
    tables.getOrInsertComputed(name, () => ({ name, columns: [], indexes: [] })).columns.push(column)
  }
  for (const part of indexed) {
    const indexes = tables.get(part.table)?.indexes
    const known = indexes?.find((index) => index.name === part.name)
    if (known) known.columns.push(part.column ?? '')
    else indexes?.push({ name: part.name, columns: [part.column ?? ''], unique: part.unique })
  }
  return [...tables.values()]
}
