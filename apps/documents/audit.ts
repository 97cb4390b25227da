import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { hashName } from '#kernel/documents/naming.ts'
import { insertRows } from '#kernel/documents/rows.ts'
import type { ReadListener, ReadPath } from '#kernel/permissions/reads.ts'
import { findRows, type FoundRow } from '#kernel/query/find-rows.ts'

/** One thing that was done with a document, a folder, a vault or a hold. */
export interface Deed {
  readonly organization: string
  /** View, Download, Upload, Share, Move, Trash, Restore, Purge, Acknowledge, Hold … */
  readonly action: string
  readonly objectType: string
  readonly objectName: string
  readonly title?: string | null
  readonly oldValue?: string | null
  readonly newValue?: string | null
  readonly details?: string | null
}

const doctypeOfLog = 'Document Audit'

/** Writes into the log in the caller's transaction: the entry stands exactly if the deed does. */
export async function recordDeeds(ctx: Context, deeds: readonly Deed[]): Promise<void> {
  if (deeds.length === 0) return
  await insertRows(
    ctx.db,
    await ctx.site.meta.meta(doctypeOfLog),
    deeds.map((deed) => rowOf(ctx, deed)),
  )
}

/** What a verb has written down already, in more words than "was read". */
const told = new WeakMap<object, Set<string>>()

/** Writes a deed down that is a reading, too: the same unit of work does not say "View" of it as well. */
export async function recordReading(ctx: Context, deed: Deed): Promise<void> {
  const known = told.get(ctx.db) ?? new Set<string>()
  told.set(ctx.db, known.add(`${deed.objectType}\n${deed.objectName}`))
  await recordDeeds(ctx, [deed])
}

const actions: Readonly<Record<ReadPath, string>> = {
  read: 'View',
  list: 'List',
  link: 'Link',
  search: 'Search',
  report: 'Report',
  export: 'Export',
  print: 'Print',
  file: 'Download',
  realtime: 'Follow',
}

/** Of documents the log says who opened them; in lists everybody sees them all day. Of vaults it says everything. */
const loggedOfDocuments: ReadonlySet<ReadPath> = new Set(['read', 'export', 'print', 'file'])

/** Writes down what reached whom: once for each document, person and unit of work, on whichever path. */
export const logReads: ReadListener = async (ctx, reads) => {
  const rows: AnyDocument[] = []
  for (const doctype of new Set(reads.map((read) => read.doctype))) {
    const own = reads.filter((read) => read.doctype === doctype && (doctype !== 'Document' || loggedOfDocuments.has(read.path)))
    const isTold = (name: string): boolean => told.get(ctx.db)?.has(`${doctype}\n${name}`) === true
    const names = [...new Set(own.flatMap(({ name }) => (name === undefined || isTold(name) ? [] : [name])))]
    const meta = await ctx.site.meta.get(doctype)
    const found = new Map<string, FoundRow>()
    for (let start = 0; start < names.length; start += 1000) {
      const fields = ['name', 'organization', doctype === 'Document' ? 'title' : 'vault_name']
      for (const row of await findRows(ctx, meta, where('name', 'in', names.slice(start, start + 1000)), { fields }))
        found.set(row.name, row)
    }
    for (const { name, path, user } of own) {
      const row = name === undefined ? undefined : found.get(name)
      if (!row) continue
      const title = row.title ?? row.vault_name
      const deed = { organization: String(row.organization), action: actions[path], objectType: doctype, objectName: row.name }
      rows.push(rowOf(ctx, { ...deed, title: typeof title === 'string' ? title : null }, user.name))
    }
  }
  if (rows.length > 0) await insertRows(ctx.db, await ctx.site.meta.meta(doctypeOfLog), rows)
}

function rowOf(ctx: Context, deed: Deed, user = ctx.user.name): AnyDocument {
  const at = nowText(ctx)
  const row: Record<string, unknown> = {
    doctype: doctypeOfLog,
    name: hashName(),
    owner: user,
    creation: at,
    modified: at,
    modified_by: user,
    docstatus: 0,
    idx: 0,
    organization: deed.organization,
    at,
    user,
    action: deed.action,
    object_type: deed.objectType,
    object_name: deed.objectName,
    title: deed.title?.slice(0, 255) ?? null,
    old_value: deed.oldValue ?? null,
    new_value: deed.newValue ?? null,
    ip_address: ctx.request.ip,
    request_id: ctx.request.id,
    details: deed.details ?? null,
  }
  return row as AnyDocument
}

/** What the engine itself refuses to change: all but the link to the organization, which follows when that is renamed. */
export const fixedFields = [
  'name',
  'owner',
  'creation',
  'at',
  'user',
  'action',
  'object_type',
  'object_name',
  'title',
  'old_value',
  'new_value',
  'ip_address',
  'request_id',
  'details',
] as const
