import { Type } from 'typebox'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { find, getDocument } from '#kernel/documents/load.ts'
import { save } from '#kernel/documents/save.ts'
import { filesAt } from '#kernel/files/file-access.ts'
import { FileAnswer } from '#kernel/methods/file-answer.ts'
import { checkedPerDocument, defineMethod, signedIn } from '#kernel/methods/method.ts'
import { predicateMatches } from '#kernel/permissions/row-matches.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { isOutside, portalVaults } from '../access.ts'
import { recordDeeds, recordReading } from '../audit.ts'
import { VaultUnknown, VaultUploadsClosed } from '../errors.ts'
import { bytesOf, sealUpload } from '../filing/seal-file.ts'
import { todayIn } from '../organization.ts'

const name = Type.String({ minLength: 1, maxLength: 140 })

interface Row {
  readonly name: string
  readonly document_name: string
  readonly file: string
  readonly category: string | null
  readonly uploaded_at: string
  readonly file_size: number
  readonly portal_visible: 0 | 1
  readonly acknowledgment_required: 0 | 1
  readonly acknowledged_at: string | null
}

/** A vault with what the caller may see of it: colleagues all, customers what is meant for them while it is open. @throws VaultUnknown, PermissionDenied */
async function enter(ctx: Context, vault: string): Promise<{ vault: AnyDocument; rows: Row[] }> {
  if (!isOutside(ctx)) {
    const document = await getDocument(ctx, 'Document Vault', vault)
    return { vault: document, rows: document.documents as Row[] }
  }
  const meta = await ctx.site.meta.get('Document Vault')
  const document = await find(ctx, meta, vault)
  if (!document || !(await predicateMatches(ctx, meta, await portalVaults(ctx), document)) || !(await isOpen(ctx, document)))
    throw new VaultUnknown({ field: 'vault' })
  return { vault: document, rows: (document.documents as Row[]).filter((row) => row.portal_visible) }
}

async function isOpen(ctx: Context, vault: Record<string, unknown>): Promise<boolean> {
  return typeof vault.expiry_date !== 'string' || vault.expiry_date >= (await todayIn(ctx, String(vault.organization)))
}

const deed = (vault: AnyDocument, action: string, details: string | null = null) => ({
  organization: String(vault.organization),
  action,
  objectType: 'Document Vault',
  objectName: vault.name,
  title: String(vault.vault_name),
  details,
})

const mine = defineMethod({
  path: 'orchestrator.documents.my_vaults',
  summary: 'The vaults that the caller may enter through the portal.',
  verbs: ['GET', 'POST'],
  commitsOnGet: true,
  input: Type.Object({}),
  rule: signedIn,
  async handler(ctx) {
    const meta = await ctx.site.meta.get('Document Vault')
    const rows = await findRows(ctx, meta, await portalVaults(ctx), { orderBy: [['vault_name', 'asc']], limit: 200 })
    const open = []
    for (const row of rows) if (await isOpen(ctx, row)) open.push(row)
    await recordDeeds(
      ctx,
      open.map((row) => deed(row as unknown as AnyDocument, 'List')),
    )
    return open.map((row) => ({
      name: row.name,
      vault_name: row.vault_name,
      description: row.description,
      customer_upload: row.customer_upload,
    }))
  },
})

const contents = defineMethod({
  path: 'orchestrator.documents.vault_contents',
  summary: 'What lies in a vault, as far as the caller may see it.',
  verbs: ['GET', 'POST'],
  commitsOnGet: true,
  input: Type.Object({ vault: name }),
  rule: signedIn,
  async handler(ctx, given) {
    const { vault, rows } = await enter(ctx, given.vault)
    await recordReading(ctx, deed(vault, 'View'))
    return {
      vault_name: vault.vault_name,
      documents: rows.map((row) => ({
        name: row.name,
        document_name: row.document_name,
        category: row.category,
        uploaded_at: row.uploaded_at,
        file_size: row.file_size,
        acknowledgment_required: row.acknowledgment_required,
        acknowledged_at: row.acknowledged_at,
      })),
    }
  },
})

function rowOf(rows: readonly Row[], wanted: string): Row {
  const row = rows.find((one) => one.name === wanted)
  if (!row) throw new VaultUnknown({ field: 'document' })
  return row
}

const download = defineMethod({
  path: 'orchestrator.documents.download_vault_document',
  summary: 'Sends a file of a vault, and writes that down.',
  verbs: ['GET', 'POST'],
  commitsOnGet: true,
  input: Type.Object({ vault: name, document: name }),
  rule: signedIn,
  async handler(ctx, given) {
    const { vault, rows } = await enter(ctx, given.vault)
    const row = rowOf(rows, given.document)
    const [file] = (await filesAt(ctx, row.file)).filter(
      (one) => one.attached_to_doctype === 'Document Vault' && one.attached_to_name === vault.name,
    )
    const answer = new FileAnswer(
      file?.file_name ?? row.document_name,
      file?.content_type ?? 'application/octet-stream',
      await bytesOf(ctx, row.file),
    )
    await recordReading(ctx, deed(vault, 'Download', row.document_name))
    return answer
  },
})

const upload = defineMethod({
  path: 'orchestrator.documents.upload_to_vault',
  summary: 'Puts a private file that the caller has uploaded into a vault.',
  verbs: ['POST'],
  input: Type.Object({
    vault: name,
    file_url: Type.String({ minLength: 1, maxLength: 500 }),
    document_name: name,
    category: Type.Optional(name),
  }),
  rule: signedIn,
  async handler(ctx, given) {
    const { vault } = await enter(ctx, given.vault)
    if (isOutside(ctx) && !vault.customer_upload) throw new VaultUploadsClosed({ field: 'vault' })
    await ctx.db.begin()
    // With the rights of who uploads: naming a file opens nobody else's.
    const sealed = await sealUpload(ctx, given.file_url, { doctype: 'Document Vault', name: vault.name }, 'file_url')
    const writer = isOutside(ctx) ? ctx.asSystem('a customer hands something in through the portal') : ctx
    const fresh = (await find(writer, await ctx.site.meta.get('Document Vault'), vault.name, true)) as AnyDocument
    const row = { document_name: given.document_name, file: sealed.url, category: given.category ?? null, portal_visible: 1 }
    await save(writer, fresh, { documents: [...(fresh.documents as object[]), row] })
    return { document: (fresh.documents as Row[]).at(-1)?.name }
  },
})

const acknowledge = defineMethod({
  path: 'orchestrator.documents.acknowledge_vault_document',
  summary: 'Says that the caller has read a document of a vault. The first time counts.',
  verbs: ['POST'],
  input: Type.Object({ vault: name, document: name }),
  rule: signedIn,
  async handler(ctx, given) {
    const { vault, rows } = await enter(ctx, given.vault)
    const row = rowOf(rows, given.document)
    if (row.acknowledged_at) return { acknowledged_at: row.acknowledged_at }
    const at = nowText(ctx)
    await ctx.db.execute(
      ctx.db.dialect.compile(
        sql`update ${ident('tabVault Document')} set acknowledged_at = ${at} where name = ${row.name} and acknowledged_at is null`,
      ),
    )
    await recordReading(ctx, deed(vault, 'Acknowledge', row.document_name))
    return { acknowledged_at: at }
  },
})

const changes = ['Create', 'Change', 'Remove', 'Delete']

const accessLog = defineMethod({
  path: 'orchestrator.documents.vault_log',
  summary: 'Who read, took, handed in and acknowledged what of a vault, the latest first, as rows of Vault Access Log.',
  verbs: ['GET', 'POST'],
  input: Type.Object({ vault: name, limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })) }),
  rule: checkedPerDocument('the right to read the vault is demanded of the caller; customers have none'),
  async handler(ctx, given) {
    const vault = await getDocument(ctx, 'Document Vault', given.vault)
    const own = and(where('object_type', '=', 'Document Vault'), where('object_name', '=', vault.name), where('action', 'not in', changes))
    const meta = await ctx.site.meta.get('Document Audit')
    const rows = await findRows(ctx, meta, own, { orderBy: [['at', 'desc']], limit: given.limit ?? 100 })
    return rows.map((row) => ({
      action: ['Download', 'Upload', 'Acknowledge'].includes(String(row.action)) ? row.action : 'View',
      document_name: row.details,
      timestamp: row.at,
      user: row.user,
      ip_address: row.ip_address,
    }))
  },
})

export const vaultMethods = [mine, contents, download, upload, acknowledge, accessLog]
