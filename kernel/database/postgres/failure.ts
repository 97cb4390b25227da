import { AppError } from '#client/rules/errors.ts'
import { DatabaseBusy, DatabaseUnavailable, Deadlocked, QueryFailed, UniqueViolated } from '../errors.ts'

interface PostgresError extends Error {
  code?: string
  detail?: string
  table?: string
  constraint?: string
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
  '57P01',
  '57P02',
  '57P03', // shutting down, crashed, starting
  '25P03', // the server ended a session that kept a transaction open without using it
  '53100',
  '53200',
  '53300', // disk full, out of memory, too many connections
  '3D000',
  '28P01',
  '28000', // no such database, wrong password, not allowed in
])

/** Whether the connection, rather than the statement, failed. */
export function isConnectionLost(error: unknown): boolean {
  const { code = '', message } = error as PostgresError
  return (
    unreachable.has(code) ||
    code.startsWith('08') ||
    /^(Connection terminated|Client (has encountered a connection error|was closed))/.test(message)
  )
}

/** Whether a prepared statement outlived a change of the tables it reads. */
export function isStalePlan(error: unknown): boolean {
  const { code, message } = error as PostgresError
  return code === '0A000' && message.includes('cached plan')
}

/** One of the database errors for whatever the driver threw; errors already defined pass through. */
export function postgresFailure(error: unknown, startedAt: number): AppError {
  if (error instanceof AppError) return error
  const { code, message } = error as PostgresError
  const waitedMs = Math.round(performance.now() - startedAt)
  if (code === '23505') return new UniqueViolated(violated(error as PostgresError), { cause: error })
  if (code === '40P01' || code === '40001' || isStalePlan(error)) return new Deadlocked({ reason: message }, { cause: error })
  if (code === '55P03' || code === '57014' || message === 'timeout exceeded when trying to connect')
    return new DatabaseBusy({ waitedMs }, { cause: error })
  if (isConnectionLost(error)) return new DatabaseUnavailable({ reason: message }, { cause: error })
  return new QueryFailed({ dialect: 'postgres', reason: message }, { cause: error })
}

/** The columns stand only in the detail: `Key (email, "Home Phone")=(…) already exists.` */
function violated({ detail = '', table = '', constraint = '' }: PostgresError) {
  const listed = /\((.*?)\)=\(/s.exec(detail)?.[1] ?? ''
  const columns = listed ? listed.split(', ').map((column) => column.replace(/^"(.*)"$/, '$1')) : []
  return { table, columns, constraint, primary: constraint.endsWith('_pkey') }
}
