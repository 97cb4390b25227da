import type { Storage } from '#kernel/database/database.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import type { ColumnTarget } from './table-target.ts'

export interface SyncOptions {
  /** DocTypes such as a tenant whose links get an index of their own (see `Apps.scopes`). */
  scopes?: ReadonlySet<string>
  /** Fields that changed their name; the column is renamed where only the former one is there. */
  renames?: readonly FieldRename[]
  /** Drops columns that no field has, cuts texts that are too long, empties values that do not fit. */
  allowDataLoss?: boolean
}

export interface FieldRename {
  doctype: string
  from: string
  to: string
}

/** One change of one table. */
export interface SyncStep {
  kind:
    | 'create-table'
    | 'drop-table'
    | 'rename-column'
    | 'add-column'
    | 'change-column'
    | 'convert-column'
    | 'drop-column'
    | 'add-index'
    | 'drop-index'
  table: string
  /** One line for a person. */
  text: string
  /** Empty where a step before it does its work along. */
  statements: readonly string[]
  /** Set when values are converted row by row after `statements` ran. */
  conversion?: Conversion
}

/** Values on their way from a column to its successor `into`, which then takes its name. */
export interface Conversion {
  column: string
  into: string
  from: Storage
  to: ColumnTarget
  /** Run when all rows are done: the old column goes, the new one takes its name. */
  finish: readonly string[]
}

/** What sync would do, in order. */
export interface SyncPlan {
  readonly steps: readonly SyncStep[]
  /** Every statement, in order; rows converted between them are counted in the steps' texts. */
  readonly statements: readonly string[]
  readonly isEmpty: boolean
  readonly metas: readonly Meta[]
  readonly options: SyncOptions
}
