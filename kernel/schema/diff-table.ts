import type { Dialect, IndexDescription } from '#kernel/database/database.ts'
import { diffColumn, isKeyKindChanged } from './diff-column.ts'
import { forgetStatement, recordStatements, renameStatement } from './column-record.ts'
import { zeroOf } from './convert-value.ts'
import { createTable } from './create-table.ts'
import { isManaged } from './index-targets.ts'
import { hasDuplicates, hasTwinsConverted, isEmptyTable, type KeyPart } from './look.ts'
import { exceedsPage, fitRow } from './row-budget.ts'
import type { SyncStep } from './sync-plan.ts'
import type { PresentColumn, TableComparison } from './table-comparison.ts'
import { columnText, createIndexText, dropIndexText, indexText, loosely } from './table-text.ts'
import type { ColumnTarget, IndexTarget, TableTarget } from './table-target.ts'

/** Steps from the table as it is to the target, in an order in which each can run. */
export async function diffTable(comparison: TableComparison): Promise<SyncStep[]> {
  const { database, table, target: wanted, options } = comparison
  const { dialect } = database
  const columns = new Map<string, PresentColumn>()
  for (const column of table.columns) {
    const storage = comparison.record.storage(wanted.name, column.name, column.type)
    columns.set(column.name, { ...column, storage, storedName: column.name })
  }
  if (isKeyKindChanged(wanted, columns)) return rebuild(comparison)

  let indexes: IndexDescription[] = table.indexes
  const renamed = renameColumns(comparison, columns)
  for (const { from, to } of renamed)
    indexes = indexes.map((index) => ({ ...index, columns: index.columns.map((name) => (name === from ? to : name)) }))

  const names = new Set(wanted.columns.map((column) => column.name))
  const others = [...columns.values()].filter((column) => !names.has(column.name))
  const kept = options.allowDataLoss ? [] : others.map((column) => column.storage ?? { kind: 'text' as const })
  const target = dialect.name === 'mariadb' ? fitRow(wanted, kept) : wanted
  const isLoose = dialect.name === 'mariadb' && exceedsPage(target, kept)
  const alter = (change: string) => loosely(`alter table ${dialect.quote(target.name)} ${change}`, isLoose)

  const missing: ColumnTarget[] = []
  const changes: SyncStep[] = []
  const conversions: SyncStep[] = []
  for (const column of target.columns) {
    const present = columns.get(column.name)
    if (!present) {
      missing.push(column)
      continue
    }
    const step = await diffColumn(comparison, target, column, present, alter)
    if (step) (step.conversion ? conversions : changes).push(step)
  }
  const drops = options.allowDataLoss ? others : []
  const dropped = new Set([...drops.map((column) => column.name), ...conversions.map((step) => step.conversion?.column as string)])
  const plan = diffIndexes(target, indexes, dropped)
  await refuseDuplicates({ ...comparison, target }, plan.add, columns, conversions)
  return [
    ...plan.drop.map(
      (index): SyncStep => ({
        kind: 'drop-index',
        table: target.name,
        text: `${target.name}: drop index ${index.name}`,
        statements: [dropIndexText(target.name, index.name, dialect)],
      }),
    ),
    ...renamed.map(
      ({ from, to }): SyncStep => ({
        kind: 'rename-column',
        table: target.name,
        text: `${target.name}: rename column ${from} to ${to}`,
        statements: [
          `alter table ${dialect.quote(target.name)} rename column ${dialect.quote(from)} to ${dialect.quote(to)}`,
          ...(dialect.name === 'sqlite' ? [renameStatement(target.name, from, to, dialect)] : []),
        ],
      }),
    ),
    ...drops.map(
      (column): SyncStep => ({
        kind: 'drop-column',
        table: target.name,
        text: `${target.name}: drop column ${column.name} with its data`,
        statements: [
          alter(`drop column ${dialect.quote(column.name)}`),
          ...(dialect.name === 'sqlite' ? [forgetStatement(target.name, column.name, dialect)] : []),
        ],
      }),
    ),
    // Changes before additions: on MariaDB they make room in the row.
    ...changes,
    ...addColumns(target, missing, dialect, alter),
    ...conversions,
    ...addIndexes(target, plan.add, dialect, alter),
  ]
}

type Alter = (change: string) => string

/** A step for each column. SQLite adds them one by one; the others all at once, with the first, because each change of a table costs them. */
function addColumns(target: TableTarget, columns: readonly ColumnTarget[], dialect: Dialect, alter: Alter): SyncStep[] {
  const add = (some: readonly ColumnTarget[]) => alter(some.map((column) => `add column ${columnText(column, dialect)}`).join(', '))
  const statements = (column: ColumnTarget, place: number): string[] => {
    if (dialect.name === 'sqlite') return [add([column]), ...recordStatements(target.name, [column], dialect, false)]
    return place === 0 ? [add(columns)] : []
  }
  return columns.map((column, place) => ({
    kind: 'add-column',
    table: target.name,
    text: `${target.name}: add column ${column.name} (${dialect.columnType(column.storage)})`,
    statements: statements(column, place),
  }))
}

/** A step for each index. MariaDB makes all with the first: it reads the table once then, and commits once. */
function addIndexes(target: TableTarget, indexes: readonly IndexTarget[], dialect: Dialect, alter: Alter): SyncStep[] {
  const add = () => alter(indexes.map((index) => `add ${indexText(index, dialect)}`).join(', '))
  const statements = (index: IndexTarget, place: number): string[] => {
    if (dialect.name !== 'mariadb') return [createIndexText(target.name, index, target.columns, dialect)]
    return place === 0 ? [add()] : []
  }
  return indexes.map((index, place) => ({
    kind: 'add-index',
    table: target.name,
    text: `${target.name}: add ${index.unique ? 'unique ' : ''}index on ${index.columns.join(', ')}`,
    statements: statements(index, place),
  }))
}

/** Names that count as counted up need another kind of key: only an empty table can change that. */
async function rebuild({ database, target, refusals }: TableComparison): Promise<SyncStep[]> {
  const { dialect } = database
  if (!(await isEmptyTable(database, target.name))) {
    refusals.push({
      table: target.name,
      column: 'name',
      reason: 'documents are there, so their names cannot change between texts and counted numbers.',
    })
    return []
  }
  const statements = [`drop table ${dialect.quote(target.name)}`]
  return [
    {
      kind: 'drop-table',
      table: target.name,
      text: `${target.name}: drop the empty table, because its names change their kind`,
      statements,
    },
    createTable(target, dialect),
  ]
}

/** Finds columns that only change their name; afterwards `columns` knows them by the new one. */
function renameColumns(comparison: TableComparison, columns: Map<string, PresentColumn>): { from: string; to: string }[] {
  const { target, renames } = comparison
  const names = new Set(target.columns.map((column) => column.name))
  const done: { from: string; to: string }[] = []
  const byCase = [...names].flatMap((to) => {
    const from = [...columns.keys()].find((name) => name !== to && name.toLowerCase() === to.toLowerCase())
    return from ? [{ from, to }] : []
  })
  for (const { from, to } of [...renames, ...byCase]) {
    const column = columns.get(from)
    if (!column || columns.has(to) || !names.has(to) || names.has(from)) continue
    columns.delete(from)
    columns.set(to, { ...column, name: to })
    done.push({ from, to })
  }
  return done
}

function diffIndexes(target: TableTarget, present: readonly IndexDescription[], dropped: ReadonlySet<string>) {
  const isSame = (a: { columns: readonly string[]; unique: boolean }, b: { columns: readonly string[]; unique: boolean }) =>
    a.unique === b.unique && a.columns.length === b.columns.length && a.columns.every((name, place) => b.columns[place] === name)
  const goes = (index: IndexDescription) =>
    index.columns.some((name) => dropped.has(name)) ||
    (isManaged(index.name) && !target.indexes.some((wanted) => wanted.name === index.name && isSame(wanted, index)))
  const drop = present.filter(goes)
  const stays = present.filter((index) => !goes(index))
  const add = target.indexes.filter((wanted) => !stays.some((index) => isSame(index, wanted)))
  return { drop, add }
}

async function refuseDuplicates(
  { database, target, refusals }: TableComparison,
  added: readonly IndexTarget[],
  columns: ReadonlyMap<string, PresentColumn>,
  conversions: readonly SyncStep[],
): Promise<void> {
  for (const index of added) {
    if (!index.unique) continue
    const parts = index.columns.map((name) => target.columns.find((column) => column.name === name) as ColumnTarget)
    // A new column without a first value is NULL everywhere, and NULLs are never alike.
    if (parts.some((column) => !columns.has(column.name) && column.default === null)) continue
    const converted = parts.length === 1 ? conversions.find((step) => step.conversion?.column === parts[0]?.name)?.conversion : undefined
    const present = columns.get(parts[0]?.name ?? '')
    const twins =
      converted && present
        ? await hasTwinsConverted(database, target.name, present.storedName, converted)
        : await hasDuplicates(
            database,
            target.name,
            parts.flatMap((column) => keyPart(column, columns.get(column.name), database.dialect)),
          )
    if (twins)
      refusals.push({
        table: target.name,
        column: index.columns.join(', '),
        reason: 'it cannot be unique, because some values are there twice.',
      })
  }
}

/** New columns are the same in every row and tell nothing apart. */
function keyPart(column: ColumnTarget, present: PresentColumn | undefined, dialect: Dialect): KeyPart[] {
  if (!present) return []
  return [{ column: present.storedName, blank: column.nullable ? undefined : zeroOf(present.storage ?? column.storage, dialect) }]
}
