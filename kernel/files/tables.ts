import type { Storage } from '#kernel/database/database.ts'

/** In the form of kernel/schema/system-tables.ts. */
export const fileTables = {
  /** What a file says, as plain text, by the name of its File document; for search. */
  __File_Text: {
    key: ['file'],
    columns: { file: { kind: 'text', length: 140 }, content: { kind: 'text' } },
  },
} as const satisfies Record<string, { key: readonly string[]; columns: Record<string, Storage> }>
