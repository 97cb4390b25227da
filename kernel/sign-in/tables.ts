import type { Storage } from '#kernel/database/database.ts'

const short: Storage = { kind: 'text', length: 140 }
const long: Storage = { kind: 'text' }
const moment: Storage = { kind: 'datetime' }

/**
 * Tables of sign-in with others: which identity outside is whose account here; which sessions came about by one (so that signing out
 * there ends them here); and the keys with which this site signs ID tokens. In the form of kernel/schema/system-tables.ts.
 */
export const signInTables = {
  __Sign_In_Link: {
    key: ['subject_hash'],
    columns: {
      subject_hash: short,
      kind: short,
      provider: short,
      /** As the provider calls the person; only ever shown to the owner. */
      subject: long,
      user: short,
      email: short,
      created: moment,
      last_used: moment,
    },
    indexes: [['user'], ['provider']],
  },
  __Outside_Session: {
    key: ['session_hash'],
    columns: { session_hash: short, subject_hash: short, kind: short, provider: short, created: moment, details: long },
    indexes: [['subject_hash'], ['created']],
  },
  __Signing_Key: {
    key: ['kid'],
    columns: { kid: short, alg: short, public_jwk: long, private_key: long, created: moment },
    indexes: [['alg', 'created']],
  },
} as const satisfies Record<string, { key: readonly string[]; columns: Record<string, Storage>; indexes: readonly (readonly string[])[] }>
