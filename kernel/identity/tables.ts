import type { Storage } from '#kernel/database/database.ts'

const short: Storage = { kind: 'text', length: 140 }
const moment: Storage = { kind: 'datetime' }

/**
 * Tables of identity beside `__Session` and `__Auth`: single-use tokens of links and half-finished sign-ins (as hashes), and counts of
 * failures (under hashed names). In the form of kernel/schema/system-tables.ts.
 */
export const identityTables = {
  __Token: {
    key: ['token_hash'],
    columns: {
      token_hash: short,
      kind: short,
      user: short,
      created: moment,
      expires: moment,
      attempts: { kind: 'bigint' },
      data: { kind: 'text' },
    },
    indexes: [['user', 'kind'], ['expires']],
  },
  __Sign_In_Failure: {
    key: ['key_hash'],
    columns: { key_hash: short, failures: { kind: 'bigint' }, last_failed: moment },
    indexes: [['last_failed']],
  },
} as const satisfies Record<string, { key: readonly string[]; columns: Record<string, Storage>; indexes: readonly (readonly string[])[] }>
