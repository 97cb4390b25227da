import type { Database, SqlValue, Storage } from '#kernel/database/database.ts'
import { ident, join, sql } from '#kernel/database/sql.ts'
import { convertValue, lost, zeroOf } from './convert-value.ts'

/** Rows read at a time when values are looked at one by one. */
const pageSize = 1000

export async function isEmptyTable(database: Database, table: string): Promise<boolean> {
  const rows = await database.query(database.dialect.compile(sql`select 1 as one from ${ident(table)} limit 1`))
  return rows.length === 0
}

/** Texts of more characters than the new length allows. */
export async function countLonger(database: Database, table: string, column: string, length: number): Promise<number> {
  const measure = sql.raw(database.dialect.name === 'sqlite' ? 'length' : 'char_length')
  const [row] = await database.query<{ n: number }>(
    database.dialect.compile(sql`select count(*) as n from ${ident(table)} where ${measure}(${ident(column)}) > ${length}`),
  )
  return Number(row?.n ?? 0)
}

/** A column of a key; `blank` is what its NULLs will become, if they may not stay. */
export interface KeyPart {
  column: string
  blank: SqlValue | undefined
}

/** Whether two rows agree in these columns and lack none of them. No column: whether there are two rows. */
export async function hasDuplicates(database: Database, table: string, parts: readonly KeyPart[]): Promise<boolean> {
  const { dialect } = database
  const values = parts.map(({ column, blank }) =>
    blank === undefined ? ident(column) : sql`coalesce(${ident(column)}, ${sql.raw(dialect.literal(blank))})`,
  )
  const filled = parts.filter(({ blank }) => blank === undefined).map(({ column }) => sql`${ident(column)} is not null`)
  const where = filled.length > 0 ? sql`where ${join(filled, ' and ')}` : sql``
  const statement =
    parts.length === 0
      ? sql`select 1 as one from ${ident(table)} limit 1 offset 1`
      : sql`select 1 as one from ${ident(table)} ${where} group by ${join(values)} having count(*) > 1 limit 1`
  return (await database.query(dialect.compile(statement))).length > 0
}

/** Whether two values become the same when their column is converted. Every value is looked at; only unique fields pay for it. */
export async function hasTwinsConverted(
  database: Database,
  table: string,
  column: string,
  { from, to }: { from: Storage; to: { storage: Storage; nullable: boolean } },
): Promise<boolean> {
  const { dialect } = database
  const zero = to.nullable ? null : zeroOf(to.storage, dialect)
  const [row] = await database.query<{ n: number }>(
    dialect.compile(sql`select count(*) as n from ${ident(table)} where ${ident(column)} is null`),
  )
  const blanks = to.nullable ? 0 : Number(row?.n ?? 0)
  if (blanks > 1) return true
  const seen = new Set<SqlValue>(blanks === 1 ? [zero] : [])
  for await (const page of valuePages(database, table, column))
    for (const { value } of page) {
      const result = convertValue(value, from, to.storage, dialect)
      const kept = result === lost || result === null ? zero : result
      if (kept === null) continue
      if (seen.has(kept)) return true
      seen.add(kept)
    }
  return false
}

/** A row's key and one value. */
export interface KeyedValue {
  name: SqlValue
  value: SqlValue
}

/** Every row that has a value in the column, in the order of names, a page at a time. */
export async function* valuePages(database: Database, table: string, column: string): AsyncGenerator<KeyedValue[]> {
  const select = sql`select name, ${ident(column)} as value from ${ident(table)} where ${ident(column)} is not null`
  let page = await database.query<KeyedValue & Record<string, SqlValue>>(
    database.dialect.compile(sql`${select} order by name limit ${pageSize}`),
  )
  while (page.length > 0) {
    yield page
    if (page.length < pageSize) return
    const last = page.at(-1)?.name ?? null
    page = await database.query(database.dialect.compile(sql`${select} and name > ${last} order by name limit ${pageSize}`))
  }
}

/** Values that a column of the new kind could not hold, and one row that has such a value. */
export async function countLost(
  database: Database,
  table: string,
  column: string,
  from: Storage,
  to: Storage,
): Promise<{ count: number; example: string }> {
  let count = 0
  let example = ''
  for await (const page of valuePages(database, table, column))
    for (const { name, value } of page)
      if (convertValue(value, from, to, database.dialect) === lost) {
        if (count === 0) example = String(name)
        count++
      }
  return { count, example }
}
