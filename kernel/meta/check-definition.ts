import { isDoctypeName } from '#client/rules/formats.ts'
import { fieldTypes } from '#kernel/fields/field-types.ts'
import { isUsableName, names, treeParentField } from './build-meta.ts'
import { checkField, type DefinitionFacts } from './check-field.ts'
import type { DocTypeDefinition, PermissionRow } from './definition.ts'
import { DefinitionInvalid } from './errors.ts'
import type { Problem } from './problem.ts'
import { childStandardFields, mainStandardFields, seenField, standardFields, treeFields } from './standard-fields.ts'

export type { Problem } from './problem.ts'

export interface CheckOptions {
  /**
   * For DocTypes made at run time: references that lead nowhere are errors. Definitions from files may be older than their rules, so
   * there they are warnings.
   */
  strict?: boolean
}

/** InnoDB takes 1,017 columns, the fewest of the three engines. */
const mostColumns = 1000
const highestLevel = 9

/** Everything that is wrong with a definition, in the order of its parts; empty when it is sound. */
export function checkDefinition(definition: DocTypeDefinition, { strict = false }: CheckOptions = {}): Problem[] {
  const problems: Problem[] = []
  const error = (code: string, path: string, message: string) => problems.push({ code, path, message, severity: 'error' })
  const doubt = (code: string, path: string, message: string) =>
    problems.push({ code, path, message, severity: strict ? 'error' : 'warning' })

  if (!isDoctypeName(definition.name))
    error('bad-name', 'name', 'A DocType’s name has letters, digits, spaces and a few signs, at most 61 bytes.')
  if (definition.istable && definition.issingle)
    doubt('contradiction', 'issingle', 'A child table cannot be a Single; it counts as a child table.')
  if (definition.is_tree && (definition.issingle || definition.istable))
    error('contradiction', 'is_tree', 'A tree can be neither a Single nor a child table.')

  const facts = factsOf(definition)
  const seen = new Map<string, string>()
  for (const [place, field] of definition.fields.entries()) {
    const path = `fields[${place}]`
    const twin = seen.get(field.fieldname.toLowerCase())
    if (twin !== undefined)
      doubt('duplicate-field', `${path}.fieldname`, `“${field.fieldname}” is there twice (${twin}); the first one counts.`)
    else seen.set(field.fieldname.toLowerCase(), path)
    checkField(definition, field, path, facts, (code, where, message) => doubt(code, where, message))
  }
  const stored = definition.fields.filter((field) => !field.is_virtual && fieldTypes.get(field.fieldtype)?.storage(field)).length
  if (stored > mostColumns) error('too-many-fields', 'fields', `${stored} fields need a column; ${mostColumns} is the limit.`)
  checkReferences(definition, facts, doubt)
  for (const [place, row] of definition.permissions.entries()) checkPermission(definition, row, `permissions[${place}]`, doubt)
  for (const [place, alias] of (definition.aliases ?? []).entries())
    if (!isDoctypeName(alias) || alias === definition.name) error('bad-alias', `aliases[${place}]`, `“${alias}” cannot be an alias.`)
  return problems
}

/** Refuses a definition with errors. @throws DefinitionInvalid with every problem in its data */
export function demandSound(definition: DocTypeDefinition, options: CheckOptions = {}): void {
  const problems = checkDefinition(definition, options).filter((problem) => problem.severity === 'error')
  const [first] = problems
  if (first) throw new DefinitionInvalid({ doctype: definition.name, field: first.path, problems, reason: first.message })
}

type Report = (code: string, path: string, message: string) => void

function factsOf(definition: DocTypeDefinition): DefinitionFacts {
  const standard = definition.istable ? childStandardFields : [...mainStandardFields, ...(definition.track_seen ? [seenField] : [])]
  const tree = definition.is_tree ? treeFields(treeParentField(definition), definition.name) : []
  const all = [...standardFields, ...standard, ...definition.fields, ...tree]
  const types = new Map<string, string>()
  for (const field of all) if (isUsableName(field.fieldname) && !types.has(field.fieldname)) types.set(field.fieldname, field.fieldtype)
  const columns = new Set(
    all.filter((field) => !field.is_virtual && fieldTypes.get(field.fieldtype)?.storage(field)).map((field) => field.fieldname),
  )
  return { types, columns, reserved: new Set(['doctype', ...[...standardFields, ...standard].map((field) => field.fieldname)]) }
}

function checkReferences(definition: DocTypeDefinition, { types, columns }: DefinitionFacts, report: Report): void {
  const named = /^field:\s*(.+)$/.exec(definition.autoname ?? '')?.[1]?.trim()
  if (named && !columns.has(named)) report('unknown-field', 'autoname', `The name is to come from “${named}”, which is no field.`)
  if (definition.autoname === 'naming_series:' && !types.has('naming_series'))
    report('unknown-field', 'autoname', 'Naming by series needs a Select field “naming_series”.')
  for (const property of ['title_field', 'image_field', 'timeline_field', 'is_published_field', 'nsm_parent_field'] as const) {
    const fieldname = definition[property]
    if (typeof fieldname === 'string' && fieldname && !types.has(fieldname))
      report('unknown-field', property, `“${fieldname}” is no field.`)
  }
  for (const fieldname of names(definition.search_fields))
    if (!columns.has(fieldname)) report('unknown-field', 'search_fields', `“${fieldname}” is no field with a column.`)
  for (const term of names(definition.sort_field)) {
    const fieldname = term.split(/\s+/)[0] as string
    if (!columns.has(fieldname.replace(/^`?tab.*\./, '')))
      report('unknown-field', 'sort_field', `“${fieldname}” is no field with a column.`)
  }
  for (const [place, index] of (definition.indexes ?? []).entries())
    for (const fieldname of index.fields)
      if (isLongText(definition, fieldname))
        report('no-index', `indexes[${place}].fields`, `“${fieldname}” is too long to be part of an index.`)
      else if (!columns.has(fieldname)) report('unknown-field', `indexes[${place}].fields`, `“${fieldname}” is no field with a column.`)
}

function isLongText(definition: DocTypeDefinition, fieldname: string): boolean {
  const field = definition.fields.find((one) => one.fieldname === fieldname)
  const storage = field && fieldTypes.get(field.fieldtype)?.storage(field)
  return storage?.kind === 'json' || (storage?.kind === 'text' && !storage.length)
}

function checkPermission(definition: DocTypeDefinition, row: PermissionRow, path: string, report: Report): void {
  const level = row.permlevel ?? 0
  if (!row.role) report('no-role', `${path}.role`, 'A permission row needs a role.')
  if (!Number.isInteger(level) || level < 0 || level > highestLevel)
    report('bad-level', `${path}.permlevel`, 'A permission level is 0 to 9.')
  if (level > 0 && (row.create || row.delete || row.submit || row.cancel || row.amend))
    report('level-right', path, 'Above level 0 only reading and writing have a meaning.')
  if ((row.submit || row.cancel || row.amend) && !definition.is_submittable)
    report('not-submittable', path, 'The DocType cannot be submitted, so the right to do so means nothing.')
}
