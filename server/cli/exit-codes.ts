import { AppError } from '#client/rules/errors.ts'
import { MethodUnknown } from '#kernel/methods/errors.ts'

/** What the exit code of `orc` says; printed by `orc --help` and in docs/reference. */
export const exitCodes: readonly (readonly [code: number, meaning: string])[] = [
  [0, 'done'],
  [1, 'failed: something broke, or a check found faults'],
  [2, 'wrong use: an unknown command or option, a missing or unreadable argument, no site chosen'],
  [3, 'not found: no such site, app, document, method or file'],
  [4, 'refused: not permitted, not valid, exists already, in conflict'],
]

/** The exit code for an error that ended a command. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof AppError)) return 1
  if (error.excType === 'UsageError') return 2
  // To callers over the network an unknown method looks like a forbidden one; whoever types commands may know.
  if (error.status === 404 || error.code === MethodUnknown.definition.code) return 3
  return error.status >= 400 && error.status < 500 ? 4 : 1
}

/** An error as `--json` shows it. Of one that nobody declared, the message only. */
export function errorValue(error: unknown): { error: { code: string; message: string; field?: string; data?: Record<string, unknown> } } {
  if (!(error instanceof AppError))
    return { error: { code: 'cli/failed', message: error instanceof Error ? error.message : String(error) } }
  const { code, message, field, data } = error
  const rest = Object.fromEntries(Object.entries(data).filter(([key]) => key !== 'field'))
  return { error: { code, message, ...(field ? { field } : {}), ...(Object.keys(rest).length > 0 ? { data: rest } : {}) } }
}
