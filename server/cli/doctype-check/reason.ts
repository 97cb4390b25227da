import { AppError } from '#client/rules/errors.ts'
import { QueryFailed } from '#kernel/database/errors.ts'

/** An error in a line, with the place in the document it is about. */
export function reasonOf(error: unknown): string {
  // The kernel keeps the engine's words from strangers; whoever checks definitions is none.
  if (QueryFailed.is(error)) return `${error.message} ${String(error.data.reason)}`
  if (error instanceof AppError) return error.field ? `${error.message} (${error.field})` : error.message
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}
