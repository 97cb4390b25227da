import type { Context } from '#kernel/context/context.ts'
import type { Value, Wire } from '#kernel/fields/field-type.ts'
import { maskValue } from '#client/rules/masking.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import { type FieldAccess, fieldAccess } from '#kernel/permissions/field-access.ts'
import { can } from '#kernel/permissions/grants.ts'
import { noteReads } from '#kernel/permissions/reads.ts'
import type { AnyDocument } from './document.ts'

export interface WireOptions {
  /** Leave out keys whose value is null (REST v1). */
  omitNulls?: boolean
}

/** A document as its reader may see it: fields of readable levels, masked where told, times in the form of the wire. */
export async function toWire(ctx: Context, document: AnyDocument, wire: Wire, options: WireOptions = {}): Promise<Record<string, unknown>> {
  const meta = ctx.site.meta.cached(document.doctype) ?? (await ctx.site.meta.get(document.doctype))
  noteReads(ctx, meta.name, [document.name], 'read')
  const out = rowToWire(meta, document, wire, await fieldAccess(ctx, meta), options)
  const access = await fieldAccess(ctx, meta)
  for (const table of meta.tables) {
    if (!access.canRead(table)) continue
    const rows = ((document as Record<string, unknown>)[table.fieldname] as AnyDocument[] | undefined) ?? []
    if (rows.length === 0) {
      out[table.fieldname] = []
      continue
    }
    const child = await ctx.site.meta.meta(table.options ?? '')
    const childAccess = await fieldAccess(ctx, child, meta)
    out[table.fieldname] = rows.map((row) => rowToWire(child, row, wire, childAccess, options))
  }
  await addVirtualFields(ctx, meta, document, access, out)
  return out
}

/**
 * As `toWire`, for whoever has just written the document. The right to write does not bring the right to read: without it the answer
 * names the document and holds nothing of it.
 */
export async function writtenToWire(
  ctx: Context,
  document: AnyDocument,
  wire: Wire,
  options: WireOptions = {},
): Promise<Record<string, unknown>> {
  if (await can(ctx, 'read', document.doctype, document)) return toWire(ctx, document, wire, options)
  return { name: document.name, doctype: document.doctype }
}

function rowToWire(
  meta: Meta,
  document: AnyDocument,
  wire: Wire,
  access: FieldAccess,
  { omitNulls }: WireOptions,
): Record<string, unknown> {
  const values = document as Record<string, unknown>
  const out: Record<string, unknown> = {}
  const fields =
    meta.isSingle || meta.isVirtual ? [...meta.columns, ...meta.fields.filter((field) => !field.stored && hasValue(field))] : meta.columns
  for (const field of fields) {
    const value = values[field.fieldname] as Value | undefined
    if (value === undefined || (omitNulls && value === null) || isInternal(field)) continue
    if (!access.all && !access.canRead(field)) continue
    const shown = value === null ? null : field.type.toWire(value, wire)
    out[field.fieldname] = !access.all && access.isMasked(field) && shown !== null ? maskValue(shown, field) : shown
  }
  out.doctype = meta.name
  return out
}

function hasValue(field: MetaField): boolean {
  return field.type.kind !== 'none' && field.type.kind !== 'table' && !field.is_virtual
}

const internal = new Set(['_user_tags', '_comments', '_assign', '_liked_by', '_seen'])

/** Frappe leaves these out of documents unless they hold something. */
function isInternal(field: MetaField): boolean {
  return internal.has(field.fieldname)
}

/** Virtual fields: computed by a property or method of the controller that bears the field's name. */
async function addVirtualFields(
  ctx: Context,
  meta: Meta,
  document: AnyDocument,
  access: FieldAccess,
  out: Record<string, unknown>,
): Promise<void> {
  for (const field of meta.fields) {
    if (!field.is_virtual || field.type.kind === 'none' || !access.canRead(field)) continue
    const computed = (document as Record<string, unknown>)[field.fieldname]
    const value = (typeof computed === 'function' ? await computed.call(document, ctx) : computed) ?? null
    out[field.fieldname] = access.isMasked(field) && value !== null ? maskValue(value, field) : value
  }
}

/** Every stored value as plain JSON in document form, for records of the platform itself: nothing is hidden but secrets. */
export function plainDocument(meta: Meta, document: AnyDocument): Record<string, unknown> {
  const out: Record<string, unknown> = { doctype: meta.name }
  for (const [key, value] of Object.entries(document)) {
    if (Array.isArray(value)) out[key] = value.map((row) => ({ ...row }))
    else out[key] = typeof value === 'object' && value !== null ? String(value) : value
  }
  return out
}
