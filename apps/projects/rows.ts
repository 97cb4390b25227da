import { utcToZone, zoneToUtc } from '#client/rules/time-zone.ts'
import { type Predicate, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { instantOfText, nowText } from '#kernel/context/time.ts'
import { type FindOptions, type FoundRow, findRows } from '#kernel/query/find-rows.ts'
import { DatesOutOfOrder } from './errors.ts'

/** Rows of a DocType for the rules of this app: no permission is asked. */
export async function rowsOf(ctx: Context, doctype: string, predicate: Predicate, options: FindOptions = {}): Promise<FoundRow[]> {
  return findRows(ctx, await ctx.site.meta.get(doctype), predicate, options)
}

/** Rows by name, in parts that every engine takes. */
export async function rowsNamed(ctx: Context, doctype: string, names: readonly string[], fields: readonly string[]): Promise<FoundRow[]> {
  const found: FoundRow[] = []
  const distinct = [...new Set(names)]
  for (let start = 0; start < distinct.length; start += 1000)
    found.push(...(await rowsOf(ctx, doctype, where('name', 'in', distinct.slice(start, start + 1000)), { fields })))
  return found
}

/** One row by name. */
export async function rowNamed(ctx: Context, doctype: string, name: string, fields: readonly string[]): Promise<FoundRow | undefined> {
  return (await rowsOf(ctx, doctype, where('name', '=', name), { fields, limit: 1 }))[0]
}

/** What every row of a table field of some documents holds, with `parent`. */
export async function childRows(
  ctx: Context,
  child: string,
  parenttype: string,
  parents: readonly string[],
  fields: readonly string[],
): Promise<FoundRow[]> {
  const meta = await ctx.site.meta.meta(child)
  const found: FoundRow[] = []
  for (let start = 0; start < parents.length; start += 1000)
    found.push(
      ...(await findRows(
        ctx,
        meta,
        { all: [where('parenttype', '=', parenttype), where('parent', 'in', parents.slice(start, start + 1000))] },
        {
          fields: ['name', 'parent', 'idx', ...fields],
          orderBy: [['idx', 'asc']],
        },
      )),
    )
  return found
}

/** Dates of which the second is not before the first. @throws DatesOutOfOrder with the second's field */
export function checkOrder(from: string | null | undefined, to: string | null | undefined, field: string): void {
  if (from && to && to < from) throw new DatesOutOfOrder({ field, from, to })
}

/** The time zone in which an organization's days begin and end. */
export async function zoneOf(ctx: Context, organization: string): Promise<string> {
  const key = `projects:zone:${organization}`
  const known = ctx.memo.get(key)
  if (typeof known === 'string') return known
  const row = await rowNamed(ctx, 'Organization', organization, ['time_zone'])
  const zone = String(row?.time_zone || ctx.site.timeZone)
  ctx.memo.set(key, zone)
  return zone
}

/** Today where an organization is, `YYYY-MM-DD`. */
export async function todayOf(ctx: Context, organization: string): Promise<string> {
  return utcToZone(nowText(ctx), await zoneOf(ctx, organization)).slice(0, 10)
}

/** The instant at which a local day begins, in milliseconds since 1970. */
export function beginningOf(day: string, zone: string): number {
  return instantOfText(zoneToUtc(`${day} 00:00:00.000000`, zone))
}

/** The local day of a moment in document form. */
export function dayOf(moment: string, zone: string): string {
  return utcToZone(moment, zone).slice(0, 10)
}
