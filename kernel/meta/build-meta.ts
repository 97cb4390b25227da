import { reservedWords } from '#client/rules/formats.ts'
import type { FieldType } from '#kernel/fields/field-type.ts'
import { fieldTypes } from '#kernel/fields/field-types.ts'
import { counterType } from '#kernel/fields/number/whole.ts'
import type { DocTypeDefinition, FieldDefinition, PermissionRow } from './definition.ts'
import type { Meta, MetaField } from './meta.ts'
import { type CustomField, type PropertySetter, withOverlays } from './overlays.ts'
import { childStandardFields, mainStandardFields, seenField, standardFields, treeFields } from './standard-fields.ts'

/** What a site adds to a DocType, and where the DocType comes from. */
export interface Overlays {
  /** Custom Field documents, in the order in which they were made. */
  customFields?: readonly CustomField[]
  propertySetters?: readonly PropertySetter[]
  /** Custom DocPerm rows; one of them replaces all rows of the definition. */
  customPermissions?: readonly PermissionRow[]
  /** The app that brought the DocType; '' for one made at run time. */
  app?: string
  /** Whether a DocType is there and is a child table; a Table field that leads elsewhere holds nothing. Absent: all do well. */
  isChildTable?: (doctype: string) => boolean
}

/**
 * A DocType made ready for use: overlays applied, standard fields added, everything indexed by name. Lenient, so that a doubtful
 * definition still loads: of fields alike but for case the first is kept, a field that takes a standard name or has an impossible
 * name is left out, an unknown type counts as Data. `checkDefinition` tells about each.
 */
export function buildMeta(definition: DocTypeDefinition, overlays: Overlays = {}): Meta {
  const whole = withOverlays(definition, overlays.customFields ?? [], overlays.propertySetters ?? [])
  const isTable = whole.istable === 1
  const isTree = whole.is_tree === 1
  const parentField = isTree ? treeParentField(whole) : ''
  const standard = standardColumns(whole)
  const wanted = isTree ? [...whole.fields, ...missing(whole.fields, treeFields(parentField, whole.name))] : whole.fields
  const holdsRows = (field: FieldDefinition) => overlays.isChildTable?.(field.options ?? '') ?? true
  const fields = usable(wanted, standard).map((field) => {
    const type = typeOf(field)
    return toMetaField(field, type.kind === 'table' && !holdsRows(field) ? nothing : type)
  })
  const columns = [...standard, ...fields.filter((field) => field.stored)]
  const field = byName(fields)
  const column = byName(columns)
  const ofType = (...types: string[]) => fields.filter(({ fieldtype }) => types.includes(fieldtype))
  const custom = overlays.customPermissions ?? []
  return {
    name: whole.name,
    definition: whole,
    app: overlays.app ?? '',
    table: `tab${whole.name}`,
    fields,
    field,
    columns,
    column,
    tables: fields.filter(({ type }) => type.kind === 'table'),
    links: ofType('Link'),
    dynamicLinks: ofType('Dynamic Link'),
    permissions: custom.length > 0 ? custom : whole.permissions,
    isTable,
    // Some public definitions are both; their rows need a table.
    isSingle: whole.issingle === 1 && !isTable,
    isTree,
    isSubmittable: whole.is_submittable === 1,
    isVirtual: whole.is_virtual === 1,
    parentField,
    titleField: whole.title_field && (column.has(whole.title_field) || field.has(whole.title_field)) ? whole.title_field : '',
    searchFields: names(whole.search_fields).filter((name) => column.has(name)),
  }
}

/** Names in a comma-separated list. */
export function names(list: string | undefined): string[] {
  return (list ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)
}

/** The link to the parent of a tree's node: `nsm_parent_field`, or Frappe's `parent_` and the DocType's name in snake case. */
export function treeParentField(definition: DocTypeDefinition): string {
  return definition.nsm_parent_field || `parent_${definition.name.toLowerCase().replaceAll(/[ -]/g, '_')}`
}

/** Whether a column or property may bear the name: letters, digits, underscores and hyphens, at most 63, nothing that objects have by nature. */
export function isUsableName(fieldname: string): boolean {
  return /^[\p{L}\p{N}_][\p{L}\p{N}\p{M}_-]{0,62}$/u.test(fieldname) && Buffer.byteLength(fieldname) <= 63 && !reservedWords.has(fieldname)
}

function standardColumns(definition: DocTypeDefinition): MetaField[] {
  const counted = definition.autoname === 'autoincrement'
  const extra = definition.istable === 1 ? childStandardFields : [...mainStandardFields, ...(definition.track_seen ? [seenField] : [])]
  return [...standardFields, ...extra].map((standard) => {
    // A definition may list a standard field to give it a label of its own.
    const label = definition.fields.find(({ fieldname }) => fieldname === standard.fieldname)?.label
    const field = label ? { ...standard, label } : standard
    return toMetaField(field, field.fieldname === 'name' && counted ? counterType : typeOf(field))
  })
}

function usable(fields: readonly FieldDefinition[], standard: readonly FieldDefinition[]): FieldDefinition[] {
  // Columns are alike but for case on MariaDB and SQLite.
  const taken = new Set(['doctype', ...standard.map((field) => field.fieldname.toLowerCase())])
  return fields.filter((field) => {
    const key = field.fieldname.toLowerCase()
    if (taken.has(key) || !isUsableName(field.fieldname)) return false
    taken.add(key)
    return true
  })
}

function missing(present: readonly FieldDefinition[], wanted: readonly FieldDefinition[]): FieldDefinition[] {
  return wanted.filter((field) => !present.some(({ fieldname }) => fieldname === field.fieldname))
}

const dataType = fieldTypes.get('Data') as FieldType
const nothing = fieldTypes.get('HTML') as FieldType

function typeOf(field: FieldDefinition): FieldType {
  return fieldTypes.get(field.fieldtype) ?? dataType
}

function toMetaField(field: FieldDefinition, type: FieldType): MetaField {
  const stored = !field.is_virtual && type.storage(field) !== undefined
  return { ...field, type, permlevel: Number(field.permlevel ?? 0), stored }
}

function byName(fields: readonly MetaField[]): ReadonlyMap<string, MetaField> {
  return new Map(fields.map((field) => [field.fieldname, field]))
}
