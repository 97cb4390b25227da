import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BadDealFigures } from '#client/rules/crm-deal.ts'
import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { DocumentNotFound, MandatoryMissing } from '#kernel/documents/errors.ts'
import { getDocument, load } from '#kernel/documents/load.ts'
import { remove } from '#kernel/documents/remove.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { callMethod, findMethod } from '#kernel/methods/call.ts'
import { callDocumentMethod } from '#kernel/methods/call-document.ts'
import { LinkNotFound, PermissionDenied } from '#kernel/permissions/errors.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { list } from '#kernel/query/list.ts'
import { sellingTown } from '#testing/crm.ts'
import { testDatabases } from '#testing/services.ts'
import { HistoryIsFixed, OfAnotherOrganization, RateMismatch, RateNeeded, StageElsewhere, StageInUse } from '../errors.ts'
import { defaultPipeline, stagesOf } from './pipelines.ts'

interface Month {
  month: string
  weighted: unknown
  open: unknown
  won: unknown
  deals: { deal: string; events?: { what: string; stage: string; probability: number }[] }[]
}

for (const { name: database } of testDatabases()) {
  let now = Date.UTC(2026, 10, 2, 9)
  const hours = (count: number): void => {
    now += count * 3_600_000
  }
  const town = await sellingTown({ database, clock: { now: () => now } })
  const { as, asSystem, make, sam, mona, uma, otto, fay } = town
  const north = { organization: 'North' }
  const customer = await make('Customer', { customer_name: 'Ada Ltd', ...north })
  const reason = await make('Lost Reason', { reason: 'Too dear', ...north })
  const stages = new Map(
    (await asSystem(async (ctx) => stagesOf(ctx, await defaultPipeline(ctx, 'North')))).map((stage) => [
      String(stage.stage_name),
      stage.name,
    ]),
  )

  const deal = (values: Record<string, unknown> = {}, user = sam) =>
    as(user, (ctx) => insert(ctx, 'Deal', { ...north, party_name: customer, ...values }))
  const change = (name: unknown, values: Record<string, unknown>, user = sam) =>
    as(user, async (ctx) => save(ctx, await openForWrite(ctx, 'Deal', String(name)), values))
  const refused = async (work: Promise<unknown>, kind: { is(error: unknown): boolean }, field: string) =>
    assert.rejects(work, (error) => {
      assert.ok(kind.is(error), String(error))
      assert.equal((error as { field: string }).field, field)
      return true
    })

  const forecast = (input: Record<string, unknown>, user = mona): Promise<Month[]> =>
    as(user, async (ctx) => {
      const answer = (await callMethod(
        ctx,
        findMethod(ctx, 'orchestrator.crm.forecast'),
        { organization: 'North', explain: true, ...input },
        'POST',
      )) as { months: Month[] }
      return JSON.parse(JSON.stringify(answer.months)) as Month[]
    })
  test(`${database}: a new deal begins in the first stage, with its probability and the organization’s currency`, async () => {
    const made = await deal({ deal_value: '1000' })
    assert.deepEqual(
      [made.sales_stage, made.status, made.probability, made.currency, made.exchange_rate, made.title, String(made.expected_deal_value)],
      [stages.get('Qualification'), 'Open', 10, 'EUR', 1, 'Ada Ltd', '100'],
    )
  })

  test(`${database}: products make the value; foreign money counts by its rate`, async () => {
    const made = await deal({
      currency: 'USD',
      exchange_rate: 0.9,
      additional_discount_percentage: 10,
      probability: 50,
      products: [
        { product_name: 'Boiler', qty: 2, rate: '499.99', discount_percentage: 5 },
        { product_name: 'Work', qty: 1.5, rate: 80 },
      ],
    })
    assert.deepEqual(
      [made.total, made.discount_amount, made.net_total, made.deal_value, made.base_deal_value, made.expected_deal_value].map(String),
      ['1069.98', '107', '962.98', '962.98', '866.68', '433.34'],
    )
  })

  test(`${database}: the time in each stage is measured, and what a caller says about it is dropped`, async () => {
    const made = await deal({ status_change_log: [{ from: 'x', to: 'y', duration: 5 }] })
    hours(5)
    await change(made.name, { sales_stage: stages.get('Proposal') })
    hours(2)
    await change(made.name, { next_step: 'Call', status_change_log: [] })
    const { result } = await as(sam, (ctx) => callDocumentMethod(ctx, 'Deal', String(made.name), 'stages', {}, 'GET'))
    const said = result as Record<string, unknown>[]
    assert.deepEqual(
      said.map(({ stage, seconds }) => [stage, seconds]),
      [
        ['Qualification', 18_000],
        ['Proposal', 7200],
      ],
    )
  })

  test(`${database}: a deal is lost for a reason only; a new start forgets it`, async () => {
    const made = await deal()
    await refused(change(made.name, { sales_stage: stages.get('Lost') }), MandatoryMissing, 'lost_reason')
    const lost = await change(made.name, { sales_stage: stages.get('Lost'), lost_reason: reason })
    assert.deepEqual([lost.status, lost.probability, lost.closed_date], ['Lost', 0, '2026-11-02'])
    const again = await change(made.name, { sales_stage: stages.get('Negotiation') })
    assert.deepEqual([again.status, again.probability, again.closed_date, again.lost_reason], ['Ongoing', 70, null, null])
  })

  test(`${database}: the day of closing is that of the organization’s zone`, async () => {
    const made = await deal()
    const before = now
    now = Date.UTC(2026, 11, 31, 23, 30)
    const won = await change(made.name, { sales_stage: stages.get('Won') })
    assert.deepEqual([won.closed_date, won.probability], ['2027-01-01', 100])
    now = before
  })

  test(`${database}: wrong figures and places are refused with their field`, async () => {
    const product = (values: object) => ({ products: [{ product_name: 'x', qty: 1, rate: 10, ...values }] })
    await refused(deal(product({ discount_percentage: 120 })), BadDealFigures, 'products[0].discount_percentage')
    await refused(deal({ ...product({}), discount_amount: 11 }), BadDealFigures, 'discount_amount')
    await refused(deal({ probability: 101 }), BadDealFigures, 'probability')
    await refused(deal({ currency: 'USD' }), RateNeeded, 'exchange_rate')
    await refused(deal({ exchange_rate: 2 }), RateMismatch, 'exchange_rate')
    for (const [fieldname, values] of [
      ['products[0].qty', product({ qty: -1 })],
      ['products[0].rate', product({ rate: -1 })],
      ['deal_value', { deal_value: -5 }],
      ['exchange_rate', { currency: 'USD', exchange_rate: -1 }],
    ] as const)
      await assert.rejects(deal(values), (error) => (error as { field: string }).field === fieldname, fieldname)
    const elsewhere = await make('Deal Pipeline', { pipeline_name: 'Other', ...north })
    const stage = await make('Deal Stage', { stage_name: 'Only', pipeline: elsewhere, ...north })
    await refused(deal({ sales_stage: stage }), StageElsewhere, 'sales_stage')
    const moved = await change((await deal()).name, { pipeline: elsewhere })
    assert.equal(moved.sales_stage, stage, 'another pipeline begins with its first stage')
  })

  test(`${database}: nothing of another organization can be linked, also by who may enter both`, async () => {
    const theirs = await make('Customer', { customer_name: 'Far Ltd', organization: 'South' })
    const contact = await make('Contact', { first_name: 'Far', organization: 'South' })
    await refused(deal({ party_name: theirs }), LinkNotFound, 'party_name')
    await refused(deal({ party_name: theirs }, uma), OfAnotherOrganization, 'party_name')
    await refused(deal({ contacts: [{ contact }] }, uma), OfAnotherOrganization, 'contacts[0].contact')
    await assert.rejects(deal({ organization: 'South' }), (error) => LinkNotFound.is(error) || PermissionDenied.is(error))
  })

  test(`${database}: who sells elsewhere, or does not sell, sees neither deals nor their history`, async () => {
    const made = await deal()
    await assert.rejects(
      as(otto, (ctx) => getDocument(ctx, 'Deal', String(made.name))),
      DocumentNotFound.is,
    )
    for (const doctype of ['Deal', 'Deal Event'])
      assert.deepEqual((await as(otto, (ctx) => list(ctx, doctype, { wire: { version: 1, zone: 'UTC' } }))).rows, [])
    await assert.rejects(
      as(fay, (ctx) => getDocument(ctx, 'Deal', String(made.name))),
      PermissionDenied.is,
    )
    await assert.rejects(forecast({}, fay), PermissionDenied.is)
    assert.deepEqual(await forecast({}, otto), [])
  })

  test(`${database}: a territory confines deals, their history and the forecast, with what lies below it`, async () => {
    const area = await make('Territory', { territory_name: 'Coast', is_group: 1, ...north })
    const town = await make('Territory', { territory_name: 'Harbour', parent_territory: area, ...north })
    const tess = await person('tess', area)
    const [inside, outside] = [
      await deal({ territory: town, deal_value: 700, expected_closure_date: '2031-05-01' }),
      await deal({
        territory: await make('Territory', { territory_name: 'Hills', ...north }),
        deal_value: 900,
        expected_closure_date: '2031-05-01',
      }),
    ]
    const names = (await as(tess, (ctx) => list(ctx, 'Deal', { wire: { version: 1, zone: 'UTC' }, limit: 0 }))).rows.map((row) => row.name)
    assert.ok(names.includes(inside.name) && !names.includes(outside.name))
    const [may] = await forecast({ from_month: '2031-05', months: 1 }, tess)
    assert.deepEqual([may?.open, may?.deals.map((one) => one.deal)], [700, [inside.name]])
  })

  async function person(name: string, territory: string): Promise<string> {
    const user = await town.person(name, ['Sales User'], ['North'])
    await make('User Permission', { user, allow: 'Territory', for_value: territory })
    return user
  }

  test(`${database}: the forecast of a past day is what it was that day, and tells why`, async () => {
    const [a, b, c] = [
      await deal({ deal_value: '10000', probability: 10, expected_closure_date: '2030-06-10' }),
      await deal({ deal_value: '50000', probability: 50, expected_closure_date: '2030-06-20' }),
      await deal({ deal_value: '20000', probability: 90, expected_closure_date: '2030-06-30' }),
    ]
    const june = { from_month: '2030-06', months: 1 }
    const [then] = await forecast(june)
    assert.deepEqual([then?.month, then?.weighted, then?.open], ['2030-06', 44_000, 80_000])
    hours(24)
    await change(a.name, { sales_stage: stages.get('Negotiation'), expected_closure_date: '2030-07-01' })
    await change(b.name, { sales_stage: stages.get('Lost'), lost_reason: reason })
    hours(24)
    await as(mona, (ctx) => remove(ctx, 'Deal', String(c.name)))
    const [july] = await forecast({ from_month: '2030-07', months: 1 })
    assert.deepEqual([july?.weighted, july?.deals.map((one) => one.deal)], [7000, [a.name]])
    assert.deepEqual(
      july?.deals[0]?.events?.map(({ what, stage, probability }) => [what, stage, probability]),
      [
        ['made', 'Qualification', 10],
        ['stage, status, probability, close date', 'Negotiation', 70],
      ],
    )
    assert.deepEqual(await forecast(june), [])
    const replayed = await forecast({ ...june, as_of: '2026-11-02' })
    assert.deepEqual(replayed, [then])
  })

  test(`${database}: what is won counts in the month in which it was won`, async () => {
    const made = await deal({ deal_value: '300', expected_closure_date: '2032-01-01', deal_owner: uma })
    await change(made.name, { sales_stage: stages.get('Won') })
    const [november] = await forecast({ deal_owner: uma })
    assert.deepEqual([november?.month, november?.won, november?.open, november?.weighted], ['2026-11', 300, 0, 0])
  })

  test(`${database}: a change that no forecast is made of leaves no event`, async () => {
    const made = await deal()
    await change(made.name, { next_step: 'Call again' })
    assert.equal((await eventsOf(made.name)).length, 1)
  })

  const eventsOf = (name: unknown) =>
    asSystem(async (ctx) => findRows(ctx, await ctx.site.meta.get('Deal Event'), where('deal', '=', String(name))))

  test(`${database}: nobody changes the history of a deal, not even with all rights`, async () => {
    const made = await deal()
    const [event] = await eventsOf(made.name)
    assert.ok(event)
    await assert.rejects(
      as(mona, (ctx) => openForWrite(ctx, 'Deal Event', event.name)),
      PermissionDenied.is,
    )
    await assert.rejects(
      as(mona, (ctx) => insert(ctx, 'Deal Event', { deal: 'x', ...north, at: '2026-01-01 00:00:00', sequence: 1, status: 'Won' })),
      PermissionDenied.is,
    )
    const stored = (ctx: Context): Promise<AnyDocument> => ctx.site.meta.get('Deal Event').then((meta) => load(ctx, meta, event.name, true))
    await assert.rejects(
      asSystem(async (ctx) => save(ctx, await stored(ctx), { deal_value: 1 })),
      HistoryIsFixed.is,
    )
    await assert.rejects(
      asSystem((ctx) => remove(ctx, 'Deal Event', event.name)),
      HistoryIsFixed.is,
    )
  })

  test(`${database}: first deals made at once share one pipeline`, async () => {
    const titles = ['One', 'Two', 'Three']
    const made = await Promise.all(titles.map((title) => as(otto, (ctx) => insert(ctx, 'Deal', { organization: 'South', title }))))
    assert.equal(new Set(made.map((one) => one.pipeline)).size, 1)
    const { rows } = await as(otto, (ctx) => list(ctx, 'Deal Pipeline', { wire: { version: 1, zone: 'UTC' } }))
    assert.deepEqual(rows, [{ name: made[0]?.pipeline }])
  })

  test(`${database}: a stage in which deals are keeps its kind`, async () => {
    await deal()
    const stage = String(stages.get('Qualification'))
    await refused(
      as(mona, async (ctx) => save(ctx, await openForWrite(ctx, 'Deal Stage', stage), { type: 'Won' })),
      StageInUse,
      'type',
    )
    await refused(
      as(mona, async (ctx) => save(ctx, await openForWrite(ctx, 'Deal Stage', stage), { probability: 120 })),
      BadDealFigures,
      'probability',
    )
  })
}
