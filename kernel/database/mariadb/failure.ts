import { AppError } from '#client/rules/errors.ts'
import { DatabaseBusy, DatabaseUnavailable, Deadlocked, QueryFailed } from '../errors.ts'

interface MariaError extends Error {
  code?: string
  errno?: number
  fatal?: boolean
}

const unreachable = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_ENQUEUE_AFTER_FATAL_ERROR',
])
// Disk full (1021, 1114), too many connections (1040), access denied (1044, 1045, 1698), no such database (1049), shutting down (1053),
// killed (1927), handshake (1043), table space (1205 is not here: see below).
const unreachableNumbers = new Set([1021, 1040, 1043, 1044, 1045, 1049, 1053, 1114, 1317, 1698, 1927, 4031])

/** Whether the connection, rather than the statement, failed. */
export function isConnectionLost(error: unknown): boolean {
  const { code = '', errno = 0, fatal, message } = error as MariaError
  return (
    unreachable.has(code) ||
    unreachableNumbers.has(errno) ||
    (fatal === true && errno === 0) ||
    /closed state|Connection lost/.test(message)
  )
}

/** The index whose uniqueness a statement broke, or undefined for any other failure. */
export function violatedIndex(error: unknown): string | undefined {
  const { errno, message } = error as MariaError
  if (errno !== 1062) return undefined
  return /for key '(.*)'$/s.exec(message)?.[1]?.replace(/^[^.]*\./, '') ?? ''
}

/** One of the database errors for whatever the driver threw, except a broken uniqueness; errors already defined pass through. */
export function mariaFailure(error: unknown, startedAt: number): AppError {
  if (error instanceof AppError) return error
  const { errno, message } = error as MariaError
  if (errno === 1213) return new Deadlocked({ reason: message }, { cause: error })
  // A lock that did not come in time: the statement failed, the transaction lives. Trying again at once would only wait again.
  if (errno === 1205 || message === 'Queue limit reached.')
    return new DatabaseBusy({ waitedMs: Math.round(performance.now() - startedAt) }, { cause: error })
  if (isConnectionLost(error)) return new DatabaseUnavailable({ reason: message }, { cause: error })
  return new QueryFailed({ dialect: 'mariadb', reason: message }, { cause: error })
}
