import { hash } from 'node:crypto'
import type { Context } from '#kernel/context/context.ts'
import type { Dialect, DialectName, SqlValue } from '#kernel/database/database.ts'
import { sql } from '#kernel/database/sql.ts'
import { sensitiveFields, withoutSecrets } from './sensitive-fields.ts'
import { nowText } from '#kernel/context/time.ts'
import type { Site } from '#kernel/sites/site.ts'

/** One thing that happened. */
export interface AuditRecord {
  /** insert, update, submit, cancel, discard, delete, rename, restore, login, login-failed, logout … */
  action: string
  doctype?: string
  name?: string
  /**
   * What changed, as plain data: a document's changeset (`changed: [field, before, after][]` …) or `{field: [before, after]}`.
   * Sensitive values are masked here.
   */
  changes?: object
  /** Whom it concerns when nobody is signed in yet; default: the acting user. */
  user?: string
}

/** The stored columns whose content the entry's hash covers, in the order it covers them. */
export const hashedColumns = ['at', 'user', 'action', 'ref_doctype', 'docname', 'changes', 'elevation_reason', 'request_id', 'ip'] as const

const columns = [...hashedColumns, 'entry_hash', 'owner', 'creation', 'modified', 'modified_by', 'docstatus', 'idx'] as const

/** Changes longer than this are kept as their hash and size only, so that one document cannot fill the log. */
const longestChanges = 4_000_000

/** Sites in which this process wrote entries since it last sealed. */
const unsealed = new WeakSet<Site>()

/** Whether this process wrote entries of the site since the last call; asking counts as having been told. */
export function tookEntries(site: Site): boolean {
  return unsealed.delete(site)
}

/**
 * Writes one entry in the caller's transaction: it exists exactly if the change does. Entries are never updated; sealing
 * (seal.ts) chains them afterwards, so that writers do not wait for each other.
 */
export async function recordAudit(ctx: Context, record: AuditRecord): Promise<void> {
  unsealed.add(ctx.site)
  const at = nowText(ctx)
  const user = record.user ?? ctx.user.name
  const content: (string | null)[] = [
    at,
    user,
    record.action,
    record.doctype ?? null,
    record.name ?? null,
    changesText(ctx, record),
    ctx.elevation ?? null,
    ctx.request.id,
    ctx.request.ip,
  ]
  const parameters: SqlValue[] = [...content, entryHash(content), user, at, at, user, 0, 0]
  await ctx.db.execute({ sql: insertText(ctx.db.dialect), parameters })
}

/** SHA-256 over an entry's content: the values of `hashedColumns`, in that order, as JSON. */
export function entryHash(content: readonly (string | null)[]): string {
  return hash('sha256', JSON.stringify(content), 'base64url')
}

function changesText(ctx: Context, record: AuditRecord): string | null {
  if (!record.changes) return null
  const sensitive = sensitiveFields(ctx.site, record.doctype)
  const text = JSON.stringify(record.changes, withoutSecrets(sensitive))
  if (text.length <= longestChanges) return text
  return JSON.stringify({ omitted: 'too long', characters: text.length, sha256: hash('sha256', text, 'base64url') })
}

/** The statement's text depends on the engine alone; building it for each entry would cost more than running it. */
const insertTexts: Partial<Record<DialectName, string>> = {}

function insertText(dialect: Dialect): string {
  insertTexts[dialect.name] ??= dialect.compile(
    sql`insert into ${sql.id('tabAudit Entry')} (${sql.join(columns.map((name) => sql.id(name)))}) values (${sql.join(columns.map(() => null))})`,
  ).sql
  return insertTexts[dialect.name] as string
}
