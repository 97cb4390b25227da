import { defineError } from '#client/rules/errors.ts'

/** Why one change was not made. */
export interface Refusal {
  table: string
  /** '' when it concerns the whole table. */
  column: string
  reason: string
}

export const SyncRefused = defineError<{ refusals: readonly Refusal[] }>({
  code: 'schema/sync-refused',
  status: 409,
  excType: 'ValidationError',
  message: (d) =>
    `The tables cannot follow the definitions without losing data: ${d.refusals.map((r) => `${r.table}${r.column && `.${r.column}`}: ${r.reason}`).join(' ')}`,
})

export const PatchFailed = defineError<{ app: string; patch: string; reason: string }>({
  code: 'schema/patch-failed',
  status: 500,
  excType: 'ValidationError',
  message: (d) => `Patch ${d.patch} of ${d.app} failed, and nothing of it was kept: ${d.reason}`,
})
