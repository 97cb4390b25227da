import { defineError } from '#client/rules/errors.ts'

export const UniqueViolated = defineError<{ table: string; columns: string[]; constraint: string; primary: boolean }>({
  code: 'database/unique-violated',
  status: 409,
  excType: 'DuplicateEntryError',
  message: (d) => `A record with the same ${d.columns.join(', ') || d.constraint} already exists.`,
})

export const QueryFailed = defineError<{ dialect: string; reason: string }>({
  code: 'database/query-failed',
  status: 500,
  excType: 'DatabaseError',
  message: () => 'The database refused a statement.',
})

export const DatabaseUnavailable = defineError<{ reason: string }>({
  code: 'database/unavailable',
  status: 503,
  excType: 'SessionStopped',
  message: () => 'The database cannot be reached. Try again in a moment.',
})

export const DatabaseBusy = defineError<{ waitedMs: number }>({
  code: 'database/busy',
  status: 503,
  excType: 'QueryTimeoutError',
  message: (d) => `The database was busy for ${d.waitedMs} ms. Try again in a moment.`,
})

export const Deadlocked = defineError<{ reason: string }>({
  code: 'database/deadlocked',
  status: 508,
  excType: 'QueryDeadlockError',
  message: () => 'Two changes waited for each other, and this one was undone. Try again.',
})
