import type { DocTypeDefinition, FieldDefinition } from './definition.ts'
import { normaliseField, normaliseProperty } from './read-definition.ts'

/** A Custom Field document: a field and the fieldname after which it stands ('' or unknown: last). */
export interface CustomField extends FieldDefinition {
  insert_after?: string
}

/** A Property Setter document: one property of the DocType, of a field, or of a link, action or state row. */
export interface PropertySetter {
  doctype_or_field: string
  field_name?: string
  row_name?: string
  property: string
  value?: string | number | null
}

/** Which list a Property Setter of that kind looks into. */
const rowLists: Readonly<Record<string, 'links' | 'actions' | 'states'>> = {
  'DocType Link': 'links',
  'DocType Action': 'actions',
  'DocType State': 'states',
}
/** What makes a DocType what it is cannot be overridden; neither can the lists, which have documents of their own. */
const fixed = new Set([
  'name',
  'doctype',
  'fields',
  'permissions',
  'links',
  'actions',
  'states',
  'fieldname',
  '__proto__',
  'constructor',
  'prototype',
])

/** The definition with a site's own fields and settings; the given one stays as it is. */
export function withOverlays(
  definition: DocTypeDefinition,
  customFields: readonly CustomField[],
  propertySetters: readonly PropertySetter[],
): DocTypeDefinition {
  if (customFields.length === 0 && propertySetters.length === 0) return definition
  const result: DocTypeDefinition = { ...definition, fields: withCustomFields(definition.fields, customFields) }
  let order: unknown
  for (const setter of propertySetters) {
    if (setter.property === 'field_order' && setter.doctype_or_field === 'DocType') order = setter.value
    else if (!fixed.has(setter.property)) apply(result, setter)
  }
  if (order) result.fields = reordered(result.fields, order)
  return result
}

function withCustomFields(fields: readonly FieldDefinition[], customFields: readonly CustomField[]): FieldDefinition[] {
  const present = new Set(fields.map((field) => field.fieldname))
  const after = new Map<string, FieldDefinition[]>()
  const waiting = new Set<FieldDefinition>()
  for (const custom of customFields) {
    const { insert_after: anchor = '', ...rest } = custom
    const field = normaliseField(rest)
    if (field.fieldname === '' || present.has(field.fieldname)) continue
    present.add(field.fieldname)
    waiting.add(field)
    after.set(anchor, [...(after.get(anchor) ?? []), field])
  }
  const result: FieldDefinition[] = []
  const place = (field: FieldDefinition) => {
    result.push(field)
    waiting.delete(field)
    for (const next of after.get(field.fieldname) ?? []) if (waiting.has(next)) place(next)
  }
  for (const field of fields) place(field)
  // What follows an unknown field, or itself, comes last.
  for (const field of [...waiting]) if (waiting.has(field)) place(field)
  return result
}

function apply(definition: DocTypeDefinition, setter: PropertySetter): void {
  const { doctype_or_field: kind, property } = setter
  const value = setter.value ?? ''
  if (kind === 'DocType') {
    definition[property] = normaliseProperty(property, value)
  } else if (kind === 'DocField') {
    definition.fields = definition.fields.map((field) =>
      field.fieldname === setter.field_name ? normaliseField({ ...field, [property]: value }) : field,
    )
  } else {
    const list = Object.hasOwn(rowLists, kind) ? rowLists[kind] : undefined
    if (list) definition[list] = definition[list].map((row) => (row.name === setter.row_name ? { ...row, [property]: value } : row))
  }
}

function reordered(fields: readonly FieldDefinition[], order: unknown): FieldDefinition[] {
  let list: unknown = order
  try {
    if (typeof order === 'string') list = JSON.parse(order)
  } catch {
    return [...fields]
  }
  if (!Array.isArray(list)) return [...fields]
  const byName = new Map(fields.map((field) => [field.fieldname, field]))
  const named = [...new Set(list)].map((fieldname) => byName.get(fieldname)).filter((field) => field !== undefined)
  return [...named, ...fields.filter((field) => !named.includes(field))]
}
