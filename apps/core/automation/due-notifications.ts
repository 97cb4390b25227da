import { addDays, daysBetween } from '#client/rules/dates.ts'
import { utcToZone, zoneToUtc } from '#client/rules/time-zone.ts'
import { type Predicate, where } from '#client/rules/predicate.ts'
import type { JobDefinition } from '#kernel/apps/app.ts'
import { allRules } from '#kernel/automation/active-rules.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { load } from '#kernel/documents/load.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { holds, notificationKind, queueNotification } from './notification-events.ts'

/** Days that are made up for after nobody was there. */
const daysCaughtUp = 7
/** Documents that one notification is due for on one day. */
const mostDocuments = 10_000

/** Every day: what is due some days before or after a date of a document. */
export const dueNotifications: JobDefinition = {
  queue: 'long',
  asSystem: 'looks which notifications are due today',
  run: async (ctx, _, job) => {
    let queued = 0
    for (const rules of (await allRules(ctx.site, notificationKind)).values())
      for (const rule of rules)
        if (rule.event === 'Days Before' || rule.event === 'Days After') {
          const today = localDay(ctx)
          queued += await job.step(`${rule.name} ${today}`.slice(0, 140), (own) => due(own.asSystem('a notification is due'), rule, today))
        }
    return { queued }
  },
}

function localDay(ctx: Context): string {
  return utcToZone(nowText(ctx), ctx.site.timeZone).slice(0, 10)
}

async function due(ctx: Context, rule: AnyDocument, today: string): Promise<number> {
  const meta = await ctx.site.meta.get(String(rule.document_type))
  const field = String(rule.date_changed)
  if (!meta.column.has(field)) return 0
  const first = await firstDayOpen(ctx, rule, today)
  const offset = offsetOf(rule)
  let queued = 0
  for (let day = first; day <= today; day = addDays(day, 1))
    for (const { name } of await findRows(ctx, meta, onDay(ctx, meta, field, addDays(day, offset)), {
      fields: ['name'],
      limit: mostDocuments,
    })) {
      const document = await load(ctx, meta, name)
      if (!holds(ctx, rule, document)) continue
      await queueNotification(ctx, rule, document, `due ${String(document[field])} ${offset}`)
      queued++
    }
  await ctx.db.execute(
    ctx.db.dialect.compile(sql`update ${ident('tabNotification')} set datetime_last_run = ${nowText(ctx)} where name = ${rule.name}`),
  )
  return queued
}

/** The day after the last one that was looked at; today for a rule that is new. The row stays locked, so that no two look at once. */
async function firstDayOpen(ctx: Context, rule: AnyDocument, today: string): Promise<string> {
  await ctx.db.begin()
  const [row] = await ctx.db.query<{ last: string | null }>(
    ctx.db.dialect.compile(
      sql`select datetime_last_run as last from ${ident('tabNotification')} where name = ${rule.name}${sql.raw(ctx.db.dialect.forUpdate)}`,
    ),
  )
  if (!row?.last) return today
  const next = addDays(utcToZone(String(row.last), ctx.site.timeZone).slice(0, 10), 1)
  return daysBetween(next, today) > daysCaughtUp ? addDays(today, -daysCaughtUp) : next
}

/** Names of the documents for which a rule is due today, whatever has been sent. */
export async function documentsDueToday(ctx: Context, rule: AnyDocument): Promise<string[]> {
  const meta = await ctx.site.meta.get(String(rule.document_type))
  const field = String(rule.date_changed)
  const due = onDay(ctx, meta, field, addDays(localDay(ctx), offsetOf(rule)))
  const names: string[] = []
  for (const { name } of await findRows(ctx, meta, due, { fields: ['name'], limit: mostDocuments }))
    if (holds(ctx, rule, await load(ctx, meta, name))) names.push(String(name))
  return names
}

function offsetOf(rule: AnyDocument): number {
  return Number(rule.days_in_advance ?? 0) * (rule.event === 'Days After' ? -1 : 1)
}

/** Rows whose date, or time in the site's zone, falls on a day. */
function onDay(ctx: Context, meta: Meta, field: string, day: string): Predicate {
  if (meta.column.get(field)?.fieldtype === 'Date') return where(field, '=', day)
  const start = (one: string) => zoneToUtc(`${one} 00:00:00.000000`, ctx.site.timeZone)
  return { all: [where(field, '>=', start(day)), where(field, '<', start(addDays(day, 1)))] }
}
