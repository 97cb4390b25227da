import type { Storage } from '#kernel/database/database.ts'

const short: Storage = { kind: 'text', length: 140 }

/**
 * How live events cross processes: those that have sockets of the site open (`expires` in milliseconds since 1970), and what others have
 * put down for each of them. In the form of kernel/schema/system-tables.ts.
 */
export const realtimeTables = {
  __Listener: { key: ['id'], columns: { id: short, expires: { kind: 'bigint' } } },
  __Event: { key: ['id'], columns: { id: short, listener: short, payload: { kind: 'text' } }, indexes: [['listener', 'id']] },
} as const satisfies Record<string, { key: readonly string[]; columns: Record<string, Storage>; indexes?: readonly (readonly string[])[] }>
