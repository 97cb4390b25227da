import { AppError } from '#client/rules/errors.ts'
import { DatabaseBusy, DatabaseUnavailable, QueryFailed, UniqueViolated } from '../errors.ts'

interface SqliteError extends Error {
  errcode?: number
}

// Result codes of SQLite; the low byte is the family.
const busy = 5
const locked = 6
const unavailable = new Set([8, 10, 11, 13, 14, 26]) // read-only, I/O, corrupt, full, cannot open, not a database
const uniqueViolations = new Set([1555, 2067, 2579]) // primary key, unique index, rowid

/** Whether another connection holds the lock that a statement needed. */
export function isBusy(error: unknown): boolean {
  const code = ((error as SqliteError).errcode ?? 0) & 0xff
  return code === busy || code === locked
}

/** One of the database errors for whatever the binding threw; errors already defined pass through. */
export function sqliteFailure(error: unknown): AppError {
  if (error instanceof AppError) return error
  const { errcode = 0, message } = error as SqliteError
  if (uniqueViolations.has(errcode)) return new UniqueViolated(violated(message, errcode === 1555), { cause: error })
  if (isBusy(error)) return new DatabaseBusy({ waitedMs: 0 }, { cause: error })
  if (unavailable.has(errcode & 0xff)) return new DatabaseUnavailable({ reason: message }, { cause: error })
  return new QueryFailed({ dialect: 'sqlite', reason: message }, { cause: error })
}

/** Reads `UNIQUE constraint failed: tabLead.email, tabLead.phone` or `… failed: index 'name'`. */
function violated(message: string, primary: boolean) {
  const list = message.slice(message.indexOf(': ') + 2)
  const index = /^index '(.*)'$/.exec(list)
  if (index) return { table: '', columns: [], constraint: index[1] as string, primary }
  const parts = list
    .split(', ')
    .map((part) => ({ table: part.slice(0, part.lastIndexOf('.')), column: part.slice(part.lastIndexOf('.') + 1) }))
  return { table: parts[0]?.table ?? '', columns: parts.map((part) => part.column), constraint: list, primary }
}
