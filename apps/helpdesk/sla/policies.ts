import { BusinessCalendar, type DayInterval, type Weekday } from '#client/rules/business-calendar.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { SlaPolicy, SlaTarget } from '#client/rules/sla.ts'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { find } from '#kernel/documents/load.ts'
import { findRows } from '#kernel/query/find-rows.ts'

/** An SLA Policy as the engine counts with it. */
export interface Promised {
  readonly document: AnyDocument
  readonly policy: SlaPolicy
  readonly calendar: BusinessCalendar
}

const dayKeys: Readonly<Record<string, Weekday>> = {
  Monday: 'mon',
  Tuesday: 'tue',
  Wednesday: 'wed',
  Thursday: 'thu',
  Friday: 'fri',
  Saturday: 'sat',
  Sunday: 'sun',
}

/** What a policy promises, worked out once in a unit of work; undefined where there is no such policy. */
export async function promiseOf(ctx: Context, name: string): Promise<Promised | undefined> {
  const key = `helpdesk:policy:${name}`
  const known = ctx.memo.get(key) as Promised | undefined
  if (known) return known
  const document = await find(ctx, await ctx.site.meta.get('SLA Policy'), name)
  if (!document) return undefined
  const promise = await readPolicy(ctx, document)
  ctx.memo.set(key, promise)
  return promise
}

/** @throws BadCalendar for hours that are none */
export async function readPolicy(ctx: Context, document: AnyDocument): Promise<Promised> {
  const policy: SlaPolicy = {
    timezone: String(document.timezone || (await zoneOf(ctx, String(document.organization)))),
    ...(document.use_business_hours
      ? { business_hours: hoursOf(document), holidays: await holidaysOf(ctx, document.holiday_list) }
      : { calendar: '24x7' as const }),
    targets: targetsOf(document),
    pause_applies_to: (document.pause_applies_to || 'both') as 'both',
  }
  return { document, policy, calendar: new BusinessCalendar(policy) }
}

async function zoneOf(ctx: Context, organization: string): Promise<string> {
  const found = await find(ctx, await ctx.site.meta.get('Organization'), organization)
  return String(found?.time_zone || ctx.site.timeZone)
}

function hoursOf(document: AnyDocument): Partial<Record<Weekday, DayInterval[]>> {
  const hours: Partial<Record<Weekday, DayInterval[]>> = {}
  const rows = document.service_days as { workday: string; start_time: string; end_time: string }[]
  for (const { workday, start_time, end_time } of rows) {
    const day = dayKeys[workday] as Weekday
    hours[day] = [...(hours[day] ?? []), [start_time.slice(0, 8), end_time.slice(0, 8)]]
  }
  if (rows.length > 0) return hours
  const interval: DayInterval = [String(document.business_hours_start).slice(0, 8), String(document.business_hours_end).slice(0, 8)]
  for (const day of Object.values(dayKeys)) if (!document.exclude_weekends || (day !== 'sat' && day !== 'sun')) hours[day] = [interval]
  return hours
}

async function holidaysOf(ctx: Context, list: unknown): Promise<string[]> {
  if (typeof list !== 'string' || list === '') return []
  const found = await find(ctx, await ctx.site.meta.get('Holiday List'), list)
  const rows = (found?.holidays ?? []) as { holiday_date: string; half_day?: number; is_optional?: number }[]
  return rows.filter((row) => !row.half_day && !row.is_optional).map((row) => row.holiday_date)
}

function targetsOf(document: AnyDocument): Record<string, SlaTarget> {
  const targets: Record<string, SlaTarget> = {}
  for (const priority of ['Low', 'Normal', 'High', 'Urgent']) {
    const minutes = (field: string) => Number(document[`${field}_${priority.toLowerCase()}`] ?? 0) * 60
    targets[priority] = { response_minutes: minutes('response_time'), resolution_minutes: minutes('resolution_time') }
  }
  for (const row of document.targets as { priority: string; response_minutes: number; resolution_minutes: number }[])
    targets[row.priority] = { response_minutes: row.response_minutes, resolution_minutes: row.resolution_minutes }
  return targets
}

/** The policy of a ticket: its customer's, its customer group's, its category's, else the one for all. One for its priority alone goes first. */
export async function matchPolicy(ctx: Context, ticket: AnyDocument): Promise<string | undefined> {
  const meta = await ctx.site.meta.get('SLA Policy')
  const inForce = and(where('organization', '=', ticket.organization), where('enabled', '=', 1))
  const group = ticket.customer
    ? (await find(ctx, await ctx.site.meta.get('Customer'), String(ticket.customer)))?.customer_group
    : undefined
  const having = (child: string, field: string, value: unknown) => (value ? { child, where: where(field, '=', value) } : undefined)
  const ways = [
    having('customers', 'customer', ticket.customer),
    having('customer_groups', 'customer_group', group),
    having('categories', 'category', ticket.category),
    where('apply_to_all', '=', 1),
  ]
  for (const way of ways) {
    if (!way) continue
    const found = await findRows(ctx, meta, and(inForce, way), { fields: ['name', 'priority_filter'], orderBy: [['creation', 'asc']] })
    const fit = found.find((one) => one.priority_filter === ticket.priority) ?? found.find((one) => !one.priority_filter)
    if (fit) return fit.name
  }
  return undefined
}
