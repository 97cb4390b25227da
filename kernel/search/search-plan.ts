import { hash } from 'node:crypto'
import type { Context } from '#kernel/context/context.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import { type ReadingAccess, useOf, useOfChild } from '#kernel/query/access.ts'

/** A field whose text is searched; of a child table when `table` is given. */
export interface SearchedField {
  readonly field: MetaField
  readonly table?: MetaField
  /** Part of what somebody may read who has the right to the document and no more. */
  readonly isOpen: boolean
  /** Which of the closed groups it belongs to: -1 for open fields. */
  readonly group: number
}

/**
 * What of a DocType is searched. Fields that not every reader may read (permission levels above 0, masked ones) are in closed groups, one
 * for each set of rights they need. A document is indexed once for each combination of groups, its variant: a number in which bit n
 * stands for group n, and the bits above for the layout. Who searches sees exactly one variant of a DocType, which holds no text that they
 * may not read; after a field was closed, what was indexed before belongs to another layout, and is found by nobody until it is indexed anew.
 */
export interface SearchPlan {
  readonly title: MetaField | undefined
  readonly fields: readonly SearchedField[]
  /** A field of each closed group, to ask the rights of all. */
  readonly groups: readonly SearchedField[]
  /** The variant of open text alone: 0 where nothing is closed. */
  readonly layout: number
  /** Changes whenever documents must be indexed anew. */
  readonly signature: string
}

/** More sets of rights than this are not searched: each doubles the variants. */
const mostGroups = 3
/** Grows when texts are read or cut in another way. */
const version = 1
const never = new Set([
  'Password',
  'Attach',
  'Attach Image',
  'Signature',
  'Geolocation',
  'JSON',
  'Code',
  'Barcode',
  'Color',
  'Icon',
  'Check',
])

/**
 * The plan of a DocType; undefined where it is not searched: only those are that have a field with `in_global_search` (their own or of a
 * child table) or `show_name_in_global_search`. Title and search fields then count as well. Kept until definitions change.
 */
export function searchPlan(ctx: Context, meta: Meta): SearchPlan | undefined | Promise<SearchPlan | undefined> {
  const { meta: cache } = ctx.site.cache
  const key = `search:plan:${meta.name}`
  if (cache.has(key)) return cache.get(key) as SearchPlan | undefined
  const epoch = ctx.site.epoch.meta
  const keep = (plan: SearchPlan | undefined) => {
    if (ctx.site.epoch.meta === epoch) cache.set(key, plan)
    return plan
  }
  if (meta.isTable || meta.isSingle || meta.isVirtual) return keep(undefined)
  if (meta.tables.length === 0) return keep(makePlan(meta, new Map()))
  return childMetas(ctx, meta).then((children) => keep(makePlan(meta, children)))
}

async function childMetas(ctx: Context, meta: Meta): Promise<Map<string, Meta>> {
  const children = new Map<string, Meta>()
  for (const table of meta.tables)
    if (table.options && !table.is_virtual && (await ctx.site.meta.exists(table.options)))
      children.set(table.fieldname, await ctx.site.meta.get(table.options))
  return children
}

function makePlan(meta: Meta, children: ReadonlyMap<string, Meta>): SearchPlan | undefined {
  const asked = (field: MetaField) => field.in_global_search === 1 && isText(field)
  const own = meta.fields.filter(asked)
  const inTables = meta.tables.flatMap((table) =>
    (children.get(table.fieldname)?.fields ?? []).filter(asked).map((field) => ({ table, field })),
  )
  if (own.length === 0 && inTables.length === 0 && !meta.definition.show_name_in_global_search) return undefined
  const byName = new Map(own.map((field) => [field.fieldname, field]))
  for (const name of [meta.titleField, ...meta.searchFields]) {
    const field = meta.field.get(name)
    if (field && isText(field)) byName.set(name, field)
  }
  const titleField = meta.field.get(meta.titleField)
  const title = titleField && isText(titleField) && isOpenField(titleField) ? titleField : undefined
  if (title) byName.delete(title.fieldname)
  const labels: string[] = []
  const groups: SearchedField[] = []
  const closed: string[] = []
  const fields: SearchedField[] = []
  const place = (field: MetaField, table?: MetaField): void => {
    const label = [table, field].map((one) => (one ? `${one.permlevel}${one.mask ? 'm' : ''}` : '')).join('/')
    const isOpen = isOpenField(field) && (!table || isOpenField(table))
    if (!isOpen) closed.push(`${table?.fieldname ?? ''}.${field.fieldname} ${label}`)
    if (!isOpen && !labels.includes(label)) {
      if (labels.length === mostGroups) return
      labels.push(label)
      groups.push({ field, ...(table ? { table } : {}), isOpen, group: labels.length - 1 })
    }
    fields.push({ field, ...(table ? { table } : {}), isOpen, group: isOpen ? -1 : labels.indexOf(label) })
  }
  for (const field of byName.values()) place(field)
  for (const { table, field } of inTables) place(field, table)
  const spelt = fields.map(({ field, table, group }) => `${table ? `${table.fieldname}.` : ''}${field.fieldname}:${group}`)
  const layout = layoutOf(closed)
  return { title, fields, groups, layout, signature: `${version} ${layout} ${title?.fieldname ?? ''} ${spelt.join(' ')}`.slice(0, 4000) }
}

/** A number for which fields are closed and how, with room for the groups below. */
function layoutOf(closed: readonly string[]): number {
  if (closed.length === 0) return 0
  return hash('sha1', [...closed].sort().join('\n'), 'buffer').readUIntBE(0, 5) * (1 << mostGroups)
}

function isOpenField(field: MetaField): boolean {
  return field.permlevel === 0 && !field.mask
}

function isText(field: MetaField): boolean {
  return field.stored && !field.is_virtual && !never.has(field.fieldtype)
}

/** The variant of a DocType's documents that a reader finds. */
export function readableVariant(plan: SearchPlan, access: ReadingAccess): number {
  let variant = plan.layout
  for (const [index, { field, table }] of plan.groups.entries()) {
    const use = table ? useOfChild(access, table, field) : useOf(access, field)
    if (use === 'shown') variant += 1 << index
  }
  return variant
}
