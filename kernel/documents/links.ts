import type { Context } from '#kernel/context/context.ts'
import type { Row, SqlValue } from '#kernel/database/database.ts'
import { ident, join, sql } from '#kernel/database/sql.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import { LinkNotFound } from '#kernel/permissions/errors.ts'
import { demandLinkable } from '#kernel/permissions/link-scope.ts'
import { documentForm, isUnset, sameValue } from './cast.ts'
import type { AnyDocument } from './document.ts'
import { CancelledLink, LinkTargetUnknown } from './errors.ts'
import { attendants } from './references.ts'
import { isAutoincrement } from './rows.ts'

/** A document, or a row of one of its tables, with what it was before and where it stands. */
export interface Placed {
  readonly meta: Meta
  readonly row: AnyDocument
  readonly before: AnyDocument | undefined
  /** '' for the document itself, `items[0].` for a row. */
  readonly path: string
}

interface LinkUse {
  readonly place: Placed
  readonly field: MetaField
  readonly value: string | number
  readonly changed: boolean
  /** Fields of the row that copy a value over this link, and the target's field they copy. */
  readonly fetches: readonly { into: MetaField; from: string }[]
}

/**
 * Checks that every link leads to a document that exists, is not cancelled, and lies where this user may point; then copies what
 * `fetch_from` asks for. Only links that changed are checked; one statement per target DocType, however many rows.
 * @throws LinkNotFound, CancelledLink, LinkTargetUnknown with the path
 */
export async function checkLinks(ctx: Context, places: readonly Placed[]): Promise<void> {
  let left: readonly LinkUse[] = places.flatMap((place) => [...linksOf(place)])
  // A fetched value may be a link over which more is fetched; a ring of them ends here.
  for (let round = 0; left.length > 0 && round < longestFetchChain; round++) {
    const uses = Map.groupBy(left, targetOf)
    const filled: Filled[] = []
    for (const [target, list] of uses) filled.push(...(await checkTarget(ctx, target, list)))
    left = filled.flatMap(({ place, field }) => [...linksOf(place)].filter((use) => use.field === field))
  }
}

/** A link that `fetch_from` just filled. */
interface Filled {
  readonly place: Placed
  readonly field: MetaField
}

const longestFetchChain = 5

function* linksOf(place: Placed): Generator<LinkUse> {
  const row = place.row as Record<string, unknown>
  const before = place.before as Record<string, unknown> | undefined
  for (const field of [...place.meta.links, ...place.meta.dynamicLinks]) {
    const value = row[field.fieldname] as string | number | null
    if (value === null || value === undefined || value === '') continue
    const typeField = field.fieldtype === 'Dynamic Link' ? field.options : undefined
    const changed =
      before === undefined ||
      !sameValue(before[field.fieldname], value) ||
      (typeField !== undefined && !sameValue(before[typeField], row[typeField]))
    const fetches = field.fieldtype === 'Link' ? fetchesOver(place, field) : []
    if (changed || fetches.length > 0) yield { place, field, value, changed, fetches }
  }
}

function fetchesOver(place: Placed, link: MetaField): { into: MetaField; from: string }[] {
  const row = place.row as Record<string, unknown>
  const found: { into: MetaField; from: string }[] = []
  for (const field of place.meta.fields) {
    if (!field.fetch_from?.startsWith(`${link.fieldname}.`) || !field.stored) continue
    const current = row[field.fieldname]
    if (field.fetch_if_empty && !isUnset(current)) continue
    if (place.row.docstatus !== 0 && place.before?.docstatus === 1 && !field.allow_on_submit) continue
    found.push({ into: field, from: field.fetch_from.slice(link.fieldname.length + 1) })
  }
  return found
}

function targetOf(use: LinkUse): string {
  if (use.field.fieldtype === 'Link') return use.field.options ?? ''
  return String((use.place.row as Record<string, unknown>)[use.field.options ?? ''] ?? '')
}

async function checkTarget(ctx: Context, doctype: string, uses: readonly LinkUse[]): Promise<Filled[]> {
  const first = uses[0] as LinkUse
  if (doctype === '' || !(await ctx.site.meta.exists(doctype)))
    throw new LinkTargetUnknown({ doctype: first.place.meta.name, field: first.place.path + first.field.fieldname, target: doctype })
  const target = await ctx.site.meta.meta(doctype)
  const found = await findTargets(ctx, target, uses)
  const checked = new Set<string>()
  const filled: Filled[] = []
  for (const use of uses) {
    const path = use.place.path + use.field.fieldname
    const row = found.get(String(use.value))
    // The row itself may be what the link names (a tree's own parent is checked elsewhere).
    if (!row && use.changed)
      throw new LinkNotFound({ doctype: use.place.meta.name, field: path, target: target.name, value: String(use.value) })
    if (!row) continue
    // One may still speak about what is cancelled.
    if (use.changed && row.docstatus === 2 && !isAmendment(use) && !attendants.has(use.place.meta.name))
      throw new CancelledLink({ doctype: use.place.meta.name, field: path, target: target.name, value: String(use.value) })
    const once = `${use.field.fieldname}\n${use.value}\n${use.place.meta.name}`
    if (use.changed && !ctx.user.unrestricted && !checked.has(once)) {
      await demandLinkable(ctx, use.place.meta, use.field, target.name, String(use.value), path)
      checked.add(once)
    }
    for (const { into, from } of use.fetches)
      if (copyFetched(ctx, use, target, into, from, row) && into.fieldtype === 'Link') filled.push({ place: use.place, field: into })
  }
  return filled
}

/** The one link that must lead to a cancelled document; save.ts checks that it does. */
function isAmendment({ field, place }: LinkUse): boolean {
  return field.fieldname === 'amended_from' && field.options === place.meta.name
}

async function findTargets(ctx: Context, target: Meta, uses: readonly LinkUse[]): Promise<Map<string, Row>> {
  if (target.isSingle) return new Map([[target.name, {}]])
  if (target.isVirtual) return new Map(uses.map((use) => [String(use.value), {}]))
  const names = [...new Set(namesIn(target, uses))]
  if (names.length === 1 && uses.every((use) => use.fetches.length === 0)) return findTarget(ctx, target, names[0] as string | number)
  const wanted = new Set(['name', 'docstatus'])
  for (const use of uses) for (const fetch of use.fetches) if (target.column.has(fetch.from)) wanted.add(fetch.from)
  const columns = join([...wanted].map((name) => ident(name)))
  const found = new Map<string, Row>()
  for (let start = 0; start < names.length; start += 1000) {
    const chunk = names.slice(start, start + 1000)
    const condition = chunk.length === 1 ? sql`name = ${chunk[0]}` : sql`name in (${join(chunk.map((name) => sql`${name}`))})`
    const rows = await ctx.db.query<Row>(ctx.db.dialect.compile(sql`select ${columns} from ${ident(target.table)} where ${condition}`))
    for (const row of rows) found.set(String(row.name), row)
  }
  return found
}

/** Texts of the commonest statement, made once per definition. */
const targetTexts = new WeakMap<Meta, string>()

async function findTarget(ctx: Context, target: Meta, name: string | number): Promise<Map<string, Row>> {
  let text = targetTexts.get(target)
  if (!text) {
    text = ctx.db.dialect.compile(sql`select name, docstatus from ${ident(target.table)} where name = ${''}`).sql
    targetTexts.set(target, text)
  }
  const rows = await ctx.db.query<Row>({ sql: text, parameters: [name] })
  return new Map(rows.map((row) => [String(row.name), row]))
}

/** The names as the target's key column compares them; a word can be no counted number. */
function namesIn(target: Meta, uses: readonly LinkUse[]): (string | number)[] {
  if (!isAutoincrement(target)) return uses.map((use) => String(use.value))
  return uses.flatMap((use) => (/^\d{1,15}$/.test(String(use.value)) ? [Number(use.value)] : []))
}

/** @returns whether the value changed */
function copyFetched(ctx: Context, use: LinkUse, target: Meta, into: MetaField, from: string, row: Row): boolean {
  const source = target.column.get(from)
  if (!source) return false
  const value = source.type.fromColumn(row[from] as SqlValue, ctx.db.dialect)
  const fields = use.place.row as Record<string, unknown>
  const readable = value !== null && typeof value === 'object' ? value.toString() : value
  const earlier = fields[into.fieldname]
  fields[into.fieldname] = into.type.cast(readable, into, documentForm, use.place.path + into.fieldname)
  return !sameValue(earlier, fields[into.fieldname])
}
