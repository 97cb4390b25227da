import type { Database, Dialect, Storage, TableDescription } from '#kernel/database/database.ts'
import { readStorageText, storageOfType, storageText } from './storage-text.ts'
import { columnRecordTable } from './system-tables.ts'
import type { ColumnTarget } from './table-target.ts'

/**
 * What each column stores, as last synced. SQLite knows only text, integers and reals, so that a Date that becomes a Datetime, or a
 * shorter text, would not show; there sync writes down what it made, where the type alone would be taken for something else. The
 * other engines spell it out in the column's type.
 */
export interface ColumnRecord {
  storage(table: string, column: string, type: string): Storage | undefined
}

export async function readColumnRecord(database: Database, present: ReadonlyMap<string, TableDescription>): Promise<ColumnRecord> {
  const { dialect } = database
  const recorded = new Map<string, Storage>()
  if (dialect.name === 'sqlite' && present.has(columnRecordTable)) {
    const rows = await database.query<{ table_name: string; column_name: string; storage: string }>({
      sql: `select table_name, column_name, storage from ${dialect.quote(columnRecordTable)}`,
      parameters: [],
    })
    for (const row of rows) {
      const storage = readStorageText(row.storage)
      if (storage) recorded.set(`${row.table_name}\n${row.column_name}`, storage)
    }
  }
  return {
    storage: (table, column, type) => recorded.get(`${table}\n${column}`) ?? storageOfType(type, dialect),
  }
}

/** Statements that write down what columns store, or forget it where the type says as much. @param isNew the table is made just now */
export function recordStatements(table: string, columns: readonly ColumnTarget[], dialect: Dialect, isNew = true): string[] {
  if (dialect.name !== 'sqlite') return []
  const record = dialect.quote(columnRecordTable)
  // A table of that name may have been there before.
  const statements: string[] = isNew ? [`delete from ${record} where table_name = ${dialect.literal(table)}`] : []
  const values: string[] = []
  for (const column of columns) {
    const text = storageText(column.storage)
    const assumed = storageOfType(dialect.columnType(column.storage), dialect)
    if (assumed && storageText(assumed) === text) {
      if (!isNew) statements.push(forgetStatement(table, column.name, dialect))
    } else values.push(`(${dialect.literal(table)}, ${dialect.literal(column.name)}, ${dialect.literal(text)})`)
  }
  if (values.length > 0) statements.push(`insert or replace into ${record} (table_name, column_name, storage) values ${values.join(', ')}`)
  return statements
}

export function forgetStatement(table: string, column: string, dialect: Dialect): string {
  const record = dialect.quote(columnRecordTable)
  return `delete from ${record} where table_name = ${dialect.literal(table)} and column_name = ${dialect.literal(column)}`
}

export function renameStatement(table: string, from: string, to: string, dialect: Dialect): string {
  const record = dialect.quote(columnRecordTable)
  return `update or replace ${record} set column_name = ${dialect.literal(to)} where table_name = ${dialect.literal(table)} and column_name = ${dialect.literal(from)}`
}
