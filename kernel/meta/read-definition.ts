import type { DocTypeDefinition, FieldDefinition, IndexDefinition } from './definition.ts'
import { DefinitionMalformed } from './errors.ts'

const doctypeFlags = new Set([
  'custom',
  'beta',
  'istable',
  'issingle',
  'is_tree',
  'is_submittable',
  'is_virtual',
  'is_calendar_and_gantt',
  'allow_rename',
  'show_title_field_in_link',
  'email_append_to',
  'show_name_in_global_search',
  'translated_doctype',
  'force_re_route_to_default_view',
  'show_preview_popup',
  'quick_entry',
  'editable_grid',
  'hide_toolbar',
  'allow_copy',
  'read_only',
  'in_create',
  'make_attachments_public',
  'track_changes',
  'track_seen',
  'track_views',
  'allow_import',
  'allow_auto_repeat',
  'allow_events_in_timeline',
  'queue_in_background',
  'has_web_view',
  'allow_guest_to_view',
  'index_web_pages_for_search',
])
const doctypeNumbers = new Set(['max_attachments', 'grid_page_length', 'idx', 'docstatus'])

const fieldFlags = new Set([
  'reqd',
  'unique',
  'search_index',
  'not_nullable',
  'non_negative',
  'is_virtual',
  'sort_options',
  'hidden',
  'read_only',
  'bold',
  'collapsible',
  'fetch_if_empty',
  'set_only_once',
  'allow_on_submit',
  'no_copy',
  'translatable',
  'ignore_user_permissions',
  'ignore_xss_filter',
  'remember_last_selected_value',
  'in_list_view',
  'in_standard_filter',
  'in_global_search',
  'in_preview',
  'in_filter',
  'allow_in_quick_entry',
  'allow_bulk_edit',
  'report_hide',
  'show_on_timeline',
  'show_dashboard',
  'make_attachment_public',
  'print_hide',
  'print_hide_if_no_value',
  'hide_days',
  'hide_seconds',
  'hide_border',
  'mask',
  'sticky',
  'show_description_on_click',
  'is_system_generated',
])
const fieldNumbers = new Set(['permlevel', 'length', 'columns', 'idx'])
/** Numbers that Frappe keeps as text. */
const fieldTexts = new Set([
  'default',
  'options',
  'width',
  'print_width',
  'max_height',
  'depends_on',
  'mandatory_depends_on',
  'read_only_depends_on',
  'fetch_from',
  'label',
])

const permissionFlags = new Set([
  'if_owner',
  'select',
  'read',
  'write',
  'create',
  'delete',
  'submit',
  'cancel',
  'amend',
  'report',
  'export',
  'import',
  'share',
  'print',
  'email',
  'mask',
])
const permissionNumbers = new Set(['permlevel', 'idx'])

/** Properties that a file may have but nobody should be able to plant on objects. */
const forbidden = new Set(['__proto__', 'constructor', 'prototype'])

/**
 * Reads a DocType from JSON: Frappe's form (`doctype: "DocType"`, `name`), or the short form in which `doctype` holds the name. Flags
 * become 0 or 1 and numbers numbers; unknown properties stay. Layout fields without a fieldname get one, fields follow `field_order`,
 * and a top-level `naming_series` becomes the Select field that Frappe expects.
 * @param path  where it came from, for messages
 * @throws DefinitionMalformed when it is no DocType at all; doubtful parts are left to `checkDefinition`
 */
export function readDefinition(json: unknown, path: string): DocTypeDefinition {
  const source = asObject(json, path, '')
  const isFrappeForm = source.doctype === 'DocType'
  const name = isFrappeForm ? source.name : (source.name ?? source.doctype)
  if (typeof name !== 'string' || name.trim() === '') throw new DefinitionMalformed({ path, field: 'name', reason: 'it has no name' })
  const definition = normalise(source, doctypeFlags, doctypeNumbers, new Set()) as DocTypeDefinition
  delete definition.doctype
  definition.name = name.trim()
  definition.module = typeof source.module === 'string' ? source.module : ''
  definition.fields = ordered(
    rows(source, 'fields', path).map((row, index) => readField(row, index, path)),
    source.field_order,
  )
  definition.permissions = rows(source, 'permissions', path).map((row) => {
    const permission = normalise(row, permissionFlags, permissionNumbers, new Set())
    return { ...permission, role: typeof row.role === 'string' ? row.role.trim() : '' }
  })
  for (const key of ['actions', 'links', 'states'] as const) definition[key] = rows(source, key, path).map((row) => ({ ...safe(row) }))
  if (source.indexes !== undefined) definition.indexes = readIndexes(source.indexes, path)
  if (source.aliases !== undefined) definition.aliases = readAliases(source.aliases, path)
  addSeriesField(definition)
  return definition
}

/** Field properties in their right types; used for files, Custom Fields and Property Setters alike. */
export function normaliseField(source: Record<string, unknown>): FieldDefinition {
  const field = normalise(source, fieldFlags, fieldNumbers, fieldTexts) as FieldDefinition
  field.fieldname = typeof source.fieldname === 'string' ? source.fieldname.trim() : ''
  field.fieldtype = typeof source.fieldtype === 'string' ? source.fieldtype.trim() : 'Data'
  return field
}

/** DocType properties in their right types, without the lists of rows. */
export function normaliseProperty(property: string, value: unknown): unknown {
  return normalise({ [property]: value }, doctypeFlags, doctypeNumbers, new Set())[property]
}

function readField(row: Record<string, unknown>, index: number, path: string): FieldDefinition {
  if (typeof row.fieldtype !== 'string' || row.fieldtype.trim() === '')
    throw new DefinitionMalformed({ path, field: `fields[${index}].fieldtype`, reason: 'a field has no type' })
  const field = normaliseField(row)
  if (field.fieldname === '') field.fieldname = `${field.fieldtype.toLowerCase().replaceAll(/[^a-z]+/g, '_')}_${index + 1}`
  return field
}

function normalise(
  source: Record<string, unknown>,
  flags: ReadonlySet<string>,
  numbers: ReadonlySet<string>,
  texts: ReadonlySet<string>,
): Record<string, unknown> {
  const result: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(source)) {
    if (value === null || value === undefined || forbidden.has(key)) continue
    if (flags.has(key)) result[key] = asFlag(value)
    else if (numbers.has(key)) result[key] = asNumber(value)
    else if (texts.has(key)) result[key] = asText(value)
    else result[key] = value
  }
  return result
}

function asText(value: unknown): unknown {
  if (typeof value === 'boolean') return value ? '1' : '0'
  // Options of a Select given as a list.
  if (Array.isArray(value)) return value.map(String).join('\n')
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function asFlag(value: unknown): 0 | 1 {
  if (typeof value === 'string') return ['', '0', 'false', 'no'].includes(value.trim().toLowerCase()) ? 0 : 1
  return value ? 1 : 0
}

function asNumber(value: unknown): number {
  const number = typeof value === 'number' ? value : Number(String(value).trim() || 0)
  return Number.isFinite(number) ? Math.trunc(number) : 0
}

function asObject(value: unknown, path: string, field: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new DefinitionMalformed({ path, field, reason: `${field || 'it'} is not an object` })
}

function rows(source: Record<string, unknown>, key: string, path: string): Record<string, unknown>[] {
  const value = source[key]
  if (value === undefined || value === null || value === '') return []
  if (!Array.isArray(value)) throw new DefinitionMalformed({ path, field: key, reason: `${key} is not a list` })
  return value.map((row, index) => asObject(row, path, `${key}[${index}]`))
}

function safe(row: Record<string, unknown>): Record<string, unknown> {
  return normalise(row, new Set(), new Set(), new Set())
}

/** Frappe draws fields in the order of `field_order` where there is one; fields it forgets come last. */
function ordered(fields: FieldDefinition[], order: unknown): FieldDefinition[] {
  if (!Array.isArray(order)) return fields
  const rank = new Map([...new Set(order)].map((fieldname, index) => [fieldname, index]))
  const place = (field: FieldDefinition) => rank.get(field.fieldname) ?? Number.MAX_SAFE_INTEGER
  return fields
    .map((field, index) => ({ field, index }))
    .sort((a, b) => place(a.field) - place(b.field) || a.index - b.index)
    .map(({ field }) => field)
}

function readIndexes(value: unknown, path: string): IndexDefinition[] {
  if (!Array.isArray(value)) throw new DefinitionMalformed({ path, field: 'indexes', reason: 'indexes is not a list' })
  return value.map((entry, index) => {
    const field = `indexes[${index}]`
    if (typeof entry === 'string') return { fields: [entry] }
    const fields = Array.isArray(entry) ? entry : asObject(entry, path, field).fields
    if (!Array.isArray(fields) || fields.length === 0 || fields.some((name) => typeof name !== 'string'))
      throw new DefinitionMalformed({ path, field, reason: `${field} names no fields` })
    const isUnique = !Array.isArray(entry) && asFlag((entry as Record<string, unknown>).unique ?? 0)
    return isUnique ? { fields: [...fields], unique: 1 } : { fields: [...fields] }
  })
}

function readAliases(value: unknown, path: string): string[] {
  const list = typeof value === 'string' ? value.split(/[\n,]/) : value
  if (!Array.isArray(list) || list.some((alias) => typeof alias !== 'string'))
    throw new DefinitionMalformed({ path, field: 'aliases', reason: 'aliases is not a list of names' })
  return list.map((alias: string) => alias.trim()).filter(Boolean)
}

function addSeriesField(definition: DocTypeDefinition): void {
  const series = definition.naming_series
  if (typeof series !== 'string' || series === '' || !definition.autoname?.startsWith('naming_series:')) return
  if (definition.fields.some((field) => field.fieldname === 'naming_series')) return
  const first = series.split('\n')[0] as string
  definition.fields.unshift({
    fieldname: 'naming_series',
    fieldtype: 'Select',
    label: 'Series',
    options: series,
    default: first,
    reqd: 1,
    no_copy: 1,
    set_only_once: 1,
    print_hide: 1,
  })
}
