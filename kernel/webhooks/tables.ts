import type { Storage } from '#kernel/database/database.ts'

const short: Storage = { kind: 'text', length: 140 }
const long: Storage = { kind: 'text' }

/** Webhooks that came in, in the form of kernel/schema/system-tables.ts. Times are milliseconds since 1970, UTC. */
export const webhookTables = {
  __Webhook_Event: {
    key: ['id'],
    columns: {
      /** Hash of the endpoint and of the event's id there: the second of the same finds the first. */
      id: short,
      endpoint: short,
      provider: short,
      received: { kind: 'bigint' },
      url: long,
      /** JSON; without what proves or identifies. */
      headers: long,
      /** The bytes as they came, in base64. */
      body: long,
    },
    indexes: [['received']],
  },
} as const satisfies Record<string, { key: readonly string[]; columns: Record<string, Storage>; indexes?: readonly (readonly string[])[] }>
