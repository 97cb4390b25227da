import { Decimal } from '#client/rules/decimal.ts'
import { fieldTypes } from '#kernel/fields/field-types.ts'
import type { Wire } from '#kernel/fields/field-type.ts'
import type { MetaField } from '#kernel/meta/meta.ts'
import type { ReportColumn, ScriptedResult } from './report.ts'
import type { QueryColumn } from './sql/print.ts'

/** Field types whose values can be summed up. */
const numeric: ReadonlySet<string> = new Set(['Int', 'Long Int', 'Float', 'Currency', 'Percent', 'Duration', 'Check', 'Rating'])

export function isNumeric(column: Pick<ReportColumn, 'fieldtype'>): boolean {
  return numeric.has(column.fieldtype)
}

/** A label as a fieldname: lower case, underscores; `at` where nothing is left. */
export function fieldnameOf(label: string, at: number): string {
  const made = label
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, '_')
    .replaceAll(/^_+|_+$/g, '')
  return made === '' || made === '__proto__' ? `column_${at + 1}` : made
}

/** Reads `Label:Fieldtype/Options:Width`; every part but the label may be missing. */
export function columnFromText(text: string, at: number): ReportColumn {
  const [label = '', type = '', width = ''] = text.split(':')
  const slash = type.indexOf('/')
  const wanted = (slash < 0 ? type : type.slice(0, slash)).trim()
  const options = slash < 0 ? '' : type.slice(slash + 1).trim()
  const known = [...fieldTypes.keys()].find((name) => name.toLowerCase() === wanted.toLowerCase())
  return {
    fieldname: fieldnameOf(label, at),
    label: label.trim(),
    fieldtype: known ?? 'Data',
    ...(options && { options }),
    ...(/^\d{1,4}$/.test(width.trim()) && { width: Number(width) }),
  }
}

/** The columns that code gave, in full, each with a fieldname of its own. */
export function readColumns(given: NonNullable<ScriptedResult['columns']>): ReportColumn[] {
  return distinct(
    given.map((column, at) => {
      if (typeof column === 'string') return columnFromText(column, at)
      const label = String(column.label ?? column.fieldname ?? '')
      return {
        ...column,
        fieldname: String(column.fieldname ?? fieldnameOf(label, at)),
        label,
        fieldtype: fieldTypes.has(String(column.fieldtype)) ? String(column.fieldtype) : 'Data',
      }
    }),
  )
}

/** Columns of one name get numbers: rows are kept by fieldname. */
export function distinct(columns: readonly ReportColumn[]): ReportColumn[] {
  const seen = new Map<string, number>()
  return columns.map((column) => {
    const times = (seen.get(column.fieldname) ?? 0) + 1
    seen.set(column.fieldname, times)
    return times === 1 ? column : { ...column, fieldname: `${column.fieldname}_${times}` }
  })
}

export function columnOfField(field: MetaField, fieldname = field.fieldname): ReportColumn {
  return {
    fieldname,
    label: field.label ?? field.fieldname,
    fieldtype: field.fieldtype === 'Password' ? 'Data' : field.fieldtype,
    ...(field.options && { options: field.options }),
  }
}

const typeNames = { integer: 'Int', number: 'Float', date: 'Date', datetime: 'Datetime', time: 'Time', boolean: 'Check' } as const

/** The column of a query's answer: its alias may say what it is, else the field behind it does, else the kind of its values. */
export function columnOfQuery(column: QueryColumn, at: number): ReportColumn {
  const own: ReportColumn = column.field
    ? columnOfField(column.field)
    : {
        fieldname: '',
        label: '',
        fieldtype: column.type === 'text' || column.type === 'unknown' ? 'Data' : typeNames[column.type],
      }
  if (!column.isAlias) return { ...own, label: own.label || column.name || `Column ${at + 1}`, fieldname: fieldnameOf(column.name, at) }
  if (column.name.includes(':')) return columnFromText(column.name, at)
  return { ...own, label: column.name, fieldname: fieldnameOf(column.name, at) }
}

/** A value of a database or a script as the column shows it. What does not fit its type stays as it is. */
export function shownValue(column: ReportColumn, value: unknown, wire: Wire): unknown {
  if (value === null || value === undefined) return null
  if (value instanceof Decimal) return value
  const type = fieldTypes.get(column.fieldtype)
  if (type?.kind === 'decimal') return decimalOf(value) ?? value
  if (type?.kind === 'number') {
    const number = decimalOf(value)?.toNumber()
    return number === undefined ? value : Number.isSafeInteger(number) ? number : Number(number.toFixed(9))
  }
  if (type?.kind === 'datetime' && /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$/.test(String(value))) return type.toWire(String(value), wire)
  if (type?.kind === 'time' && /^\d\d:\d\d:\d\d\.\d{6}$/.test(String(value))) return type.toWire(String(value), wire)
  if (type?.kind === 'date') return String(value).slice(0, 10)
  if (typeof value === 'bigint') return Number(value)
  return value
}

function decimalOf(value: unknown): Decimal | undefined {
  if (typeof value === 'boolean') return Decimal.from(Number(value))
  if (typeof value === 'number' && Number.isFinite(value)) return Decimal.from(value).round(9)
  if (typeof value === 'bigint') return Decimal.from(value)
  if (typeof value === 'string' && /^-?\d{1,60}(\.\d{1,60})?$/.test(value)) return Decimal.from(value).round(9)
  return undefined
}
