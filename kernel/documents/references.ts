import type { Context } from '#kernel/context/context.ts'
import { ident, type Sql, sql } from '#kernel/database/sql.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import { can } from '#kernel/permissions/grants.ts'
import { find } from './load.ts'

/** A field somewhere that may hold the name of a document. */
export interface Reference {
  readonly meta: Meta
  readonly field: MetaField
  /** For dynamic links: the column that holds the DocType. */
  readonly typeField: string | undefined
}

/** Every field of the site that may point to a document of this DocType; kept until definitions change. */
export async function referencesTo(ctx: Context, doctype: string): Promise<Reference[]> {
  const key = `references:${doctype}`
  const known = ctx.site.cache.meta.get(key) as Reference[] | undefined
  if (known) return known
  const epoch = ctx.site.epoch.meta
  const found: Reference[] = []
  for (const meta of await ctx.site.meta.all()) {
    if (meta.isVirtual) continue
    for (const field of meta.links)
      if (field.stored && (await canonical(ctx, field.options)) === doctype) found.push({ meta, field, typeField: undefined })
    // One whose options name no field points nowhere; a definition like that must not stop others from being deleted.
    for (const field of meta.dynamicLinks)
      if (field.stored && field.options && (meta.isSingle || meta.column.has(field.options)))
        found.push({ meta, field, typeField: field.options })
  }
  if (ctx.site.epoch.meta === epoch) ctx.site.cache.meta.set(key, found)
  return found
}

async function canonical(ctx: Context, doctype: string | undefined): Promise<string | undefined> {
  if (!doctype || !(await ctx.site.meta.exists(doctype))) return doctype
  return (await ctx.site.meta.meta(doctype)).name
}

/** Records that are about a document rather than dependent on it: they go with it and never keep it from being deleted. */
export const attendants: ReadonlySet<string> = new Set([
  'Comment',
  'Version',
  'ToDo',
  'File',
  'DocShare',
  'Tag Link',
  'Activity Log',
  'Access Log',
  'View Log',
  'Document Follow',
  'Communication',
  'Deleted Document',
  'Audit Entry',
  'Notification Log',
  'Email Queue',
  'User Permission',
  'Error Log',
  'DefaultValue',
  'Workflow Action',
])

/** Attendant records that have no meaning without the document, and the columns that name it. */
export const goesAlong: readonly [doctype: string, typeColumn: string, nameColumn: string][] = [
  ['Comment', 'reference_doctype', 'reference_name'],
  ['Version', 'ref_doctype', 'docname'],
  ['ToDo', 'reference_type', 'reference_name'],
  ['DocShare', 'share_doctype', 'share_name'],
  ['Tag Link', 'document_type', 'document_name'],
  ['View Log', 'reference_doctype', 'reference_name'],
  ['Document Follow', 'ref_doctype', 'ref_docname'],
  ['Workflow Action', 'reference_doctype', 'reference_name'],
]

/** Records that follow a document to its new name, and stay, or go by their own rules, when it is deleted. */
export const followsName: typeof goesAlong = [
  ['File', 'attached_to_doctype', 'attached_to_name'],
  ['Notification Log', 'document_type', 'document_name'],
  ['Email Queue', 'reference_doctype', 'reference_name'],
]

/** References of attendants that count all the same: who is confined to a document must not become free, or get whatever bears its name next. */
const binding: ReadonlySet<string> = new Set(['User Permission/for_value'])

/** The condition under which a reference's row points to this document. */
export function pointsTo(reference: Reference, doctype: string, name: string | number): Sql {
  // Links are texts, also to documents whose names are counted.
  const holds = sql`${ident(reference.field.fieldname)} = ${String(name)}`
  return reference.typeField ? sql`${ident(reference.typeField)} = ${doctype} and ${holds}` : holds
}

export interface Dependent {
  doctype: string
  name: string
  field: string
}

/**
 * Documents that point to this one, at most `limit`; rows of child tables count as the document they belong to, and what merely
 * attends it (comments, versions …) does not count.
 * @param submittedOnly  look only for submitted ones (a cancellation may not strand them)
 */
export async function dependentsOf(
  ctx: Context,
  meta: Meta,
  name: string | number,
  { limit = 5, submittedOnly = false }: { limit?: number; submittedOnly?: boolean } = {},
): Promise<Dependent[]> {
  const found: Dependent[] = []
  for (const reference of await referencesTo(ctx, meta.name)) {
    const isAttendant = attendants.has(reference.meta.name) && !binding.has(`${reference.meta.name}/${reference.field.fieldname}`)
    if (isAttendant || found.length >= limit) continue
    if (submittedOnly && !reference.meta.isSubmittable && !reference.meta.isTable) continue
    if (reference.meta.isSingle) {
      if (!submittedOnly) found.push(...(await singleDependents(ctx, reference, meta, name)))
      continue
    }
    const table = ident(reference.meta.table)
    const who = reference.meta.isTable ? sql`parenttype as doctype, parent as name` : sql`name`
    const state = submittedOnly ? sql` and docstatus = 1` : sql``
    const rows = await ctx.db.query<{ doctype?: string; name: string | number }>(
      ctx.db.dialect.compile(
        sql`select ${who} from ${table} where ${pointsTo(reference, meta.name, name)}${state} limit ${sql.lit(limit)}`,
      ),
    )
    for (const row of rows) {
      const doctype = row.doctype ?? reference.meta.name
      const isItself = doctype === meta.name && String(row.name) === String(name)
      if (!isItself && !found.some((one) => one.doctype === doctype && one.name === String(row.name)))
        found.push({ doctype, name: String(row.name), field: reference.field.fieldname })
    }
  }
  return found.slice(0, limit)
}

/** Dependents as the user may be told of them: by name only where they may be read. */
export async function nameable(ctx: Context, dependents: readonly Dependent[]): Promise<{ by: Dependent[]; hasOthers: boolean }> {
  const by: Dependent[] = []
  for (const dependent of dependents) if (await isReadable(ctx, dependent)) by.push(dependent)
  return { by, hasOthers: by.length < dependents.length }
}

async function isReadable(ctx: Context, { doctype, name }: Dependent): Promise<boolean> {
  if (!(await can(ctx, 'read', doctype))) return false
  const document = await find(ctx, await ctx.site.meta.get(doctype), name)
  return document !== undefined && can(ctx, 'read', doctype, document)
}

async function singleDependents(ctx: Context, reference: Reference, meta: Meta, name: string | number): Promise<Dependent[]> {
  const rows = await ctx.db.query<{ field: string; value: string | null }>(
    ctx.db.dialect.compile(sql`select field, value from ${ident('tabSingles')} where doctype = ${reference.meta.name}`),
  )
  const values = new Map(rows.map((row) => [row.field, row.value]))
  if (values.get(reference.field.fieldname) !== String(name)) return []
  if (reference.typeField && values.get(reference.typeField) !== meta.name) return []
  return [{ doctype: reference.meta.name, name: reference.meta.name, field: reference.field.fieldname }]
}
