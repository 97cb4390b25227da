import { Type } from 'typebox'
import { addMonths, parseDate, parseDatetime } from '#client/rules/dates.ts'
import { type DealState, forecastAt, type ForecastMonth } from '#client/rules/crm-forecast.ts'
import { zoneToUtc } from '#client/rules/time-zone.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { documentForm } from '#kernel/documents/cast.ts'
import { datetimeType } from '#kernel/fields/dates/date-types.ts'
import { BadInput } from '#kernel/methods/errors.ts'
import { defineMethod, permission } from '#kernel/methods/method.ts'
import { wireV1 } from '#kernel/methods/wire-v1.ts'
import { list } from '#kernel/query/list.ts'
import { organizationFacts } from '../organization.ts'

interface EventRow extends DealState {
  readonly title: string | null
  readonly stage: string | null
  readonly what: string | null
  readonly by: string | null
  readonly currency: string | null
}

const path = 'orchestrator.crm.forecast'
const fields = [
  'deal',
  'title',
  'at',
  'sequence',
  'what',
  'by',
  'stage',
  'status',
  'probability',
  'close_date',
  'currency',
  'deal_value',
  'exchange_rate',
]

/** The forecast of an organization as it stood at a moment, of the deals whose history the caller may see. */
export const forecast = defineMethod({
  path,
  summary: 'Open and won deal values by closing month, today or as they stood at an earlier moment, and the events behind each figure.',
  verbs: ['GET', 'POST'],
  input: Type.Object({
    organization: Type.String({ minLength: 1, maxLength: 140 }),
    /** First month, `2026-11`; default: from the first there is, and under an empty month what has no date. */
    from_month: Type.Optional(Type.String({ pattern: '^\\d{4}-\\d{2}$' })),
    months: Type.Optional(Type.Integer({ minimum: 1, maximum: 120 })),
    /** A day (to its end) or a moment in the organization's zone; default: now. */
    as_of: Type.Optional(Type.String({ maxLength: 40 })),
    pipeline: Type.Optional(Type.String({ maxLength: 140 })),
    deal_owner: Type.Optional(Type.String({ maxLength: 140 })),
    explain: Type.Optional(Type.Boolean()),
  }),
  rule: permission('read', 'Deal Event'),
  async handler(ctx, given) {
    const facts = await organizationFacts(ctx, given.organization)
    const at = given.as_of ? momentOf(given.as_of, facts.timeZone) : nowText(ctx)
    const events = await readableEvents(ctx, given.organization, at)
    const owned = eventsOf(events, given)
    const [first, last] = span(given.from_month, given.months)
    const months = forecastAt(owned, at).filter(({ month }) => month >= first && month <= last)
    return {
      organization: given.organization,
      currency: facts.currency ?? null,
      as_of: datetimeType.toWire(at, wireV1(ctx)),
      months: months.map((month) => shown(ctx, month, given.explain ?? false)),
    }
  },
})

function momentOf(text: string, zone: string): string {
  const day = parseDate(text)
  if (day) return zoneToUtc(`${day} 23:59:59.999999`, zone)
  const moment = parseDatetime(text)
  if (!moment) throw new BadInput({ method: path, field: 'as_of', reason: 'must be a day or a moment' })
  return zoneToUtc(moment.naive, zone)
}

/** The caller's own rights decide, row by row: what somebody may not see is in no sum. */
async function readableEvents(ctx: Context, organization: string, at: string): Promise<(EventRow & Filed)[]> {
  const found: (EventRow & Filed)[] = []
  let after: string | undefined
  do {
    const page = await list(ctx, 'Deal Event', {
      fields: [...fields, 'pipeline', 'deal_owner'],
      filters: [
        ['organization', '=', organization],
        ['at', '<=', at],
      ],
      orderBy: 'at asc',
      limit: pageRows,
      ...(after !== undefined && { after }),
      wire: documentForm,
    })
    for (const row of page.rows) found.push({ ...row, at: withMicroseconds(String(row.at)) } as unknown as EventRow & Filed)
    after = page.cursor
  } while (after !== undefined)
  return found
}

/** A list has an end of its own; a forecast that left out what lies behind it would be wrong without a word. */
const pageRows = 20_000

/** The wire leaves out microseconds that are zero; moments compare as text of one length. */
function withMicroseconds(text: string): string {
  return text.length === 19 ? `${text}.000000` : text
}

interface Filed {
  readonly pipeline: string | null
  readonly deal_owner: string | null
}

/** A deal belongs where it was at that moment, so its last event decides, and all of them go along. */
function eventsOf<E extends EventRow & Filed>(events: readonly E[], wish: { pipeline?: string; deal_owner?: string }): E[] {
  if (wish.pipeline === undefined && wish.deal_owner === undefined) return [...events]
  const last = new Map<string, E>()
  for (const event of events) if (event.sequence >= (last.get(event.deal)?.sequence ?? 0)) last.set(event.deal, event)
  const fits = ({ pipeline, deal_owner }: Filed) =>
    (wish.pipeline === undefined || pipeline === wish.pipeline) && (wish.deal_owner === undefined || deal_owner === wish.deal_owner)
  return events.filter((event) => fits(last.get(event.deal) as E))
}

function span(from: string | undefined, months: number | undefined): [string, string] {
  if (!from) return ['', '9999-99']
  return [from, months ? addMonths(`${from}-01`, months - 1).slice(0, 7) : '9999-99']
}

function shown(ctx: Context, { month, weighted, open, won, lines }: ForecastMonth<EventRow>, explains: boolean): Record<string, unknown> {
  const wire = wireV1(ctx)
  return {
    month,
    weighted,
    open,
    won,
    deals: lines.map((line) => ({
      deal: line.deal,
      title: line.state.title,
      stage: line.state.stage,
      status: line.state.status,
      probability: line.state.probability,
      value: line.value,
      weighted: line.weighted,
      ...(explains && {
        events: line.events.map((event) => ({
          at: datetimeType.toWire(event.at, wire),
          what: event.what,
          by: event.by,
          stage: event.stage,
          status: event.status,
          probability: event.probability,
          close_date: event.close_date,
          currency: event.currency,
          deal_value: event.deal_value,
          exchange_rate: event.exchange_rate,
        })),
      }),
    })),
  }
}
