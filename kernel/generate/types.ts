import { selectOptions } from '#client/rules/formats.ts'
import { fieldTypes } from '#kernel/fields/field-types.ts'
import { isNullable } from '#kernel/fields/nullable.ts'
import type { DocTypeDefinition, FieldDefinition } from '#kernel/meta/definition.ts'

export interface TypesOptions {
  /** Module whose interface `DocTypes` the file adds to. */
  clientModule?: string
}

/**
 * A TypeScript file with an interface for each DocType, in wire form: what the client sends and gets. The fields that every document has
 * come from the client. The same definitions give the same text.
 */
export function typesOf(definitions: readonly DocTypeDefinition[], { clientModule = '#client/doc-types.ts' }: TypesOptions = {}): string {
  const sorted = [...definitions].sort((a, b) => (a.name < b.name ? -1 : 1))
  const names = interfaceNames(sorted.map(({ name }) => name))
  const interfaces = sorted.map((definition) => interfaceText(definition, names))
  const usesRows = interfaces.some((text) => text.includes('& StandardFields)'))
  const documents = sorted.filter(({ istable }) => !istable)
  return [
    '// Written by "orc types" from the definitions; write it anew instead of changing it.',
    usesRows ? `import type { StandardFields } from '${clientModule}'` : `import type {} from '${clientModule}'`,
    '',
    ...interfaces.flatMap((text) => [text, '']),
    `declare module '${clientModule}' {`,
    '  interface DocTypes {',
    ...documents.map(({ name }) => `    ${key(name)}: ${names.get(name)}`),
    '  }',
    '}',
    '',
  ].join('\n')
}

/** `Service Request` becomes `ServiceRequest`; names that would meet get a number. */
function interfaceNames(doctypes: readonly string[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  const taken = new Set<string>()
  for (const doctype of doctypes) {
    const words = doctype.split(/[^\p{L}\p{N}]+/u).filter(Boolean)
    const joined = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
    const base = /^\p{L}/u.test(joined) && joined !== 'StandardFields' ? joined : `Doc${joined}`
    let name = base
    for (let count = 2; taken.has(name); count++) name = `${base}${count}`
    taken.add(name)
    names.set(doctype, name)
  }
  return names
}

function interfaceText(definition: DocTypeDefinition, names: ReadonlyMap<string, string>): string {
  const fields = definition.fields.filter((field) => (fieldTypes.get(field.fieldtype)?.kind ?? 'text') !== 'none')
  const about = typeof definition.description === 'string' ? definition.description : ''
  return [
    ...comment([about || definition.name], ''),
    `export interface ${names.get(definition.name)} {`,
    ...fields.flatMap((field) => [...comment(remarks(field), '  '), `  ${key(field.fieldname)}: ${typeOf(field, names)}`]),
    '}',
  ].join('\n')
}

/** What the signature cannot say: the label where it is not the name, the target, the unit, the remark. */
function remarks(field: FieldDefinition): string[] {
  const parts: string[] = []
  const spoken = field.fieldname.replaceAll('_', ' ').toLowerCase()
  if (field.label && field.label.toLowerCase() !== spoken) parts.push(`${field.label}.`)
  if (field.fieldtype === 'Link' && field.options) parts.push(`Link to ${field.options}.`)
  if (field.fieldtype === 'Dynamic Link' && field.options) parts.push(`Link to a document of the DocType that ${field.options} names.`)
  if (units[field.fieldtype]) parts.push(`${units[field.fieldtype]}.`)
  if (typeof field.description === 'string' && field.description) parts.push(field.description)
  return parts
}

const units: Readonly<Record<string, string>> = {
  Duration: 'Seconds',
  Percent: 'Percent',
  Rating: 'From 0 to 1',
  Date: 'YYYY-MM-DD',
  Time: 'H:MM:SS',
  Password: 'Asterisks where one is set',
}

function typeOf(field: FieldDefinition, names: ReadonlyMap<string, string>): string {
  const kind = fieldTypes.get(field.fieldtype)?.kind ?? 'text'
  if (kind === 'table') {
    const row = names.get(field.options ?? '')
    return row ? `(${row} & StandardFields)[]` : 'object[]'
  }
  if (field.fieldtype === 'Check') return '0 | 1'
  const type = kind === 'number' || kind === 'decimal' ? 'number' : field.fieldtype === 'Select' ? choices(field) : 'string'
  return field.reqd || !isNullable(field) ? type : `${type} | null`
}

function choices(field: FieldDefinition): string {
  const options = [...new Set(selectOptions(field.options))]
  // Series may be added at run time; no options means that a screen supplies them.
  if (field.fieldname === 'naming_series' || options.filter(Boolean).length === 0) return 'string'
  return options.map((option) => quote(option)).join(' | ')
}

function key(name: string): string {
  return /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(name) ? name : quote(name)
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n').replaceAll('\r', '\\r')}'`
}

function comment(parts: readonly string[], indent: string): string[] {
  const text = parts
    .join(' ')
    .replace(/<[^>]*>/g, '')
    .replace(/\s+/g, ' ')
    .replaceAll('*/', '* /')
    .trim()
  return text === '' ? [] : [`${indent}/** ${text} */`]
}
