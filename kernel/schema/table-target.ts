import type { SqlValue, Storage } from '#kernel/database/database.ts'

/** A table as it should be. */
export interface TableTarget {
  name: string
  columns: ColumnTarget[]
  primaryKey: readonly string[]
  /** The database counts the primary key up. */
  isCounted: boolean
  indexes: IndexTarget[]
}

export interface ColumnTarget {
  name: string
  storage: Storage
  nullable: boolean
  /** What rows get that were there before the column, in column form; null for none. */
  default: SqlValue
  /** Name the column had before, if it had one. */
  formerName?: string
}

/** An index as it should be. */
export interface IndexTarget {
  name: string
  columns: readonly string[]
  unique: boolean
}
