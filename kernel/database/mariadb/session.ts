import type { FieldPacket, PoolConnection, ResultSetHeader, RowDataPacket } from 'mysql2/promise'
import mysql from 'mysql2/promise'
import { Decimal } from '#client/rules/decimal.ts'
import type { Query, SqlValue } from '../database.ts'
import { UniqueViolated } from '../errors.ts'
import { mariaFailure, violatedIndex } from './failure.ts'

/** What `ask` gives back: rows of a reading statement, or the count of a changing one. */
export type Answer = RowDataPacket[] | ResultSetHeader

// Column types of the wire protocol.
const longlong = 8
const temporal = new Set([7, 11, 12]) // timestamp, time, datetime

/** Runs a prepared statement on one connection. @throws what the driver throws; see `failureOf` */
export async function ask(connection: PoolConnection, query: Query): Promise<Answer> {
  const [answer, fields] = await connection.execute<Answer & RowDataPacket[]>(query.sql, query.parameters.map(parameter) as never[])
  if (Array.isArray(answer)) repair(answer, fields)
  return answer
}

// The driver sends numbers as doubles unless told: `limit` and exact comparisons want integers and decimals.
function parameter(value: SqlValue): unknown {
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) return mysql.TypedParameter.LONGLONG(value as number)
  if (typeof value === 'number') return mysql.TypedParameter.NEWDECIMAL(Decimal.from(value).toString())
  return value instanceof Uint8Array ? Buffer.from(value) : value
}

/** Gives times their six digits, which the driver leaves out when they are zero, and refuses integers that a number cannot hold. */
function repair(rows: RowDataPacket[], fields: FieldPacket[]): void {
  for (const { name, columnType } of fields) {
    if (columnType === longlong) {
      for (const row of rows) if (typeof row[name] === 'string') throw new RangeError(`The integer ${row[name]} is too large.`)
    } else if (columnType !== undefined && temporal.has(columnType)) {
      for (const row of rows) if (row[name] !== null) row[name] = sixDigits(row[name])
    }
  }
}

function sixDigits(text: string): string {
  const point = text.indexOf('.')
  return point < 0 ? `${text}.000000` : text.padEnd(point + 7, '0')
}

/**
 * The database error for what a statement threw. For a broken uniqueness it asks the catalogue for the columns, on the same
 * connection: when all of them wait here at once, the pool has no other to give.
 */
export async function failureOf(connection: PoolConnection, error: unknown, query: string, startedAt: number): Promise<Error> {
  const index = violatedIndex(error)
  if (index === undefined) return mariaFailure(error, startedAt)
  const table =
    /^\s*(?:insert\s+(?:ignore\s+)?into|replace\s+into|update)\s+`((?:[^`]|``)+)`/i.exec(query)?.[1]?.replaceAll('``', '`') ?? ''
  const columns = await columnsOf(connection, table, index)
  return new UniqueViolated({ table, columns, constraint: index, primary: index === 'PRIMARY' }, { cause: error })
}

async function columnsOf(connection: PoolConnection, table: string, index: string): Promise<string[]> {
  const text = `select column_name as name from information_schema.statistics
    where table_schema = database() and table_name = ? and index_name = ?
    order by seq_in_index`
  try {
    const [rows] = await connection.execute<RowDataPacket[]>(text, [table, index])
    return rows.map((row) => row.name as string)
  } catch {
    // The columns only make the message better; the refusal itself stands.
    return []
  }
}
