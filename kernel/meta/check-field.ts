import { isFieldname } from '#client/rules/formats.ts'
import { parseExpression } from '#client/rules/expression.ts'
import { fieldTypes } from '#kernel/fields/field-types.ts'
import { isUsableName } from './build-meta.ts'
import type { DocTypeDefinition, FieldDefinition } from './definition.ts'

/** What the definition says about fields, standard ones included. */
export interface DefinitionFacts {
  /** Field type by name. */
  types: ReadonlyMap<string, string>
  /** Fields with a column. */
  columns: ReadonlySet<string>
  /** Names that the store needs itself. */
  reserved: ReadonlySet<string>
}

type Report = (code: string, path: string, message: string) => void

const conditions = ['depends_on', 'mandatory_depends_on', 'read_only_depends_on', 'collapsible_depends_on'] as const
/** Words in `default` that are worked out when a document is made. */
const defaultWords = /^(?:__user|user|today|now|now_datetime|:.+|eval:.+)$/i

/** Reports what is wrong with one field. */
export function checkField(
  definition: DocTypeDefinition,
  field: FieldDefinition,
  path: string,
  facts: DefinitionFacts,
  report: Report,
): void {
  checkName(field, path, facts, report)
  const type = fieldTypes.get(field.fieldtype)
  if (!type) {
    report('unknown-type', `${path}.fieldtype`, `“${field.fieldtype}” is no field type; the field counts as Data.`)
    return
  }
  checkOptions(definition, field, path, facts, report)
  const level = field.permlevel ?? 0
  if (!Number.isInteger(level) || level < 0 || level > 9) report('bad-level', `${path}.permlevel`, 'A permission level is 0 to 9.')
  const storage = type.storage(field)
  if (storage?.kind === 'text' && !storage.length && (field.unique || field.search_index))
    report('no-index', `${path}.${field.unique ? 'unique' : 'search_index'}`, 'A long text can be neither indexed nor unique.')
  if (Number(field.length ?? 0) < 0) report('bad-length', `${path}.length`, 'A length cannot be negative.')
  checkDefault(field, path, report)
  checkConditions(field, path, report)
  checkFetch(field, path, facts, report)
}

function checkName(field: FieldDefinition, path: string, { reserved }: DefinitionFacts, report: Report): void {
  const where = `${path}.fieldname`
  if (!isUsableName(field.fieldname))
    report('bad-name', where, `“${field.fieldname.slice(0, 100)}” cannot be a field’s name; the field is left out.`)
  else if (reserved.has(field.fieldname.toLowerCase()))
    report('reserved-name', where, `“${field.fieldname}” is a standard field; this one is left out.`)
  else if (!isFieldname(field.fieldname))
    report('odd-name', where, `“${field.fieldname}” should have only letters a to z, digits and underscores.`)
}

function checkOptions(
  definition: DocTypeDefinition,
  field: FieldDefinition,
  path: string,
  { types }: DefinitionFacts,
  report: Report,
): void {
  const where = `${path}.options`
  const options = field.options?.trim() ?? ''
  switch (field.fieldtype) {
    case 'Link':
      if (!options) report('no-options', where, 'A Link needs the DocType it leads to.')
      break
    case 'Table':
    case 'Table MultiSelect':
      if (!options) report('no-options', where, 'A table needs the DocType of its rows.')
      if (definition.istable) report('nested-table', path, 'A row of a table cannot hold a table.')
      break
    case 'Dynamic Link':
      if (!options) report('no-options', where, 'A Dynamic Link needs the field that holds the DocType.')
      else if (!types.has(options)) report('unknown-field', where, `“${options}” is no field.`)
  }
}

function checkDefault(field: FieldDefinition, path: string, report: Report): void {
  const type = fieldTypes.get(field.fieldtype)
  if (!field.default || !type || type.kind === 'none' || type.kind === 'table' || defaultWords.test(field.default.trim())) return
  try {
    type.check(type.cast(field.default, field, { version: 1, zone: 'UTC' }, field.fieldname), field, field.fieldname)
  } catch (error) {
    report('bad-default', `${path}.default`, (error as Error).message)
  }
}

function checkConditions(field: FieldDefinition, path: string, report: Report): void {
  for (const property of conditions) {
    const condition = field[property]
    if (typeof condition !== 'string' || !condition.startsWith('eval:')) continue
    try {
      parseExpression(condition.slice('eval:'.length))
    } catch (error) {
      report('bad-expression', `${path}.${property}`, (error as Error).message)
    }
  }
}

function checkFetch(field: FieldDefinition, path: string, { types }: DefinitionFacts, report: Report): void {
  const link = field.fetch_from?.split('.')[0]?.trim()
  if (!link) return
  const type = types.get(link)
  if (type === undefined) report('unknown-field', `${path}.fetch_from`, `“${link}” is no field.`)
  else if (type !== 'Link' && type !== 'Dynamic Link') report('no-link', `${path}.fetch_from`, `“${link}” is no Link.`)
}
