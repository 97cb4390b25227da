import type { AppPart } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { AnyDocument, DocumentListener } from '#kernel/documents/document.ts'
import { vaultPermissions } from '../access.ts'
import { RecordIsFixed } from '../errors.ts'
import { isInside } from '../inside.ts'
import { keepApart } from '../organization.ts'
import { vaultMethods } from './verbs.ts'

/** What lies in a vault is taken out of it there, where holds and the log see it, and nowhere else. */
const keepInVault: DocumentListener = async (ctx, file, extra) => {
  if (extra && !extra.before && !extra.old) return
  await refuse(ctx, file)
}

async function refuse(ctx: Context, file: AnyDocument): Promise<void> {
  if (isInside(ctx, 'filing') || file.attached_to_doctype !== 'Document Vault') return
  const url = typeof file.file_url === 'string' ? file.file_url : ''
  const rows = await ctx.db.query(
    ctx.db.dialect.compile(
      sql`select 1 as one from ${ident('tabVault Document')} where parent = ${String(file.attached_to_name)} and ${ident('file')} = ${url} limit 1`,
    ),
  )
  if (rows.length > 0) throw new RecordIsFixed({ doctype: 'File', field: 'file' })
}

/** The vaults of customers. */
export const vaultPart: AppPart = {
  methods: vaultMethods,
  permissions: { 'Document Vault': vaultPermissions },
  events: {
    'Document Vault': { before_validate: keepApart },
    File: { validate: keepInVault, on_trash: (ctx, file) => refuse(ctx, file), before_rename: keepInVault },
  },
}
