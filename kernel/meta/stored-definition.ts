import type { AnyDocument } from '#kernel/documents/document.ts'
import type { DocTypeDefinition, FieldDefinition, PermissionRow } from './definition.ts'

/** Columns that say where a row is kept, not what it defines. */
const bookkeeping = new Set([
  'doctype',
  'name',
  'owner',
  'creation',
  'modified',
  'modified_by',
  'docstatus',
  'idx',
  'parent',
  'parentfield',
  'parenttype',
  'app',
  '_user_tags',
  '_comments',
  '_assign',
  '_liked_by',
  '_seen',
])

/** A definition as the DocType document of the site holds it. */
export function definitionFromDocument(document: AnyDocument): DocTypeDefinition {
  const values = partFromRow(document)
  const rows = (fieldname: string): Record<string, unknown>[] =>
    ((document as Record<string, unknown>)[fieldname] as AnyDocument[] | undefined)?.map(partFromRow) ?? []
  return {
    ...values,
    name: document.name,
    module: String(values.module ?? ''),
    fields: rows('fields') as FieldDefinition[],
    permissions: rows('permissions') as unknown as PermissionRow[],
    actions: rows('actions'),
    links: rows('links'),
    states: rows('states'),
  }
}

/** The defining values of one row: bookkeeping and empty values left out, unknown properties unpacked. */
export function partFromRow(row: AnyDocument): Record<string, unknown> {
  const part: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(row)) {
    if (value === null || value === undefined || Array.isArray(value) || bookkeeping.has(key)) continue
    if (key === 'other_properties') Object.assign(part, JSON.parse(String(value)) as object)
    else if (key === 'indexes' || key === 'aliases') part[key] = JSON.parse(String(value))
    else part[key] = value
  }
  return part
}

/**
 * The values of a DocType document that hold a definition; keys without a field of their own go into `other_properties`, so that
 * nothing of a file is lost.
 * @param known  fieldnames by DocType (`DocType`, `DocField`, `DocPerm`, `DocType Action` …)
 */
export function documentFromDefinition(
  definition: DocTypeDefinition,
  known: (doctype: string) => ReadonlyMap<string, { fieldtype: string; options?: string }>,
): Record<string, unknown> {
  return pack(definition as Record<string, unknown>, 'DocType', known)
}

function pack(
  source: Record<string, unknown>,
  doctype: string,
  known: (doctype: string) => ReadonlyMap<string, { fieldtype: string; options?: string }>,
): Record<string, unknown> {
  const fields = known(doctype)
  const values: Record<string, unknown> = {}
  const other: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(source)) {
    if (value === undefined || value === null) continue
    const field = fields.get(key)
    if (field?.fieldtype === 'Table' && Array.isArray(value))
      values[key] = value.map((row) => pack(row as Record<string, unknown>, field.options ?? '', known))
    else if (field?.fieldtype === 'JSON') values[key] = JSON.stringify(value)
    else if (field && typeof value !== 'object') values[key] = value
    else if (key === 'name') values.name = value
    else if (!bookkeeping.has(key)) other[key] = value
  }
  if (fields.has('other_properties') && Object.keys(other).length > 0) values.other_properties = JSON.stringify(other)
  return values
}
