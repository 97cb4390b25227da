import { dateFormats, type DateFormat, parseDatetimeIn, parseDateIn } from '#client/rules/date-format.ts'
import { isDecimalText } from '#client/rules/decimal.ts'
import { selectOptions } from '#client/rules/formats.ts'
import { type NumberFormat, numberFormat, parseNumber } from '#client/rules/number-format.ts'
import type { MetaField } from '#kernel/meta/meta.ts'
import { CellUnreadable } from './errors.ts'

/** How the cells of a column are written. */
export interface CellStyle {
  /** Undefined: plain decimals, as workbooks hold them. */
  readonly number?: NumberFormat
  readonly date: DateFormat
}

/** How the site writes numbers and days. */
export interface LocalFormats {
  readonly number: string
  readonly date: DateFormat
}

/**
 * How a column is written, judged by the cells of its first rows: the site's way when all can be read so, else the first common way in which all
 * can. Undefined when there is none.
 */
export function styleOf(field: MetaField, sample: readonly string[], local: LocalFormats, isPlain: boolean): CellStyle | undefined {
  const cells = sample.filter((cell) => cell.trim() !== '')
  if (isNumeric(field)) {
    const numbers = cells.map(withoutPercent)
    if (isPlain && numbers.every(isDecimalText)) return { date: local.date }
    const pattern = [local.number, '#,###.##', '#.###,##', '# ###,##', "#'###.##"].find((one) =>
      numbers.every((cell) => parseNumber(cell, numberFormat(one)) !== undefined),
    )
    return pattern === undefined ? undefined : { number: numberFormat(pattern), date: local.date }
  }
  if (field.type.kind === 'date' || field.type.kind === 'datetime') {
    const date = [local.date, ...dateFormats].find((format) => cells.every((cell) => readDay(field, cell, format) !== undefined))
    return date && { date }
  }
  return { date: local.date }
}

function isNumeric(field: MetaField): boolean {
  return (field.type.kind === 'number' || field.type.kind === 'decimal') && field.fieldtype !== 'Check' && field.fieldtype !== 'Duration'
}

function withoutPercent(cell: string): string {
  return cell.trim().replace(/\s*%$/, '')
}

function readDay(field: MetaField, cell: string, format: DateFormat): string | undefined {
  const text = cell.trim()
  // A time stamp with an offset is for the field type to read.
  if (/T.*(?:Z|[+-]\d\d:?\d\d)$/.test(text)) return text
  if (field.type.kind === 'date') return parseDateIn(text, format) ?? parseDatetimeIn(text, format)?.slice(0, 10)
  return parseDatetimeIn(text, format)
}

const truths = new Set(['1', 'true', 'yes', 'y', 'x', 'on'])
const untruths = new Set(['0', 'false', 'no', 'n', 'off', '-'])

/**
 * A cell as the field's type reads it; undefined for an empty one. What the type itself refuses is refused there.
 * @throws CellUnreadable
 */
export function readCell(cell: string, field: MetaField, style: CellStyle, path: string): string | undefined {
  const text = cell.trim()
  if (text === '') return undefined
  const refuse = (expected: string): never => {
    throw new CellUnreadable({ field: path, value: text.slice(0, 100), expected })
  }
  if (field.fieldtype === 'Check') {
    const word = text.toLowerCase()
    if (truths.has(word)) return '1'
    return untruths.has(word) ? '0' : refuse('yes or no')
  }
  if (field.fieldtype === 'Duration') return durationSeconds(text) ?? refuse('a duration such as 1h 30m')
  if (isNumeric(field)) {
    const number = withoutPercent(text)
    return (style.number ? parseNumber(number, style.number) : isDecimalText(number) ? number : undefined) ?? refuse('a number')
  }
  if (field.type.kind === 'date' || field.type.kind === 'datetime')
    return readDay(field, text, style.date) ?? refuse(`a day as ${style.date} or 2026-11-20`)
  if (field.fieldtype === 'Select')
    return selectOptions(field.options).find((option) => option.toLowerCase() === text.toLowerCase()) ?? text
  return field.fieldtype === 'Link' || field.fieldtype === 'Dynamic Link' ? text : cell
}

/** Seconds of `1d 2h 3m 4s`, or of a plain number of them. */
function durationSeconds(text: string): string | undefined {
  if (isDecimalText(text)) return text
  const parts = /^(?:(\d{1,6})\s*d)?\s*(?:(\d{1,6})\s*h)?\s*(?:(\d{1,6})\s*m)?\s*(?:(\d{1,9})\s*s)?$/i.exec(text)
  if (!parts) return undefined
  const [days, hours, minutes, seconds] = parts.slice(1).map((part) => Number(part ?? 0)) as [number, number, number, number]
  return String(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
}
