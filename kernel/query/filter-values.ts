import { parseDate, parseDatetime } from '#client/rules/dates.ts'
import type { ColumnKind } from '#client/rules/evaluate-predicate.ts'
import type { FilterLeaf, FilterOperator } from '#client/rules/filters.ts'
import type { Comparison, ComparisonOperator, Predicate } from '#client/rules/predicate.ts'
import { timespanRange } from '#client/rules/timespans.ts'
import { utcToZone, zoneToUtc } from '#client/rules/time-zone.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import type { Wire } from '#kernel/fields/field-type.ts'
import type { MetaField } from '#kernel/meta/meta.ts'
import { QueryMalformed } from './errors.ts'

/** What a condition is about, once its field is found. */
export interface FilterTarget {
  readonly key: string
  readonly field: MetaField
  readonly kind: ColumnKind
}

type PlainOperator = Exclude<FilterOperator, TreeOperator>
export type TreeOperator = 'descendants of' | 'descendants of (inclusive)' | 'not descendants of' | 'ancestors of' | 'not ancestors of'

/**
 * One condition with its values in column form. Dates named by day are widened to whole days of the wire's zone where the field
 * holds a time; a missing value turns `=` into "not set".
 * @throws BadValue with the condition's path; QueryMalformed for a timespan of something that is no date
 */
export function plainCondition(ctx: Context, target: FilterTarget, leaf: FilterLeaf, wire: Wire): Predicate {
  const { value, path } = leaf
  const operator = leaf.operator as PlainOperator
  const compare = (op: ComparisonOperator, made?: unknown): Comparison =>
    made === undefined ? { field: target.key, op } : { field: target.key, op, value: made }
  switch (operator) {
    case 'is':
      return compare(value === 'set' ? 'set' : 'not set')
    case 'like':
    case 'not like':
      return compare(operator, cleanPattern(String(value), path))
    case 'in':
    case 'not in':
      return compare(
        operator,
        (value as unknown[]).map((item, index) => castOne(target, item, wire, `${path}[${index}]`)),
      )
    case 'between': {
      const [from, to] = value as [unknown, unknown]
      return compare('between', [boundary(target, from, 'start', wire, `${path}[0]`), boundary(target, to, 'end', wire, `${path}[1]`)])
    }
    case 'timespan':
      return days(ctx, target, String(value), leaf, wire)
    case 'previous':
    case 'next':
      return days(ctx, target, `${operator} ${String(value)}`, leaf, wire)
    default: {
      const made = castOne(target, value, wire, path)
      if (made !== null) return compare(operator, made)
      return operator === '=' ? compare('not set') : operator === '!=' ? compare('set') : compare(operator, null)
    }
  }
}

function castOne(target: FilterTarget, value: unknown, wire: Wire, path: string): unknown {
  return target.field.type.cast(target.kind === 'date' ? dayOf(value) : value, target.field, wire, path)
}

/** The day of a time stamp, where a day is compared. */
function dayOf(value: unknown): unknown {
  if (typeof value !== 'string' || value.length <= 10) return value
  return parseDatetime(value)?.naive.slice(0, 10) ?? value
}

function cleanPattern(pattern: string, path: string): string {
  if (pattern.includes('\0') || !pattern.isWellFormed()) throw new QueryMalformed({ field: path, reason: 'it holds broken characters' })
  if (pattern.length > 1000) throw new QueryMalformed({ field: path, reason: 'the pattern is longer than 1000 characters' })
  return pattern
}

function boundary(target: FilterTarget, value: unknown, side: 'start' | 'end', wire: Wire, path: string): unknown {
  const day = target.kind === 'datetime' && typeof value === 'string' ? parseDate(value) : undefined
  return day ? edgeOfDay(day, side, wire) : castOne(target, value, wire, path)
}

function edgeOfDay(day: string, side: 'start' | 'end', wire: Wire): string {
  return zoneToUtc(`${day} ${side === 'start' ? '00:00:00.000000' : '23:59:59.999999'}`, wire.zone)
}

function days(ctx: Context, target: FilterTarget, name: string, leaf: FilterLeaf, wire: Wire): Predicate {
  const range = timespanRange(name, utcToZone(nowText(ctx), wire.zone).slice(0, 10))
  if (!range || (target.kind !== 'date' && target.kind !== 'datetime')) {
    throw new QueryMalformed({ field: leaf.path, reason: `a timespan needs a date, and ${target.field.fieldname} is none` })
  }
  const [from, to] = range
  const value = target.kind === 'date' ? [from, to] : [edgeOfDay(from, 'start', wire), edgeOfDay(to, 'end', wire)]
  return { field: target.key, op: 'between', value }
}
