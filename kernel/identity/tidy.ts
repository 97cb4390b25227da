import type { Context } from '#kernel/context/context.ts'
import { deleteExpiredTokens } from './one-time-tokens.ts'
import { deleteEndedSessions } from './sessions.ts'
import { deleteOldFailures } from './sign-in-failures.ts'

/** Removes sessions, links and counts of failures that can matter to nobody any more. Once a day is plenty. @returns sessions removed */
export async function tidyIdentity(ctx: Context): Promise<number> {
  await deleteExpiredTokens(ctx)
  await deleteOldFailures(ctx)
  return deleteEndedSessions(ctx)
}
