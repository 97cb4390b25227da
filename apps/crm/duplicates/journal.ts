import type { Context } from '#kernel/context/context.ts'
import type { SqlValue } from '#kernel/database/database.ts'
import { ident, type Sql, sql } from '#kernel/database/sql.ts'

/** A row as the engine gives it: texts, numbers and nothing, which go back in as they came out. */
export type RawRow = Record<string, SqlValue>

/** Links that were moved: rows of a table by their names, or the value of a Single. */
export interface Moved {
  readonly table?: string
  readonly single?: string
  readonly column: string
  readonly names: readonly (string | number)[]
}

/** What a merge did, in a form in which it can be taken back. */
export interface Journal {
  /** Rows that went, the record's own first. */
  readonly absorbed: { readonly table: string; readonly rows: RawRow[] }[]
  readonly moved: Moved[]
  /** Columns of the kept record's row. */
  readonly filled: { readonly before: RawRow; readonly after: RawRow }
  /** Rows that the kept record's tables got. */
  readonly added: { readonly table: string; readonly names: readonly string[] }[]
}

/** The rows of a table that meet a condition, every column, in order of their names. */
export function rawRows(ctx: Context, table: string, about: Sql): Promise<RawRow[]> {
  return ctx.db.query<RawRow>(ctx.db.dialect.compile(sql`select * from ${ident(table)} where ${about} order by name`))
}

export async function rawRow(ctx: Context, table: string, name: string): Promise<RawRow | undefined> {
  return (await rawRows(ctx, table, sql`name = ${name}`))[0]
}

/** As text. Whole numbers beyond what JSON holds exactly keep their digits. */
export function asJournal(journal: Journal): string {
  return JSON.stringify(journal, (_key, value: unknown) => (typeof value === 'bigint' ? { bigint: String(value) } : value))
}

export function readJournal(text: string): Journal {
  return JSON.parse(text, (_key, value: unknown) => {
    const isBig = typeof value === 'object' && value !== null && Object.keys(value).length === 1 && 'bigint' in value
    return isBig ? BigInt(String((value as { bigint: unknown }).bigint)) : value
  }) as Journal
}
