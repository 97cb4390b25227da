import { Type } from 'typebox'
import { BadDealFigures, dealFigures, weighted } from '#client/rules/crm-deal.ts'
import type { DealStatus } from '#client/rules/crm-forecast.ts'
import { Decimal } from '#client/rules/decimal.ts'
import { utcToZone } from '#client/rules/time-zone.ts'
import type { Context } from '#kernel/context/context.ts'
import { instantOfText, nowText } from '#kernel/context/time.ts'
import { assignValues, copyOf, documentForm } from '#kernel/documents/cast.ts'
import { type AnyDocument, type ChildFields, Document } from '#kernel/documents/document.ts'
import { find } from '#kernel/documents/load.ts'
import { defineDocumentMethod } from '#kernel/methods/method.ts'
import { wireV1 } from '#kernel/methods/wire-v1.ts'
import { datetimeType } from '#kernel/fields/dates/date-types.ts'
import { recordDealEvent } from '../../deals/deal-events.ts'
import { defaultPipeline, stageNamed, stagesOf } from '../../deals/pipelines.ts'
import { RateMismatch, RateNeeded, StageElsewhere } from '../../errors.ts'
import { organizationFacts } from '../../organization.ts'

interface ProductRow extends ChildFields {
  qty: number
  rate: Decimal
  discount_percentage: number
}

interface StageRow extends ChildFields {
  from: string | null
  to: string | null
  from_date: string | null
  to_date: string | null
  duration: number | null
}

export interface DealFields {
  title: string | null
  organization: string
  opportunity_from: 'Customer' | 'Lead'
  party_name: string | null
  customer: string | null
  customer_name: string | null
  lead: string | null
  deal_owner: string | null
  territory: string | null
  pipeline: string | null
  sales_stage: string | null
  status: DealStatus
  probability: number
  expected_closure_date: string | null
  closed_date: string | null
  lost_reason: string | null
  lost_notes: string | null
  currency: string | null
  exchange_rate: number
  deal_value: Decimal
  base_deal_value: Decimal
  expected_deal_value: Decimal
  products: ProductRow[]
  total: Decimal
  additional_discount_percentage: number
  discount_amount: Decimal
  net_total: Decimal
  status_change_log: StageRow[]
}

const isClosed = (status: DealStatus): boolean => status === 'Won' || status === 'Lost'

/** Something that may be sold. Its stage decides its status; every change of what a forecast is made of is kept as a Deal Event. */
export default class Deal extends Document<DealFields> {
  async validate(ctx: Context, { before }: { before?: DealFields } = {}): Promise<void> {
    if (!ctx.user.unrestricted) this.lead = before?.lead ?? null
    await this.nameParty(ctx, before)
    const stage = await this.enterStage(ctx, before)
    await this.closeOrReopen(ctx, before)
    await this.logStage(ctx, before, stage)
    await this.reckon(ctx)
  }

  async on_update(ctx: Context, { before }: { before?: DealFields } = {}): Promise<void> {
    await recordDealEvent(ctx, this, before)
  }

  async on_trash(ctx: Context): Promise<void> {
    await recordDealEvent(ctx, this, this, 'Deleted')
  }

  /** `party_name` and `customer` name one and the same, whichever of them was given. */
  private async nameParty(ctx: Context, before: DealFields | undefined): Promise<void> {
    if (this.opportunity_from === 'Customer') {
      const isCustomerNew = this.customer !== (before?.customer ?? null) && this.party_name === (before?.party_name ?? null)
      if (isCustomerNew) this.party_name = this.customer
      else this.customer = this.party_name
    }
    const party = this.party_name ? await find(ctx, await ctx.site.meta.get(this.opportunity_from), this.party_name) : undefined
    this.customer_name = party ? String(party.customer_name ?? party.lead_name ?? '') || null : null
    this.title ||= this.customer_name
  }

  /** @throws StageElsewhere */
  private async enterStage(ctx: Context, before: DealFields | undefined): Promise<string> {
    this.pipeline ||= await defaultPipeline(ctx, this.organization)
    const isElsewhere = before !== undefined && before.pipeline !== this.pipeline && before.sales_stage === this.sales_stage
    if (!this.sales_stage || isElsewhere) this.sales_stage = (await stagesOf(ctx, this.pipeline))[0]?.name ?? null
    const stage = this.sales_stage ? await stageNamed(ctx, this.sales_stage) : undefined
    if (!stage || stage.pipeline !== this.pipeline)
      throw new StageElsewhere({
        field: 'sales_stage',
        stage: String(stage?.stage_name ?? this.sales_stage ?? ''),
        pipeline: this.pipeline,
      })
    this.status = stage.type as DealStatus
    const isNewStage = before?.sales_stage !== this.sales_stage
    if (isNewStage && (before ? before.probability === this.probability : this.probability === 0))
      this.probability = Number(stage.probability)
    if (this.status === 'Won') this.probability = 100
    if (this.status === 'Lost') this.probability = 0
    if (this.probability > 100) throw new BadDealFigures({ field: 'probability', reason: 'it must be from 0 to 100.' })
    return String(stage.stage_name)
  }

  /** The day on which it was won or lost is the day in the organization's zone. That a loss has its reason is checked by the definition. */
  private async closeOrReopen(ctx: Context, before: DealFields | undefined): Promise<void> {
    const { timeZone } = await organizationFacts(ctx, this.organization)
    if (!isClosed(this.status)) this.closed_date = null
    else if (before?.status === this.status) this.closed_date = before.closed_date
    else this.closed_date = utcToZone(nowText(ctx), timeZone).slice(0, 10)
    if (this.status === 'Lost') return
    this.lost_reason = null
    this.lost_notes = null
  }

  /** The log is the platform's: what a caller sends along is dropped. */
  private async logStage(ctx: Context, before: DealFields | undefined, stage: string): Promise<void> {
    const rows = (before?.status_change_log ?? []).map((row) => copyOf(row as unknown as AnyDocument) as unknown as StageRow)
    this.status_change_log = rows
    if (before?.sales_stage === this.sales_stage) return
    const now = nowText(ctx)
    const last = rows.at(-1)
    if (last && !last.to_date) {
      last.to_date = now
      last.duration = secondsBetween(last.from_date, now)
    }
    const entered = {
      from: last?.to ?? null,
      to: stage,
      from_type: before?.status ?? null,
      to_type: this.status,
      from_date: now,
      log_owner: ctx.user.name,
    }
    await assignValues(
      ctx,
      await ctx.site.meta.get('Deal'),
      this as unknown as AnyDocument,
      { status_change_log: [...rows, entered] },
      documentForm,
    )
  }

  /** @throws BadDealFigures, RateNeeded, RateMismatch */
  private async reckon(ctx: Context): Promise<void> {
    const { currency } = await organizationFacts(ctx, this.organization)
    this.currency ||= currency ?? null
    const isOwn = !this.currency || !currency || this.currency === currency
    if (isOwn && this.exchange_rate !== 0 && this.exchange_rate !== 1)
      throw new RateMismatch({ field: 'exchange_rate', currency: this.currency ?? '' })
    if (!isOwn && this.exchange_rate === 0) throw new RateNeeded({ field: 'exchange_rate', from: this.currency ?? '', to: currency ?? '' })
    if (isOwn) this.exchange_rate = 1
    const figures = dealFigures(this.products, { percentage: this.additional_discount_percentage, amount: this.discountGiven() })
    for (const [index, line] of figures.lines.entries())
      Object.assign(this.products[index] as ProductRow, {
        amount: line.amount,
        discount_amount: line.discountAmount,
        net_amount: line.netAmount,
      })
    this.total = figures.total
    this.net_total = figures.netTotal
    this.discount_amount = figures.discountAmount
    if (this.products.length > 0) this.deal_value = figures.netTotal
    const value = weighted(this.deal_value, this.exchange_rate, this.probability)
    this.base_deal_value = value.base
    this.expected_deal_value = value.weighted
  }

  /** Without products there is nothing to take a discount from. */
  private discountGiven(): Decimal {
    return this.products.length > 0 ? this.discount_amount : Decimal.zero
  }
}

function secondsBetween(from: string | null, to: string): number {
  return from ? Math.max(0, Math.round((instantOfText(to) - instantOfText(from)) / 1000)) : 0
}

export const documentMethods = [
  defineDocumentMethod({
    verb: 'stages',
    doctype: 'Deal',
    summary: 'The stages that the deal went through and the seconds it was in each; the last one still runs.',
    input: Type.Object({}),
    needs: 'read',
    handler: (ctx, document) => {
      const now = nowText(ctx)
      const wire = wireV1(ctx)
      return (document as unknown as DealFields).status_change_log.map((row) => ({
        stage: row.to,
        since: datetimeType.toWire(row.from_date, wire),
        until: datetimeType.toWire(row.to_date, wire),
        seconds: row.to_date ? row.duration : secondsBetween(row.from_date, now),
      }))
    },
  }),
]
