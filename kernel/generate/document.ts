import { selectOptions } from '#client/rules/formats.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'

/** What the maker of values must know of the site. */
export interface Surroundings {
  /** The DocType of a child table; undefined where there is none. */
  child(doctype: string): Meta | undefined
  /** Name of a document that a link may point to; undefined leaves the link empty. */
  target(doctype: string): string | number | undefined
}

/** DocType that dynamic links point to where the definition leaves the choice open; every site has it. */
export const anyDoctype = 'ToDo'

/**
 * Values for every field of a document, so that it can be stored: choices from the options, formats obeyed, links filled where there is
 * a target, one row in each table. `amended_from`, and a tree's link to its parent unless it is mandatory, stay empty.
 * @param variant a number from 0 to 9; different ones differ in every field that has room for it
 */
export function generatedValues(meta: Meta, around: Surroundings, variant: number): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  const holders = new Map(meta.dynamicLinks.map((link) => [link.options ?? '', link]))
  for (const field of meta.fields) {
    if (field.type.kind === 'none' || field.is_virtual || isLeftEmpty(meta, field)) continue
    if (field.type.kind === 'table') values[field.fieldname] = rows(field, around, variant)
    else if (field.fieldtype === 'Link' && !holders.has(field.fieldname))
      values[field.fieldname] = around.target(field.options ?? '') ?? null
    else if (field.fieldtype !== 'Dynamic Link') {
      const value = holders.has(field.fieldname) ? holderValue(field, around, variant) : generatedValue(field, variant)
      if (value !== undefined) values[field.fieldname] = value
    }
  }
  for (const [holder, link] of holders) values[link.fieldname] = around.target(String(values[holder] ?? '')) ?? null
  return values
}

function isLeftEmpty(meta: Meta, field: MetaField): boolean {
  if (meta.isTree && field.fieldname === meta.parentField) return !field.reqd
  return field.fieldname === 'amended_from' || (meta.isTree && ['lft', 'rgt', 'old_parent'].includes(field.fieldname))
}

function rows(field: MetaField, around: Surroundings, variant: number): Record<string, unknown>[] {
  const child = around.child(field.options ?? '')
  if (!child) return []
  const values = generatedValues(child, around, variant)
  // A row has no tables of its own.
  for (const table of child.tables) delete values[table.fieldname]
  return [values]
}

/** The DocType that a dynamic link points to, from the field that holds it. */
function holderValue(field: MetaField, around: Surroundings, variant: number): unknown {
  if (field.fieldtype === 'Link') return field.options === 'DocType' ? anyDoctype : (around.target(field.options ?? '') ?? null)
  if (field.fieldtype !== 'Select') return anyDoctype
  const options = selectOptions(field.options).filter(Boolean)
  if (options.length === 0) return anyDoctype
  return options.find((option) => around.target(option) !== undefined) ?? generatedValue(field, variant)
}

const day = (variant: number): string => `2026-01-${String(variant + 1).padStart(2, '0')}`

/** A value for one field that has no reference; undefined leaves it to its default. */
export function generatedValue(field: MetaField, variant: number): unknown {
  switch (field.type.kind) {
    case 'number':
      return numberFor(field, variant)
    case 'decimal':
      return decimalFor(field, variant)
    case 'date':
      return day(variant)
    case 'datetime':
      return `${day(variant)} 10:30:00`
    case 'time':
      return `1${variant}:30:00`
    case 'text':
      return textFor(field, variant)
    default:
      return undefined
  }
}

function numberFor(field: MetaField, variant: number): number {
  if (field.fieldtype === 'Check') return variant % 2
  if (field.fieldtype === 'Rating') return ((variant % 5) + 1) / 5
  return ['Int', 'Long Int', 'Duration'].includes(field.fieldtype) ? variant + 1 : variant + 0.5
}

function decimalFor(field: MetaField, variant: number): string {
  return field.precision !== undefined && Number(field.precision) === 0 ? String(variant + 1) : `${variant + 1}.5`
}

function textFor(field: MetaField, variant: number): string | undefined {
  if (field.fieldname === 'naming_series') return selectOptions(field.options).find(Boolean) ?? 'SAMPLE-.#####'
  switch (field.fieldtype) {
    case 'Select': {
      const options = selectOptions(field.options).filter(Boolean)
      return options.length > 0 ? options[variant % options.length] : short(field, `${variant} sample`)
    }
    case 'Color':
      return `#11223${variant}`
    case 'Phone':
      return `+4912345678${variant}`
    case 'JSON':
      return `{"sample": ${variant}}`
    case 'Geolocation':
      return `{"type": "FeatureCollection", "features": [], "sample": ${variant}}`
    case 'Attach':
    case 'Attach Image':
      return `/files/sample-${variant}.png`
    case 'Data':
      return short(field, dataText(field.options?.trim() ?? '', variant))
    default:
      return short(field, `${variant} sample`)
  }
}

function dataText(format: string, variant: number): string {
  const texts: Record<string, string> = {
    Email: `${variant}@example.com`,
    Phone: `+4912345678${variant}`,
    URL: `https://example.com/${variant}`,
    JSON: `{"sample": ${variant}}`,
  }
  return texts[format] ?? `${variant} sample`
}

/** Short fields keep the beginning, where variants differ. */
function short(field: MetaField, text: string): string {
  const limit = Number(field.length ?? 0)
  return limit > 0 ? text.slice(0, limit) : text
}
