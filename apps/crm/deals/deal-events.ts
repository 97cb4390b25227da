import type { DealStatus } from '#client/rules/crm-forecast.ts'
import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { sameValue } from '#kernel/documents/cast.ts'
import { insert } from '#kernel/documents/save.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import type { DealFields } from '../doctypes/deal/deal.ts'
import { stageNamed } from './pipelines.ts'

/** What of a deal a forecast is made of, and who and what it is shown by. A change of any of it is an event. */
const telling = [
  'sales_stage',
  'status',
  'probability',
  'deal_value',
  'currency',
  'exchange_rate',
  'expected_closure_date',
  'closed_date',
  'deal_owner',
  'territory',
  'pipeline',
  'title',
] as const

const words: Readonly<Partial<Record<(typeof telling)[number], string>>> = {
  sales_stage: 'stage',
  deal_value: 'value',
  expected_closure_date: 'close date',
  closed_date: 'close date',
  deal_owner: 'owner',
  exchange_rate: 'exchange rate',
}

/**
 * Writes down how a deal stands from now on, if that differs from what was stored. The deal's row is locked, so its events are counted
 * without gaps.
 * @param as  `Deleted` when there is no such deal from now on
 */
export async function recordDealEvent(
  ctx: Context,
  deal: DealFields & { name: string },
  before: DealFields | undefined,
  as?: 'Deleted',
): Promise<void> {
  const changed = telling.filter((field) => !sameValue(deal[field], before?.[field]))
  if (before && changed.length === 0 && !as) return
  const meta = await ctx.site.meta.get('Deal Event')
  const [last] = await findRows(ctx, meta, where('deal', '=', deal.name), {
    fields: ['name', 'sequence', 'at'],
    orderBy: [['sequence', 'desc']],
    limit: 1,
  })
  const stage = deal.sales_stage ? await stageNamed(ctx, deal.sales_stage) : undefined
  const status: DealStatus | 'Deleted' = as ?? deal.status
  await insert(ctx.asSystem('the history of a deal'), 'Deal Event', {
    deal: deal.name,
    title: deal.title,
    organization: deal.organization,
    deal_owner: deal.deal_owner,
    territory: deal.territory,
    // Clocks may go back; events may not.
    at: [nowText(ctx), String(last?.at ?? '')].sort().at(-1),
    sequence: Number(last?.sequence ?? 0) + 1,
    what: as ? 'deleted' : before ? [...new Set(changed.map((field) => words[field] ?? field))].join(', ') : 'made',
    by: ctx.user.name,
    pipeline: deal.pipeline,
    stage: stage?.stage_name ?? null,
    status,
    probability: deal.probability,
    close_date: deal.closed_date ?? deal.expected_closure_date,
    currency: deal.currency,
    deal_value: deal.deal_value,
    exchange_rate: deal.exchange_rate,
  })
}
