import type { Context } from '#kernel/context/context.ts'
import { ident, join, sql } from '#kernel/database/sql.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import { documentForm } from './cast.ts'
import type { AnyDocument } from './document.ts'
import { readChildTables, type Reader } from './rows.ts'

/** Reads the one document of a single DocType: its values are rows of tabSingles, as text. */
export async function readSingle(ctx: Context, reader: Reader, meta: Meta): Promise<AnyDocument> {
  const rows = await reader.query<{ field: string; value: string | null }>(
    reader.dialect.compile(sql`select field, value from ${ident('tabSingles')} where doctype = ${meta.name}`),
  )
  const stored = new Map(rows.map((row) => [row.field, row.value]))
  const document = Object.create(ctx.site.apps.prototype(meta.name)) as AnyDocument
  const fields = document as Record<string, unknown>
  Object.assign(fields, {
    doctype: meta.name,
    name: meta.name,
    owner: stored.get('owner') ?? 'Administrator',
    creation: stored.get('creation') ?? null,
    modified: stored.get('modified') ?? null,
    modified_by: stored.get('modified_by') ?? 'Administrator',
    docstatus: 0,
    idx: 0,
  })
  for (const field of meta.fields) {
    if (!isSingleValue(field)) continue
    const text = stored.has(field.fieldname) ? stored.get(field.fieldname) : (field.default ?? null)
    fields[field.fieldname] = readValue(field, text)
  }
  await readChildTables(reader, ctx.site.meta, meta, document)
  return document
}

function readValue(field: MetaField, text: unknown): unknown {
  try {
    return field.type.cast(text, field, documentForm, field.fieldname)
  } catch {
    // Written under an earlier definition of the field; an unreadable value counts as none.
    return field.type.cast(null, field, documentForm, field.fieldname)
  }
}

/** Writes every value of a single; others see all of it or none. */
export async function writeSingle(ctx: Context, meta: Meta, document: AnyDocument): Promise<void> {
  const fields = document as Record<string, unknown>
  const values: [string, string | null][] = [
    ['owner', document.owner],
    ['creation', document.creation],
    ['modified', document.modified],
    ['modified_by', document.modified_by],
  ]
  for (const field of meta.fields) if (isSingleValue(field)) values.push([field.fieldname, textOf(fields[field.fieldname])])
  await ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${ident('tabSingles')} where doctype = ${meta.name}`))
  const rows = values.map(([field, value]) => sql`(${meta.name}, ${field}, ${value})`)
  await ctx.db.execute(ctx.db.dialect.compile(sql`insert into ${ident('tabSingles')} (doctype, field, value) values ${join(rows)}`))
}

function isSingleValue(field: MetaField): boolean {
  return field.type.kind !== 'none' && field.type.kind !== 'table' && !field.is_virtual
}

function textOf(value: unknown): string | null {
  return value === null || value === undefined || value === '' ? null : String(value)
}
