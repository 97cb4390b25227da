import { Decimal } from '#client/rules/decimal.ts'
import { addDays } from '#client/rules/dates.ts'
import { isAlways } from '#client/rules/predicate.ts'
import { zoneToUtc } from '#client/rules/time-zone.ts'
import type { Context } from '#kernel/context/context.ts'
import type { Dialect, SqlValue } from '#kernel/database/database.ts'
import { predicateToSql } from '#kernel/database/predicate-sql.ts'
import { wireV1 } from '#kernel/methods/wire-v1.ts'
import { demandReading } from '#kernel/query/access.ts'
import { parentRows } from '#kernel/query/child-doctype.ts'
import { conditionSql } from '#kernel/query/columns.ts'
import { callerCondition } from '#kernel/query/conditions.ts'
import { listable } from '#kernel/query/list.ts'
import { piece, StatementBuilder } from '#kernel/query/piece.ts'
import { type Column, Scope } from '#kernel/query/scope.ts'
import { ChartInvalid } from './errors.ts'
import { steadyTimes } from './periods.ts'

/** How many documents fall on each day of the site's calendar, and what a field of theirs sums up to. */
export interface DaySeries {
  readonly doctype: string
  /** For child tables: the DocType of the documents around the rows. */
  readonly parent?: string
  /** A Date or Datetime field. */
  readonly basedOn: string
  /** A field with numbers; absent: documents are counted only. */
  readonly value?: string
  readonly filters?: unknown
  /** First and last day, both included. */
  readonly from: string
  readonly to: string
}

export interface DayTotal {
  readonly day: string
  readonly documents: number
  /** Documents in which the value is set. */
  readonly values: number
  readonly sum: Decimal
}

/**
 * One statement groups what the user may read by day. A day is that of the site's clock: where the clock changes within the time asked for,
 * each stretch is moved by its own offset.
 * @throws ChartInvalid, PermissionDenied, FieldNotPermitted, and as `list`
 */
export async function dayTotals(ctx: Context, series: DaySeries): Promise<DayTotal[]> {
  const meta = await listable(ctx, series.doctype)
  if (meta.isVirtual) throw new ChartInvalid({ chart: '', field: 'document_type', reason: `${meta.name} is not stored.` })
  const { dialect } = ctx.db
  const parents = meta.isTable ? await parentRows(ctx, meta, series.parent) : undefined
  const access = parents?.access ?? (await demandReading(ctx, meta))
  const scope = new Scope(ctx, meta, access)
  const based = await scope.resolve({ field: series.basedOn }, 'group', 'based_on')
  if (based.kind !== 'date' && based.kind !== 'datetime')
    throw new ChartInvalid({ chart: '', field: 'based_on', reason: `${series.basedOn} is not a date.` })
  const value = series.value === undefined ? undefined : await scope.resolve({ field: series.value }, 'aggregate', 'value_based_on')
  if (value && value.kind !== 'number' && value.kind !== 'decimal')
    throw new ChartInvalid({ chart: '', field: 'value_based_on', reason: `${series.value} is not a number.` })
  const condition = await callerCondition(scope, series.filters, undefined, wireV1(ctx))
  const rights = piece(parents ? parents.sql : await conditionSql(ctx, meta, 't', access.grant.rows), dialect)
  const [low, high] = bounds(based, series, ctx.site.timeZone)
  const day = dayText(based, series, ctx.site.timeZone, dialect)
  const statement = new StatementBuilder(dialect)
  const sums = value ? `, count(${value.text}) as v, ${sumText(value, dialect)} as s` : ', 0 as v, 0 as s'
  statement.text(`select ${day} as d, count(*) as n${sums} from ${dialect.quote(meta.table)} as t`)
  for (const join of scope.joinPieces()) statement.text(' ').piece(join)
  statement.text(' where ').piece(rights)
  if (!isAlways(condition)) statement.text(' and ').piece(piece(predicateToSql(condition, scope.predicateColumns(), dialect), dialect))
  statement.text(` and ${based.text} >= `).value(low).text(` and ${based.text} < `).value(high)
  statement.text(` group by ${day} order by ${day}`)
  const rows = await ctx.db.query<{ d: string; n: SqlValue; v: SqlValue; s: SqlValue }>(statement.build())
  return rows.map(({ d, n, v, s }) => ({
    day: String(d).slice(0, 10),
    documents: Number(n),
    values: Number(v),
    sum: s === null ? Decimal.zero : Decimal.from(typeof s === 'number' ? s : String(s)).round(9),
  }))
}

function bounds(based: Column, { from, to }: DaySeries, zone: string): [low: string, high: string] {
  const end = addDays(to, 1)
  if (based.kind === 'date') return [from, end]
  return [zoneToUtc(`${from} 00:00:00.000000`, zone), zoneToUtc(`${end} 00:00:00.000000`, zone)]
}

/** The day on the site's clock, as SQL. Offsets are whole numbers of ours, times our own: nothing of a caller stands in the text. */
function dayText(based: Column, { from, to }: DaySeries, zone: string, dialect: Dialect): string {
  if (based.kind === 'date') return based.text
  const moved = (minutes: number): string => {
    if (dialect.name === 'sqlite') return `date(substr(${based.text}, 1, 19), '${minutes} minutes')`
    return dialect.name === 'postgres'
      ? `cast(${based.text} + interval '${minutes} minutes' as date)`
      : `date(date_add(${based.text}, interval ${minutes} minute))`
  }
  const times = steadyTimes(from, to, zone)
  const [last] = times.slice(-1)
  const cases = times.flatMap(({ until, offsetMinutes }) => (until ? [`when ${based.text} < '${until}' then ${moved(offsetMinutes)}`] : []))
  const otherwise = moved(last?.offsetMinutes ?? 0)
  return cases.length > 0 ? `case ${cases.join(' ')} else ${otherwise} end` : otherwise
}

function sumText(value: Column, dialect: Dialect): string {
  return value.kind === 'decimal' ? piece(dialect.decimalAggregate('sum', value.sql), dialect).text : `sum(${value.text})`
}
