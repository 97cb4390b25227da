import type { SqlValue } from '#kernel/database/database.ts'
import type { Wire } from '#kernel/fields/field-type.ts'
import type { BuiltCall } from './calls.ts'
import type { Column } from './scope.ts'

/** One key of the answer's rows. */
export interface Output {
  readonly key: string
  /** Names of the statement's columns that it is made of. */
  readonly slots: readonly string[]
  /** Wire value from the single slot, or from all of them. */
  readonly read: (row: Record<string, SqlValue>, wire: Wire) => unknown
  /** The plain column behind it, when it is one. */
  readonly column?: Column
  readonly call?: BuiltCall
}
