import type { Storage } from '#kernel/database/database.ts'

const short: Storage = { kind: 'text', length: 140 }
const number: Storage = { kind: 'bigint' }

/**
 * What the processes of a site share about services outside, in the form of kernel/schema/system-tables.ts. Times are milliseconds since
 * 1970, UTC; 0 means never.
 */
export const externalTables = {
  __Circuit: {
    key: ['service'],
    columns: {
      service: short,
      /** `closed` or `open`; half-open is an open one whose probe is on its way. */
      state: short,
      /** Failures in a row. */
      failures: number,
      last_failure: number,
      /** Code of the last failure's error. */
      last_error: short,
      last_change: number,
      /** When one call may be tried again. */
      retry_at: number,
      /** Times it opened without having closed: each makes the wait longer. */
      openings: number,
      /** Who tries, and until when others leave it to them. */
      probe: short,
      probe_until: number,
    },
  },
} as const satisfies Record<string, { key: readonly string[]; columns: Record<string, Storage> }>
