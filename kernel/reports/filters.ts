import { AppError } from '#client/rules/errors.ts'
import { dayFromNumber, dayNumber } from '#client/rules/dates.ts'
import { utcToZone } from '#client/rules/time-zone.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { fieldTypes } from '#kernel/fields/field-types.ts'
import { wireV1 } from '#kernel/methods/wire-v1.ts'
import { parseJson } from '#kernel/methods/strict-json.ts'
import { BadReportFilter } from './errors.ts'
import type { ReportFilterDefinition } from './report.ts'

/** The day that the site's clock shows. */
export function today(ctx: Context): string {
  return utcToZone(nowText(ctx), ctx.site.timeZone).slice(0, 10)
}

/** What a caller sent as filters: an object, or its JSON text; nothing is no filters. @throws BadReportFilter */
export function filtersObject(report: string, given: unknown): Record<string, unknown> {
  const value = typeof given === 'string' && given.trim() !== '' ? parseJson(given, 'filters') : given
  if (value === undefined || value === null || value === '') return {}
  if (typeof value !== 'object' || Array.isArray(value))
    throw new BadReportFilter({ report, field: 'filters', reason: 'must be an object' })
  return value as Record<string, unknown>
}

/**
 * Reads the filters that a report declares: defaults filled in, each value as its type says, times in UTC. What is not declared passes as
 * it is where it is a plain value or a list of such.
 * @throws BadReportFilter
 */
export function readFilters(
  ctx: Context,
  report: string,
  declared: readonly ReportFilterDefinition[],
  given: Record<string, unknown>,
): Record<string, unknown> {
  const wire = wireV1(ctx)
  const made: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(given)) {
    if (name === '__proto__' || !isPlain(value))
      throw new BadReportFilter({ report, field: name, reason: 'must be a plain value or a list' })
    made[name] = value === '' ? null : value
  }
  for (const filter of declared) {
    const { fieldname } = filter
    const value = isBlank(made[fieldname]) && !(fieldname in made) ? defaultOf(ctx, filter) : made[fieldname]
    if (isBlank(value)) {
      if (filter.mandatory) throw new BadReportFilter({ report, field: fieldname, reason: 'is needed' })
      made[fieldname] = null
      continue
    }
    const type = fieldTypes.get(filter.fieldtype)
    const cast = (one: unknown): unknown => {
      try {
        const field = { fieldname, fieldtype: filter.fieldtype, ...(filter.options && { options: filter.options }) }
        return type && type.kind !== 'table' && type.kind !== 'none' ? type.cast(one, field, wire, fieldname) : one
      } catch (error) {
        if (error instanceof AppError)
          throw new BadReportFilter({ report, field: fieldname, reason: `cannot be read as ${filter.fieldtype}` }, { cause: error })
        throw error
      }
    }
    made[fieldname] = Array.isArray(value) ? value.map(cast) : cast(value)
  }
  return made
}

function defaultOf(ctx: Context, { default: initial, fieldtype }: ReportFilterDefinition): unknown {
  if (initial === undefined || initial === '') return undefined
  if (fieldtype === 'Date' || fieldtype === 'Datetime') {
    const words = String(initial).trim().toLowerCase()
    if (words === 'today' || words === 'now') return today(ctx)
    const shift = /^today\s*([+-])\s*(\d{1,5})$/.exec(words)
    if (shift) return dayFromNumber(dayNumber(today(ctx)) + Number(`${shift[1]}${shift[2]}`))
  }
  return initial
}

function isBlank(value: unknown): boolean {
  return value === undefined || value === null || value === ''
}

function isPlain(value: unknown): boolean {
  if (Array.isArray(value)) return value.length <= 10_000 && value.every((one) => typeof one === 'string' || typeof one === 'number')
  return value === null || ['string', 'number', 'boolean'].includes(typeof value)
}
