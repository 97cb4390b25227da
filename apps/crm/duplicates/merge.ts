import { recordAudit } from '#kernel/audit/audit.ts'
import type { Context } from '#kernel/context/context.ts'
import { laterThan, nowText, textOfInstant } from '#kernel/context/time.ts'
import type { SqlValue } from '#kernel/database/database.ts'
import { UniqueViolated } from '#kernel/database/errors.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { isUnset } from '#kernel/documents/cast.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { runHook } from '#kernel/documents/hooks.ts'
import { load } from '#kernel/documents/load.ts'
import { hashName } from '#kernel/documents/naming.ts'
import { followsName, goesAlong, pointsTo, referencesTo } from '#kernel/documents/references.ts'
import { insert, openForWrite } from '#kernel/documents/save.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { fieldAccess } from '#kernel/permissions/field-access.ts'
import { demandStored } from '#kernel/permissions/demand-stored.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import { MergeRefused } from '../errors.ts'
import { comparable } from './find-duplicates.ts'
import { asJournal, type Journal, type Moved, type RawRow, rawRow, rawRows } from './journal.ts'

/** How long a merge can be taken back. */
const undoDays = 30

/**
 * Makes one record of two: whatever points at `absorbed` points at `kept`, `kept` gets what it lacks (and the fields of `take`), `absorbed`
 * goes. A journal keeps all that is needed to undo it: rows as they were, and each link that was moved.
 * @returns the name of the CRM Merge
 * @throws MergeRefused, PermissionDenied, DocumentNotFound; nothing is changed then
 */
export async function merge(ctx: Context, doctype: string, kept: string, absorbed: string, take: readonly string[] = []): Promise<string> {
  const meta = await ctx.site.meta.get(doctype)
  if (!Object.hasOwn(comparable, meta.name))
    throw new MergeRefused({ field: 'doctype', reason: `only records of ${Object.keys(comparable).join(', ')} are.` })
  if (kept === absorbed) throw new MergeRefused({ field: 'absorbed', reason: 'it is one and the same record.' })
  // In one order, so that two merges of the same pair wait for each other instead of for ever.
  const opened = new Map<string, AnyDocument>()
  for (const name of [kept, absorbed].sort()) opened.set(name, await openForWrite(ctx, meta.name, name))
  const [survivor, other] = [opened.get(kept) as AnyDocument, opened.get(absorbed) as AnyDocument]
  await demandStored(ctx, 'delete', meta, other)
  if (survivor.organization !== other.organization)
    throw new MergeRefused({ field: 'absorbed', reason: 'they belong to two organizations.' })
  for (const [index, field] of take.entries())
    if (!meta.field.get(field)?.stored || unmovable.has(field))
      throw new MergeRefused({ field: `take[${index}]`, reason: `“${field}” is no field to take.` })
  await runHook(ctx, meta, other, 'before_rename', { old: absorbed, new: kept, merge: true })

  const journal: Journal = { absorbed: await imagesOf(ctx, meta, absorbed), moved: [], filled: { before: {}, after: {} }, added: [] }
  const before = (await rawRow(ctx, meta.table, kept)) as RawRow
  await removeRows(ctx, journal.absorbed)
  const filled = await fill(ctx, meta, survivor, journal, before, new Set(take))
  journal.added.push(...(await addRows(ctx, meta, survivor, other)))
  journal.moved.push(...(await moveLinks(ctx, meta, absorbed, kept)))
  const name = await keepJournal(ctx, meta, survivor, other, journal)

  const after = await load(ctx, meta, kept)
  await runHook(ctx, meta, after, 'after_rename', { old: absorbed, new: kept, merge: true })
  await recordAudit(ctx, { action: 'merge', doctype: meta.name, name: kept, changes: { changed: [['name', absorbed, kept], ...filled] } })
  // Rights may name the record.
  await bumpEpoch(ctx, 'access')
  await runHook(ctx, meta, after, 'on_change', { before: survivor })
  return name
}

/** Fields that say what the record itself is, or are written by the platform about it. */
const unmovable: ReadonlySet<string> = new Set(['name', 'owner', 'creation', 'modified', 'modified_by', 'docstatus', 'idx', 'organization'])

/** The record's own row and those of its tables, as they are stored. */
async function imagesOf(ctx: Context, meta: Meta, name: string): Promise<Journal['absorbed']> {
  const images = [{ table: meta.table, rows: [(await rawRow(ctx, meta.table, name)) as RawRow] }]
  for (const table of meta.tables) {
    if (table.is_virtual) continue
    const child = await ctx.site.meta.meta(table.options ?? '')
    const about = sql`parent = ${name} and parenttype = ${meta.name} and parentfield = ${table.fieldname}`
    const rows = await rawRows(ctx, child.table, about)
    if (rows.length > 0) images.push({ table: child.table, rows })
  }
  return images
}

async function removeRows(ctx: Context, images: Journal['absorbed']): Promise<void> {
  for (const { table, rows } of images)
    for (const row of rows)
      await ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${ident(table)} where name = ${row.name as string}`))
}

/** @returns the changes, for the audit */
async function fill(
  ctx: Context,
  meta: Meta,
  survivor: AnyDocument,
  journal: Journal,
  before: RawRow,
  take: ReadonlySet<string>,
): Promise<[string, unknown, unknown][]> {
  const given = journal.absorbed[0]?.rows[0] as RawRow
  const access = await fieldAccess(ctx, meta)
  const values: RawRow = {}
  for (const field of meta.columns) {
    const name = field.fieldname
    const isOpen = (row: RawRow) => isUnset(field.type.fromColumn(row[name] as SqlValue, ctx.db.dialect))
    if (unmovable.has(name) || name.startsWith('_') || isOpen(given) || given[name] === before[name]) continue
    if (!access.canRead(field) || !access.canWrite(field) || access.isMasked(field)) continue
    if (take.has(name) || isOpen(before)) values[name] = given[name] as RawRow[string]
  }
  // A key goes with what it is the key of.
  for (const [field, key] of keys)
    if (meta.column.has(key))
      if (field in values) values[key] = given[key] ?? null
      else delete values[key]
  const modified = laterThan(nowText(ctx), survivor.modified)
  const changed: RawRow = { ...values, modified, modified_by: ctx.user.name }
  const sets = Object.entries(changed).map(([column, value]) => sql`${ident(column)} = ${value}`)
  await ctx.db.execute(ctx.db.dialect.compile(sql`update ${ident(meta.table)} set ${sql.join(sets)} where name = ${survivor.name}`))
  const stored = (await rawRow(ctx, meta.table, String(survivor.name))) as RawRow
  for (const column of Object.keys(changed)) {
    journal.filled.before[column] = before[column] ?? null
    journal.filled.after[column] = stored[column] ?? null
  }
  return Object.entries(values).map(([column, value]) => [column, before[column] ?? null, value])
}

const keys: readonly [field: string, key: string][] = [
  ['phone', 'phone_key'],
  ['mobile_no', 'mobile_key'],
]

/** By what rows of a table count as the same; rows of other tables are told apart by all they hold. */
const identities: Readonly<Record<string, readonly string[]>> = {
  'Contact Email': ['email_id'],
  'Contact Phone': ['phone'],
  'Dynamic Link': ['link_doctype', 'link_name'],
  'Portal User': ['user'],
}

/** Rows of the absorbed record's tables that the kept one lacks: addresses, numbers, whom a contact belongs to. */
async function addRows(ctx: Context, meta: Meta, survivor: AnyDocument, other: AnyDocument): Promise<Journal['added']> {
  const added: { table: string; names: string[] }[] = []
  for (const table of meta.tables) {
    if (table.is_virtual) continue
    const child = await ctx.site.meta.meta(table.options ?? '')
    const identity =
      identities[child.name] ?? child.fields.filter((field) => field.stored && !field.read_only).map((field) => field.fieldname)
    const keyOf = (row: AnyDocument) => JSON.stringify(identity.map((field) => String(row[field] ?? '')))
    const kept = (survivor[table.fieldname] as AnyDocument[] | undefined) ?? []
    const known = new Set(kept.map(keyOf))
    const names: string[] = []
    for (const row of (other[table.fieldname] as AnyDocument[] | undefined) ?? []) {
      if (known.has(keyOf(row))) continue
      known.add(keyOf(row))
      const name = hashName()
      await copyRow(ctx, child, row, { name, parent: survivor.name, idx: kept.length + names.length + 1 })
      names.push(name)
    }
    if (names.length > 0) added.push({ table: child.table, names })
  }
  return added
}

/** Marks of the main one stay with the kept record's own rows. */
const marks = new Set(['is_primary', 'is_primary_phone', 'is_primary_mobile_no'])

async function copyRow(ctx: Context, child: Meta, row: AnyDocument, place: { name: string; parent: string; idx: number }): Promise<void> {
  const values = { ...row, ...place } as Record<string, unknown>
  const columns = child.columns.map((field) => ident(field.fieldname))
  const parameters = child.columns.map((field) =>
    marks.has(field.fieldname) ? sql`${0}` : sql`${field.type.toColumn((values[field.fieldname] ?? null) as never, ctx.db.dialect)}`,
  )
  await ctx.db.execute(
    ctx.db.dialect.compile(sql`insert into ${ident(child.table)} (${sql.join(columns)}) values (${sql.join(parameters)})`),
  )
}

/** Every link to the absorbed record, wherever it is: documents of all apps, submitted ones too, rows of tables, singles, attendants. */
async function moveLinks(ctx: Context, meta: Meta, absorbed: string, kept: string): Promise<Moved[]> {
  const moved: Moved[] = []
  for (const reference of await referencesTo(ctx, meta.name)) {
    // What was recorded stays as it was recorded.
    if (reference.meta.name.startsWith('Audit ') || reference.meta.isVirtual) continue
    const column = reference.field.fieldname
    if (reference.meta.isSingle)
      moved.push(...(await moveSingle(ctx, reference.meta.name, column, reference.typeField, meta.name, absorbed, kept)))
    else moved.push(...(await moveColumn(ctx, reference.meta.table, column, pointsTo(reference, meta.name, absorbed), kept)))
  }
  for (const [doctype, typeColumn, nameColumn] of [...goesAlong, ...followsName]) {
    if (!(await ctx.site.meta.exists(doctype))) continue
    const attendant = await ctx.site.meta.meta(doctype)
    if (attendant.column.get(nameColumn)?.fieldtype !== 'Data' || !attendant.column.has(typeColumn)) continue
    const about = sql`${ident(typeColumn)} = ${meta.name} and ${ident(nameColumn)} = ${absorbed}`
    moved.push(...(await moveColumn(ctx, attendant.table, nameColumn, about, kept)))
  }
  return moved
}

async function moveColumn(ctx: Context, table: string, column: string, about: ReturnType<typeof pointsTo>, kept: string): Promise<Moved[]> {
  const rows = await ctx.db.query<{ name: string | number }>(
    ctx.db.dialect.compile(sql`select name from ${ident(table)} where ${about} order by name`),
  )
  if (rows.length === 0) return []
  try {
    await ctx.db.execute(ctx.db.dialect.compile(sql`update ${ident(table)} set ${ident(column)} = ${kept} where ${about}`))
  } catch (cause) {
    if (!UniqueViolated.is(cause)) throw cause
    const reason = `${table.slice(3)} has one for each of them, and may have only one for both.`
    throw new MergeRefused({ field: 'absorbed', reason }, { cause })
  }
  return [{ table, column, names: rows.map(({ name }) => name) }]
}

async function moveSingle(
  ctx: Context,
  doctype: string,
  column: string,
  typeField: string | undefined,
  target: string,
  absorbed: string,
  kept: string,
): Promise<Moved[]> {
  const values = await ctx.db.query<{ field: string; value: string | null }>(
    ctx.db.dialect.compile(sql`select field, value from ${ident('tabSingles')} where doctype = ${doctype}`),
  )
  const held = new Map(values.map(({ field, value }) => [field, value]))
  if (held.get(column) !== absorbed || (typeField && held.get(typeField) !== target)) return []
  await ctx.db.execute(
    ctx.db.dialect.compile(sql`update ${ident('tabSingles')} set value = ${kept} where doctype = ${doctype} and field = ${column}`),
  )
  return [{ single: doctype, column, names: [] }]
}

async function keepJournal(ctx: Context, meta: Meta, survivor: AnyDocument, other: AnyDocument, journal: Journal): Promise<string> {
  const title = comparable[meta.name]?.title ?? 'name'
  const made = await insert(ctx.asSystem('the journal of a merge'), 'CRM Merge', {
    ref_doctype: meta.name,
    kept: survivor.name,
    kept_title: survivor[title],
    absorbed: other.name,
    absorbed_title: other[title],
    organization: survivor.organization,
    undo_until: textOfInstant(ctx.clock.now() + undoDays * 86_400_000),
    links_moved: journal.moved.reduce((sum, { names, single }) => sum + (single ? 1 : names.length), 0),
    journal: asJournal(journal),
  })
  return String(made.name)
}
