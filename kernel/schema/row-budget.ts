import type { Storage } from '#kernel/database/database.ts'
import type { TableTarget } from './table-target.ts'

/** MariaDB allows 65,535 bytes for a row without its long texts; the rest is left for columns that come later. */
const rowBytes = 60_000
/** InnoDB wants every row to fit half a page (8,126 bytes), counting 41 for each text that may move out. */
const pageBytes = 7_800

const sizes: Readonly<Record<Exclude<Storage['kind'], 'text'>, number>> = {
  integer: 4,
  bigint: 8,
  boolean: 1,
  decimal: 10,
  float: 10,
  date: 3,
  datetime: 8,
  time: 6,
  json: 12,
  uuid: 146,
}

function bytes(storage: Storage): number {
  if (storage.kind !== 'text') return sizes[storage.kind]
  return storage.length ? storage.length * 4 + 2 : 12
}

/**
 * Makes a wide table fit MariaDB's row: short texts in no key become long ones, the last columns first. What a field may hold does
 * not change; the field type counts the characters.
 * @param others  storage of columns that the table has beside the target's
 */
export function fitRow(target: TableTarget, others: readonly Storage[]): TableTarget {
  const keyed = new Set([...target.primaryKey, ...target.indexes.flatMap((index) => index.columns)])
  let total = others.reduce((sum, storage) => sum + bytes(storage), 0)
  for (const column of target.columns) total += bytes(column.storage)
  if (total <= rowBytes) return target
  const columns = [...target.columns]
  for (let place = columns.length - 1; place >= 0 && total > rowBytes; place--) {
    const column = columns[place] as (typeof columns)[number]
    if (column.storage.kind !== 'text' || !column.storage.length || keyed.has(column.name)) continue
    const storage: Storage = { kind: 'text' }
    total -= bytes(column.storage) - bytes(storage)
    columns[place] = { ...column, storage }
  }
  return { ...target, columns }
}

/** Whether InnoDB would refuse the table by its strict reckoning, although rows move their long texts out and fit. */
export function exceedsPage(target: TableTarget, others: readonly Storage[]): boolean {
  const inPage = (storage: Storage) => (storage.kind === 'text' || storage.kind === 'json' || storage.kind === 'uuid' ? 41 : bytes(storage))
  return [...target.columns.map((column) => column.storage), ...others].reduce((sum, storage) => sum + inPage(storage), 0) > pageBytes
}
