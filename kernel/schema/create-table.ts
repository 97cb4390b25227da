import type { Dialect } from '#kernel/database/database.ts'
import { recordStatements } from './column-record.ts'
import { exceedsPage, fitRow } from './row-budget.ts'
import type { SyncStep } from './sync-plan.ts'
import { createIndexText, createTableText } from './table-text.ts'
import type { TableTarget } from './table-target.ts'

/** The step that makes a table from nothing. */
export function createTable(wanted: TableTarget, dialect: Dialect): SyncStep {
  const target = dialect.name === 'mariadb' ? fitRow(wanted, []) : wanted
  const isLoose = dialect.name === 'mariadb' && exceedsPage(target, [])
  return {
    kind: 'create-table',
    table: target.name,
    text: `${target.name}: create with ${target.columns.length} columns and ${target.indexes.length} indexes`,
    statements: [
      createTableText(target, dialect, isLoose),
      // MariaDB pays for each statement that defines something; there the indexes stand in the table's own.
      ...(dialect.name === 'mariadb' ? [] : target.indexes.map((index) => createIndexText(target.name, index, target.columns, dialect))),
      ...recordStatements(target.name, target.columns, dialect),
    ],
  }
}
