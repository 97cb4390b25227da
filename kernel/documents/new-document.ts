import type { Context } from '#kernel/context/context.ts'
import type { Wire } from '#kernel/fields/field-type.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { demand } from '#kernel/permissions/grants.ts'
import { assignValues, documentForm } from './cast.ts'
import { applyDefaults } from './defaults.ts'
import type { AnyDocument } from './document.ts'
import { TransitionRefused } from './errors.ts'
import { placesOf, type SaveOperation } from './operation.ts'

/** A new document with its defaults, not stored. @throws UnknownField, BadValue */
export async function newDocument(
  ctx: Context,
  doctype: string,
  values: Record<string, unknown> = {},
  wire: Wire = documentForm,
): Promise<AnyDocument> {
  const meta = await ctx.site.meta.get(doctype)
  const document = await blankDocument(ctx, meta, values, wire)
  await fillDefaults({ ctx, meta, document, before: undefined })
  return document
}

/** A document that holds what the caller gave and nothing else. @throws UnknownField, BadValue */
export async function blankDocument(ctx: Context, meta: Meta, values: Record<string, unknown>, wire: Wire): Promise<AnyDocument> {
  const document = Object.create(ctx.site.apps.prototype(meta.name)) as AnyDocument
  document.doctype = meta.name
  document.docstatus = 0
  await assignValues(ctx, meta, document, values, wire)
  return document
}

/** Fills what a new document, and each new row, leaves open. */
export async function fillDefaults(operation: Pick<SaveOperation, 'ctx' | 'meta' | 'document' | 'before'>): Promise<void> {
  const { ctx, meta, document, before } = operation
  if (!before) await applyDefaults(ctx, meta, document)
  for (const place of await placesOf(operation)) if (place.path !== '' && !place.before) await applyDefaults(ctx, place.meta, place.row)
}

/** Why an amendment is refused. */
export const notCancelled = 'only a cancelled document can be amended.'

/** A draft that replaces a cancelled document; unsaved. @throws TransitionRefused */
export async function amend(ctx: Context, document: AnyDocument): Promise<AnyDocument> {
  if (document.docstatus !== 2)
    throw new TransitionRefused({ doctype: document.doctype, name: document.name, from: document.docstatus, to: 0, reason: notCancelled })
  await demand(ctx, 'amend', document.doctype, document)
  const copy = await copyAsNew(ctx, document)
  ;(copy as Record<string, unknown>).amended_from = document.name
  return copy
}

/** A new, unsaved document with the same values; fields marked no_copy start afresh. */
export async function copyAsNew(ctx: Context, document: AnyDocument): Promise<AnyDocument> {
  const meta = await ctx.site.meta.get(document.doctype)
  const copy = Object.create(ctx.site.apps.prototype(meta.name)) as Record<string, unknown>
  copy.doctype = meta.name
  copy.docstatus = 0
  for (const field of meta.fields) {
    if (field.no_copy || field.type.kind === 'none' || field.is_virtual || field.fieldtype === 'Password') continue
    const value = (document as Record<string, unknown>)[field.fieldname]
    copy[field.fieldname] = field.type.kind === 'table' ? await copyRows(ctx, field.options ?? '', value as AnyDocument[]) : value
  }
  const made = copy as unknown as AnyDocument
  await fillDefaults({ ctx, meta, document: made, before: undefined })
  return made
}

async function copyRows(ctx: Context, doctype: string, rows: readonly AnyDocument[] = []): Promise<AnyDocument[]> {
  const child = await ctx.site.meta.meta(doctype)
  return rows.map((row) => {
    const copy = Object.create(Object.getPrototypeOf(row) as object) as Record<string, unknown>
    copy.doctype = child.name
    for (const field of child.fields)
      if (!field.no_copy && field.stored && field.fieldtype !== 'Password')
        copy[field.fieldname] = (row as Record<string, unknown>)[field.fieldname]
    return copy as unknown as AnyDocument
  })
}
