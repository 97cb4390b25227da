import type { AppPart } from '#kernel/apps/app.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { DocumentListener } from '#kernel/documents/document.ts'
import { fixedFields, logReads } from '../audit.ts'
import { HoldFixed } from '../errors.ts'
import { keepApart } from '../organization.ts'
import { applyRetention, emptyTrash } from './apply-retention.ts'

/** A hold on what somebody has made goes by their name, which therefore stays. */
const keepCustodian: DocumentListener = async (ctx, user) => {
  const rows = await ctx.db.query<{ hold_name: string }>(
    ctx.db.dialect.compile(
      sql`select hold_name from ${ident('tabLegal Hold')} where status = ${'Active'} and scope = ${'Custodian'} and custodian = ${user.name} limit 1`,
    ),
  )
  if (rows[0])
    throw new HoldFixed({ field: 'new_name', hold: String(rows[0].hold_name), reason: 'what this user has made is held under their name.' })
}

/** How long documents are kept, what must not go, and the log of what was done with them. */
export const keepingPart: AppPart = {
  events: {
    'Legal Hold': { before_validate: keepApart },
    'Retention Policy': { before_validate: keepApart },
    User: { before_rename: keepCustodian },
  },
  appendOnly: { 'Document Audit': fixedFields },
  onRead: { Document: logReads, 'Document Vault': logReads },
  jobs: {
    'apply-retention': {
      queue: 'long',
      asSystem: 'lets go of documents whose time is over',
      run: (ctx, _input, job) => applyRetention(ctx, job),
    },
    'empty-trash': {
      queue: 'long',
      asSystem: 'deletes what has lain in the trash of documents for a month',
      run: async (ctx, _input, job) => ({ deleted: await emptyTrash(ctx, job) }),
    },
  },
  schedules: [
    { every: '20 3 * * *', job: 'apply-retention' },
    { every: '50 3 * * *', job: 'empty-trash' },
  ],
}
