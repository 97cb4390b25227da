import { type RawBuilder, sql } from 'kysely'

/** A piece of SQL that carries its own values; compose with the `sql` template, compile with a Dialect. */
export type Sql = RawBuilder<unknown>

export { sql }

/** A quoted identifier. The name must come from metadata, never from a caller. */
export function ident(name: string): Sql {
  return sql.id(name)
}

/** The table of a DocType. */
export function tableOf(doctype: string): string {
  return `tab${doctype}`
}

/** Fragments joined by a separator, e.g. `', '` or `' and '`. */
export function join(parts: readonly Sql[], separator = ', '): Sql {
  return sql.join(parts as Sql[], sql.raw(separator))
}
