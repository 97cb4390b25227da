import type { ColumnDescription, Database, Storage, TableDescription } from '#kernel/database/database.ts'
import type { ColumnRecord } from './column-record.ts'
import type { Refusal } from './errors.ts'
import type { SyncOptions } from './sync-plan.ts'
import type { TableTarget } from './table-target.ts'

/** One table, as it is and as it should be. */
export interface TableComparison {
  database: Database
  target: TableTarget
  table: TableDescription
  record: ColumnRecord
  options: SyncOptions
  renames: readonly { from: string; to: string }[]
  /** Collects what cannot be done. */
  refusals: Refusal[]
}

/** A column under the name it will have, with what it stores now. */
export interface PresentColumn extends ColumnDescription {
  storage: Storage | undefined
  /** The name it still has. */
  storedName: string
}
