import type { Decimal } from '#client/rules/decimal.ts'
import type { Dialect, SqlValue, Storage } from '#kernel/database/database.ts'
import type { FieldDefinition } from '#kernel/meta/definition.ts'

/** A field's value inside a document: see `FieldType.kind` for which form each kind takes. Table fields hold child documents instead. */
export type Value = string | number | Decimal | null

/**
 * How values of a kind look in a document and compare:
 * text: string · number: JS number · decimal: Decimal · date: 'YYYY-MM-DD' · datetime: 'YYYY-MM-DD HH:MM:SS.ffffff' in UTC ·
 * time: 'HH:MM:SS.ffffff' · table: child documents · none: layout, nothing stored
 */
export type ValueKind = 'text' | 'number' | 'decimal' | 'date' | 'datetime' | 'time' | 'table' | 'none'

/** Which dialect of the wire: v1 speaks naive times in the site's zone, v2 ISO 8601 with an offset. */
export interface Wire {
  readonly version: 1 | 2
  /** IANA name of the site's time zone. */
  readonly zone: string
}

/** One of Frappe's field types: how it is stored, read from callers, checked and sent. */
export interface FieldType {
  readonly name: string
  readonly kind: ValueKind
  /** The column it needs; undefined where nothing is stored in the document's own table. */
  storage(field: FieldDefinition): Storage | undefined
  /**
   * Turns what a caller or code supplied into document form; '' and null become null (or 0 where the column has no NULL).
   * @throws BadValue with the path
   */
  cast(value: unknown, field: FieldDefinition, wire: Wire, path: string): Value
  /** Refuses what is well typed but not allowed: length, options, format, sign. @throws BadValue, TooLong, NotAnOption, NegativeValue */
  check(value: Value, field: FieldDefinition, path: string): void
  toColumn(value: Value, dialect: Dialect): SqlValue
  fromColumn(stored: SqlValue, dialect: Dialect): Value
  toWire(value: Value, wire: Wire): unknown
}
