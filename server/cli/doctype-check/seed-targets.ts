import { selectOptions } from '#client/rules/formats.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { assignFromCode } from '#kernel/documents/assign.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { insertCounted, insertRows, isAutoincrement } from '#kernel/documents/rows.ts'
import { uuidv7 } from '#kernel/documents/uuid.ts'
import { anyDoctype, generatedValue, generatedValues, type Surroundings } from '#kernel/generate/document.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import type { OpenSite } from '#kernel/sites/open-site.ts'

/** Documents that a new site has: links point to these. */
const standing: ReadonlyMap<string, string> = new Map([
  // Not the one that dynamic links use: what a DocType names, such as a Party Type, must not meet its own seed.
  ['DocType', 'Note'],
  ['User', 'Administrator'],
  ['Role', 'System Manager'],
  ['Module Def', 'Core'],
])

/** No document that is checked has these variants, so that unique fields do not meet. */
const seedVariant = 9
const spareVariant = 8

export interface Seeded extends Surroundings {
  /** A second document that a link may point to; undefined where there is none. */
  spare(doctype: string): string | undefined
}

/**
 * Gives links something to point to: a row in every table that a link of these DocTypes names, written straight into the table, because
 * documents that need each other could not be made one after the other. Where a link is unique, its target gets a spare row, for the
 * seed's own link.
 */
export async function seedTargets(site: OpenSite, metas: readonly Meta[], fail: (name: string, error: unknown) => void): Promise<Seeded> {
  const known = new Map(metas.map((meta) => [meta.name, meta]))
  const targets = new Map<string, Meta>()
  for (const meta of metas)
    for (const name of targetsOf(meta)) if (await site.meta.exists(name)) targets.set(name, await site.meta.get(name))
  const wishes = wishedNames(metas, known)
  const names = new Map<string, string | number>(standing)
  for (const [name, meta] of targets) if (!names.has(name)) names.set(name, seedName(meta, wishes.get(name), site.clock.now()))
  const around: Surroundings = {
    child: (doctype) => known.get(doctype) ?? site.meta.cached(doctype),
    target: (doctype) => names.get(doctype),
  }
  const fetched = fetchedValues(metas, known, around)
  const uniques = new Set(
    [...targets.values()].flatMap((meta) =>
      meta.links.filter((link) => link.unique || isNaming(meta, link)).map(({ options }) => options ?? ''),
    ),
  )
  await site.asSystem('targets for links', async (ctx) => {
    const write = async (meta: Meta, name: string | number | undefined, values: Record<string, unknown>): Promise<void> => {
      try {
        await ctx.db.savepoint(async () => {
          const counted = await writeRow(ctx, meta, name, values)
          if (counted !== undefined) names.set(meta.name, counted)
        })
      } catch (error) {
        fail(meta.name, error)
      }
    }
    for (const [doctype, meta] of targets) {
      if (meta.isSingle || meta.isVirtual || standing.has(doctype)) continue
      if (uniques.has(doctype) && hasTextName(meta)) await write(meta, spareName(meta), spareValues(meta, around))
      await write(meta, names.get(doctype), { ...seedValues(meta, around, targets), ...fetched.get(doctype) })
    }
  })
  const hasSpare = (doctype: string): boolean => {
    const target = targets.get(doctype)
    return target !== undefined && uniques.has(doctype) && hasTextName(target) && !target.isSingle && !target.isVirtual
  }
  return { ...around, spare: (doctype) => (hasSpare(doctype) ? spareName(targets.get(doctype) as Meta) : undefined) }
}

/** Whether documents are named by this link. */
export function isNaming(meta: Meta, link: MetaField): boolean {
  return meta.definition.autoname?.replace(/^field:\s*/, '').trim() === link.fieldname && meta.definition.autoname.startsWith('field:')
}

/** @returns the name that the database counted */
async function writeRow(
  ctx: Context,
  meta: Meta,
  name: string | number | undefined,
  values: Record<string, unknown>,
): Promise<number | undefined> {
  const now = nowText(ctx)
  const row = {
    ...assignFromCode(meta, values),
    ...(meta.isTree ? { lft: 1, rgt: 2 } : {}),
    doctype: meta.name,
    name,
    owner: 'Administrator',
    creation: now,
    modified: now,
    modified_by: 'Administrator',
    docstatus: 0,
    idx: 0,
  } as unknown as AnyDocument
  if (isAutoincrement(meta)) return insertCounted(await ctx.db.begin(), meta, row)
  await insertRows(ctx.db, meta, [row])
  return undefined
}

function hasTextName(meta: Meta): boolean {
  return !isAutoincrement(meta) && !isUuid(meta) && !standing.has(meta.name)
}

function isUuid(meta: Meta): boolean {
  return meta.definition.autoname === 'UUID' || meta.definition.naming_rule === 'UUID'
}

function seedName(meta: Meta, wish: string | undefined, now: number): string | number {
  if (meta.isSingle) return meta.name
  if (isAutoincrement(meta)) return 1
  return isUuid(meta) ? uuidv7(now) : (wish ?? `${meta.name} seed`)
}

function spareName(meta: Meta): string {
  return `${meta.name} spare`
}

/** Unique links point to the spare of their target, so that the checked document may point to the seed. */
function seedValues(meta: Meta, around: Surroundings, targets: ReadonlyMap<string, Meta>): Record<string, unknown> {
  const values = generatedValues(meta, around, seedVariant)
  for (const field of meta.fields) {
    if (!field.unique) continue
    const target = field.fieldtype === 'Link' ? targets.get(field.options ?? '') : undefined
    // What the link names is named like its target; the checked document is named like the spare.
    if (isNaming(meta, field) && target && hasTextName(target)) continue
    if (field.fieldtype === 'Link') values[field.fieldname] = target && hasTextName(target) && !target.isSingle ? spareName(target) : null
    // The checked document copies the target's own value.
    else if (field.fetch_from && field.type.kind === 'text') values[field.fieldname] = `own ${seedVariant}`
  }
  return values
}

function spareValues(meta: Meta, around: Surroundings): Record<string, unknown> {
  const values = generatedValues(meta, around, spareVariant)
  for (const field of meta.fields) {
    if (!field.unique) continue
    if (field.fieldtype === 'Link') values[field.fieldname] = null
    else if (field.fetch_from && field.type.kind === 'text') values[field.fieldname] = `own ${spareVariant}`
  }
  return values
}

/** A field that copies a value over a link, with the field it copies. */
function* fetchesOf(metas: readonly Meta[], known: ReadonlyMap<string, Meta>) {
  for (const meta of metas)
    for (const field of meta.fields) {
      const [link = '', source = '', ...rest] = (field.fetch_from ?? '').split('.')
      const doctype = meta.field.get(link)?.options ?? ''
      const from = known.get(doctype)?.field.get(source)
      if (from?.stored && rest.length === 0 && field.stored) yield { doctype, from, into: field }
    }
}

/**
 * Names that seeds must have: of a DocType, where a dynamic link reads them; what a stricter field wants, where it copies them; and the
 * name of another seed, where a link to one is copied into a link to the other.
 */
function wishedNames(metas: readonly Meta[], known: ReadonlyMap<string, Meta>): ReadonlyMap<string, string> {
  const wishes = new Map<string, string>()
  for (const { from, into } of fetchesOf(metas, known)) {
    const isFromLink = from.fieldtype === 'Link'
    if (isFromLink && into.fieldtype === 'Link') {
      if (from.options !== into.options) wishes.set(into.options ?? '', `${from.options} seed`)
    } else if (from.fieldtype === 'Select' && into.fieldtype === 'Link')
      wishes.set(into.options ?? '', String(generatedValue(from, seedVariant)))
    else if (isFromLink && isStrict(into)) wishes.set(from.options ?? '', String(generatedValue(into, seedVariant)))
  }
  for (const meta of metas)
    for (const link of meta.dynamicLinks) {
      const holder = meta.field.get(link.options ?? '')
      if (holder?.fieldtype === 'Link') wishes.set(holder.options ?? '', anyDoctype)
    }
  return wishes
}

/** By target and its field: a value that fits the stricter field which fetches it. */
function fetchedValues(
  metas: readonly Meta[],
  known: ReadonlyMap<string, Meta>,
  around: Surroundings,
): Map<string, Record<string, unknown>> {
  const found = new Map<string, Record<string, unknown>>()
  for (const { doctype, from, into } of fetchesOf(metas, known)) {
    const isSame = from.fieldtype === into.fieldtype && from.options === into.options
    if (isSame || from.type.kind !== 'text' || from.fieldtype === 'Link' || !isStrict(into)) continue
    if (into.fieldtype === 'Select' && selectOptions(into.options).includes(String(generatedValue(from, seedVariant)))) continue
    const value = into.fieldtype === 'Link' ? around.target(into.options ?? '') : generatedValue(into, seedVariant)
    if (value !== undefined) found.set(doctype, { ...found.get(doctype), [from.fieldname]: String(value) })
  }
  return found
}

/** Takes not just any text. */
function isStrict(field: MetaField): boolean {
  if (field.type.kind !== 'text') return field.type.kind !== 'table' && field.type.kind !== 'none'
  if (field.fieldtype === 'Data') return ['Email', 'Name', 'Phone', 'URL', 'JSON'].includes(field.options?.trim() ?? '')
  if (field.fieldtype === 'Select') return selectOptions(field.options).some(Boolean)
  return ['Link', 'Color', 'Phone', 'JSON', 'Geolocation'].includes(field.fieldtype)
}

function targetsOf(meta: Meta): string[] {
  const choices = meta.dynamicLinks.flatMap((link) => {
    const holder = meta.field.get(link.options ?? '')
    return holder?.fieldtype === 'Select' ? selectOptions(holder.options) : []
  })
  return [anyDoctype, ...choices, ...meta.links.map((link) => link.options?.trim() ?? '')].filter(Boolean)
}
