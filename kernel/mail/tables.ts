import type { Storage } from '#kernel/database/database.ts'

const short: Storage = { kind: 'text', length: 140 }
const long: Storage = { kind: 'text', length: 255 }
const number: Storage = { kind: 'bigint' }

/** What is known of mailboxes that are read, in the form of kernel/schema/system-tables.ts. Times in milliseconds since 1970. */
export const mailTables = {
  /** How far a folder was read. `uidvalidity` changes when its numbers begin anew. */
  __Mailbox: {
    key: ['account', 'folder'],
    columns: { account: short, folder: long, uidvalidity: number, last_uid: number, stuck_uid: number, stuck_times: number },
  },
  /** Mails that came, each once however often it is read: by account and hash of its bytes. */
  __Received_Mail: {
    key: ['account', 'mail_hash'],
    columns: {
      account: short,
      mail_hash: short,
      folder: long,
      uidvalidity: number,
      uid: number,
      received: number,
      outcome: short,
      communication: short,
    },
    indexes: [['received']],
  },
} as const satisfies Record<string, { key: readonly string[]; columns: Record<string, Storage>; indexes?: readonly (readonly string[])[] }>
