import type { Storage } from '#kernel/database/database.ts'

const short: Storage = { kind: 'text', length: 140 }
const number: Storage = { kind: 'bigint' }

/** What was spent on language models, in the form of kernel/schema/system-tables.ts. */
export const languageModelTables = {
  __Language_Model_Spend: {
    key: ['day', 'scope'],
    columns: {
      /** `YYYY-MM-DD` in the site's time zone. */
      day: short,
      /** `site`, or `org:` and the organization. */
      scope: short,
      /** Tokens spent, and put aside for questions on their way. */
      tokens: number,
      /** Money in thousand-millionths of the prices' currency. */
      nanos: number,
    },
  },
} as const satisfies Record<string, { key: readonly string[]; columns: Record<string, Storage> }>
