import { Type } from 'typebox'
import type { Context } from '#kernel/context/context.ts'
import { sql } from '#kernel/database/sql.ts'
import { assignValues, documentForm } from '#kernel/documents/cast.ts'
import { type AnyDocument, Document } from '#kernel/documents/document.ts'
import { load } from '#kernel/documents/load.ts'
import { remove } from '#kernel/documents/remove.ts'
import { readRows } from '#kernel/documents/rows.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import type { DocTypeDefinition, FieldDefinition } from '#kernel/meta/definition.ts'
import { DefinitionInvalid } from '#kernel/meta/errors.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { type CustomField, withOverlays } from '#kernel/meta/overlays.ts'
import { definitionFromDocument, partFromRow } from '#kernel/meta/stored-definition.ts'
import { bootstrapDocTypes } from '#kernel/meta/store.ts'
import { metaWithin } from '#kernel/meta/within.ts'
import { type DocumentMethod, defineDocumentMethod } from '#kernel/methods/method.ts'

interface CustomizeFormFields {
  doc_type: string | null
  fields: (AnyDocument & FieldDefinition)[]
}

/** A form over one DocType; it holds nothing itself. Saving it compares with the DocType as its app made it. */
export default class CustomizeForm extends Document<CustomizeFormFields> {
  /** Fills the form with the DocType as this site has it. @throws DefinitionInvalid */
  async fetchToCustomize(ctx: Context): Promise<void> {
    const doctype = customizable(this.doc_type)
    const { definition } = await metaWithin(ctx, doctype)
    const custom = new Set((await customFieldsOf(ctx, doctype)).map((field) => field.fieldname))
    const meta = await ctx.site.meta.get('Customize Form')
    const rowMeta = await ctx.site.meta.get('Customize Form Field')
    const properties = doctypeProperties(meta).map((property): [string, unknown] => [property, definition[property] ?? null])
    const fields = definition.fields.map((field) => ({ ...pick(field, rowMeta), is_custom_field: custom.has(field.fieldname) ? 1 : 0 }))
    await assignValues(ctx, meta, this as unknown as AnyDocument, { ...Object.fromEntries(properties), fields }, documentForm)
  }

  /**
   * Writes what differs: Custom Fields for rows that the DocType does not have, Property Setters for the rest. What is as the app made
   * it loses its Property Setter; custom fields without a row are deleted (their column stays).
   * @throws DefinitionInvalid
   */
  async saveCustomization(ctx: Context): Promise<void> {
    const doctype = customizable(this.doc_type)
    if (this.fields.length === 0) throw refusal(doctype, 'fields', 'fetch the form before saving it.')
    const base = await baseOf(ctx, doctype)
    if (base.custom) throw refusal(doctype, 'doc_type', 'it was made on this site; change the DocType itself.')
    const setters = await SetterBook.open(ctx, doctype)
    const meta = await ctx.site.meta.get('Customize Form')
    for (const property of doctypeProperties(meta))
      await setters.put(
        'DocType',
        '',
        property,
        (this as Record<string, unknown>)[property],
        base[property],
        meta.field.get(property)?.fieldtype ?? 'Data',
      )
    await saveCustomFields(ctx, this, base)
    await saveStandardFields(ctx, this, base, setters)
    await saveOrder(ctx, this, base, setters)
    await this.fetchToCustomize(ctx)
  }

  /** Removes what the site changed by hand; what apps brought (`is_system_generated`) stays. @throws DefinitionInvalid */
  async resetToDefaults(ctx: Context): Promise<void> {
    const doctype = customizable(this.doc_type)
    for (const [records, column] of [
      ['Property Setter', 'doc_type'],
      ['Custom Field', 'dt'],
    ] as const)
      for (const record of await readRows(ctx.db, ctx.site.meta, await ctx.site.meta.get(records), sql`${sql.id(column)} = ${doctype}`))
        if (!record.is_system_generated) await remove(ctx, records, record.name)
    await this.fetchToCustomize(ctx)
  }
}

const verb = (name: string, summary: string, run: (form: CustomizeForm, ctx: Context) => Promise<void>): DocumentMethod =>
  defineDocumentMethod({
    verb: name,
    doctype: 'Customize Form',
    summary,
    needs: 'write',
    input: Type.Object({}),
    handler: (ctx, form) => run(form as unknown as CustomizeForm, ctx),
  })

export const documentMethods: readonly DocumentMethod[] = [
  verb('fetch_to_customize', 'Fills the form with the DocType named in doc_type.', (form, ctx) => form.fetchToCustomize(ctx)),
  verb('save_customization', 'Writes the differences as Custom Fields and Property Setters.', (form, ctx) => form.saveCustomization(ctx)),
  verb('reset_to_defaults', 'Removes the Custom Fields and Property Setters made by hand.', (form, ctx) => form.resetToDefaults(ctx)),
]

function refusal(doctype: string, field: string, reason: string): Error {
  return new DefinitionInvalid({ doctype, field, problems: [], reason })
}

function customizable(doctype: string | null): string {
  if (!doctype) throw refusal('', 'doc_type', 'say which DocType to customize.')
  if ((bootstrapDocTypes as readonly string[]).includes(doctype))
    throw refusal(doctype, 'doc_type', 'definitions themselves cannot be customised.')
  return doctype
}

/** Fields of the form that stand for properties of the DocType; its child tables are shown, and only `fields` is saved. */
function doctypeProperties(form: Meta): string[] {
  return form.fields
    .filter(({ type, fieldname }) => type.kind !== 'none' && type.kind !== 'table' && !notProperties.has(fieldname))
    .map(({ fieldname }) => fieldname)
}
const notProperties: ReadonlySet<string> = new Set(['doc_type', 'istable', 'link_filters'])

/** Properties of a field that this form shows. */
function fieldProperties(row: Meta): string[] {
  return row.fields
    .filter(({ type, fieldname }) => type.kind !== 'none' && !notFieldProperties.has(fieldname))
    .map(({ fieldname }) => fieldname)
}
const notFieldProperties: ReadonlySet<string> = new Set(['fieldname', 'is_custom_field', 'is_system_generated'])

function pick(field: FieldDefinition, row: Meta): Record<string, unknown> {
  return { ...Object.fromEntries(fieldProperties(row).map((property) => [property, field[property] ?? null])), fieldname: field.fieldname }
}

/** The DocType as its app brought it, before anything that the site adds. */
async function baseOf(ctx: Context, doctype: string): Promise<DocTypeDefinition> {
  const meta = await ctx.site.meta.get('DocType')
  return definitionFromDocument(await load(ctx, meta, (await ctx.site.meta.get(doctype)).name))
}

async function customFieldsOf(ctx: Context, doctype: string): Promise<AnyDocument[]> {
  return readRows(ctx.db, ctx.site.meta, await ctx.site.meta.get('Custom Field'), sql`dt = ${doctype} order by idx, creation, name`)
}

/** How a value would stand in a Property Setter; nothing, an empty text and 0 are the same. */
function asText(value: unknown): string {
  if (value === null || value === undefined || value === 0 || value === '0') return ''
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** The Property Setters of one DocType. */
class SetterBook {
  readonly #ctx: Context
  readonly #doctype: string
  readonly #known = new Map<string, AnyDocument>()

  constructor(ctx: Context, doctype: string, setters: readonly AnyDocument[]) {
    this.#ctx = ctx
    this.#doctype = doctype
    for (const one of setters) this.#known.set(keyOf(String(one.doctype_or_field), String(one.field_name ?? ''), String(one.property)), one)
  }

  static async open(ctx: Context, doctype: string): Promise<SetterBook> {
    return new SetterBook(
      ctx,
      doctype,
      await readRows(ctx.db, ctx.site.meta, await ctx.site.meta.get('Property Setter'), sql`doc_type = ${doctype}`),
    )
  }

  /** Makes the property have the wanted value: by a setter where that differs from the base, by none where it does not. */
  async put(
    kind: 'DocType' | 'DocField',
    fieldname: string,
    property: string,
    wanted: unknown,
    base: unknown,
    type: string,
  ): Promise<void> {
    const known = this.#known.get(keyOf(kind, fieldname, property))
    const value = asText(wanted)
    if (value === asText(base)) {
      if (known) await remove(this.#ctx, 'Property Setter', known.name)
      return
    }
    // An emptied flag or number has to say so; an emptied text is empty.
    const stored = value === '' && (type === 'Check' || type === 'Int') ? '0' : value
    if (known) {
      if (asText(known.value) !== asText(stored))
        await save(this.#ctx, await openForWrite(this.#ctx, 'Property Setter', known.name), { value: stored })
      return
    }
    await insert(this.#ctx, 'Property Setter', {
      doctype_or_field: kind,
      doc_type: this.#doctype,
      field_name: fieldname || null,
      property,
      property_type: type,
      value: stored,
    })
  }
}

function keyOf(kind: string, fieldname: string, property: string): string {
  return `${kind}\n${fieldname}\n${property}`
}

/** Types between which a standard field may change without losing what it holds. */
const exchangeable: readonly (readonly string[])[] = [
  ['Currency', 'Float', 'Percent'],
  ['Data', 'Small Text', 'Text', 'Select', 'Barcode', 'Autocomplete'],
  ['Text', 'Small Text', 'Text Editor', 'Code', 'Signature', 'HTML Editor', 'Long Text', 'Markdown Editor'],
  ['Code', 'Geolocation'],
  ['Table', 'Table MultiSelect'],
]

async function saveStandardFields(ctx: Context, form: CustomizeForm, base: DocTypeDefinition, setters: SetterBook): Promise<void> {
  const rowMeta = await ctx.site.meta.get('Customize Form Field')
  const standard = new Map(base.fields.map((field) => [field.fieldname, field]))
  for (const [index, row] of form.fields.entries()) {
    const field = standard.get(row.fieldname)
    if (!field) continue
    const isAllowed =
      row.fieldtype === field.fieldtype || exchangeable.some((group) => group.includes(row.fieldtype) && group.includes(field.fieldtype))
    if (!isAllowed)
      throw refusal(
        base.name,
        `fields[${index}].fieldtype`,
        `"${row.fieldname}" cannot change from ${field.fieldtype} to ${row.fieldtype}.`,
      )
    for (const property of fieldProperties(rowMeta))
      await setters.put(
        'DocField',
        row.fieldname,
        property,
        row[property],
        field[property],
        rowMeta.field.get(property)?.fieldtype ?? 'Data',
      )
  }
}

async function saveCustomFields(ctx: Context, form: CustomizeForm, base: DocTypeDefinition): Promise<void> {
  const rowMeta = await ctx.site.meta.get('Customize Form Field')
  const standard = new Set(base.fields.map((field) => field.fieldname))
  const left = new Map((await customFieldsOf(ctx, base.name)).map((field) => [String(field.fieldname), field]))
  let previous = ''
  for (const row of form.fields) {
    if (!standard.has(row.fieldname)) {
      const values: Record<string, unknown> = { ...pick(row, rowMeta), insert_after: previous || null }
      const known = left.get(row.fieldname)
      left.delete(row.fieldname)
      if (!known) row.fieldname = String((await insert(ctx, 'Custom Field', { ...values, dt: base.name })).fieldname)
      else if (Object.entries(values).some(([key, value]) => asText(known[key]) !== asText(value)))
        await save(ctx, await openForWrite(ctx, 'Custom Field', known.name), values)
    }
    previous = row.fieldname
  }
  for (const gone of left.values()) await remove(ctx, 'Custom Field', gone.name)
}

/** An order that the custom fields' places do not give by themselves is kept as the property `field_order`. */
async function saveOrder(ctx: Context, form: CustomizeForm, base: DocTypeDefinition, setters: SetterBook): Promise<void> {
  const wanted = form.fields.map((row) => row.fieldname)
  const custom = (await customFieldsOf(ctx, base.name)).map((field) => partFromRow(field) as unknown as CustomField)
  const natural = withOverlays(base, custom, []).fields.map((field) => field.fieldname)
  const isNatural = natural.length === wanted.length && natural.every((fieldname, place) => wanted[place] === fieldname)
  await setters.put('DocType', '', 'field_order', isNatural ? '' : JSON.stringify(wanted), '', 'Data')
}
