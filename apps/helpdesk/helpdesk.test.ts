import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { remove } from '#kernel/documents/remove.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { Worker } from '#kernel/jobs/worker.ts'
import { callMethod, findMethod } from '#kernel/methods/call.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { where } from '#client/rules/predicate.ts'
import { testDatabases } from '#testing/services.ts'
import { testSite } from '#testing/site.ts'
import { EventIsFixed, OfAnotherOrganization, StatusRefused } from './errors.ts'

interface Vector {
  id: string
  policy: Record<string, unknown>
  priority: string
  created: string
  events: Record<string, unknown>[]
  expected_response_due: string | null
  expected_resolution_due: string | null
  expected_resolution_remaining_minutes?: number
}
const vectors = JSON.parse(readFileSync(new URL('../../testing/vectors/sla.json', import.meta.url), 'utf8')) as Vector[]

for (const { name: database } of testDatabases()) {
  let now = Date.parse('2026-11-16T09:00:00Z')
  const { as, asSystem, make, site, user } = await testSite({ apps: ['helpdesk'], database, clock: { now: () => now } })
  for (const organization_name of ['North', 'South']) await make('Organization', { organization_name, time_zone: 'UTC' })
  const person = async (email: string, role: string, organizations: string[]): Promise<string> => {
    await user(email, [role])
    for (const for_value of organizations) await make('User Permission', { user: email, allow: 'Organization', for_value })
    return email
  }
  const ann = await person('ann@example.com', 'Dartwing User', ['North'])
  const max = await person('max@example.com', 'Support Manager', ['North'])
  const otto = await person('otto@example.com', 'Dartwing User', ['South'])
  const pat = await person('pat@example.com', 'Portal User', ['North'])
  const hours = { business_hours_start: '10:00:00', business_hours_end: '18:00:00' }
  const targets = [
    { priority: 'Urgent', response_minutes: 30, resolution_minutes: 120 },
    { priority: 'High', response_minutes: 60, resolution_minutes: 240 },
    { priority: 'Low', response_minutes: 1440, resolution_minutes: 4320 },
  ]
  await make('SLA Policy', { policy_name: 'All', organization: 'North', apply_to_all: 1, ...hours, targets })
  const ticket = (values: Record<string, unknown> = {}, by = ann): Promise<AnyDocument> =>
    as(by, (ctx) => insert(ctx, 'Service Ticket', { organization: 'North', subject: 'Cold', priority: 'High', ...values }))
  const change = (name: string, values: Record<string, unknown>, by = ann) =>
    as(by, async (ctx) => save(ctx, await openForWrite(ctx, 'Service Ticket', name), values))
  const read = (name: string): Promise<AnyDocument> => asSystem((ctx) => getDocument(ctx, 'Service Ticket', name))
  const at = (text: string): void => {
    now = Date.parse(text)
  }
  const short = (value: unknown) => String(value).slice(0, 16)

  test(`${database}: preview_sla answers all vectors, and refuses a time without offset`, async () => {
    const preview = (input: Record<string, unknown>) =>
      as(ann, (ctx) => callMethod(ctx, findMethod(ctx, 'dartwing_company.api.v1.tickets.preview_sla'), input, 'POST')) as Promise<
        Record<string, unknown>
      >
    for (const { id, policy, priority, created, events, ...expected } of vectors) {
      const answer = await preview({ policy, priority, created, events })
      assert.equal(answer.response_due, expected.expected_response_due, id)
      assert.equal(answer.resolution_due, expected.expected_resolution_due, id)
      if (expected.expected_resolution_remaining_minutes !== undefined)
        assert.equal(answer.resolution_remaining_minutes, expected.expected_resolution_remaining_minutes, id)
    }
    const [first] = vectors as [Vector]
    await assert.rejects(preview({ ...first, created: '2026-01-01T00:00:00' }), { field: 'created' })
  })

  test(`${database}: tickets get the deadlines of their hours`, async () => {
    for (const [created, priority, response, resolution] of [
      ['2026-11-16T08:00:00Z', 'High', '2026-11-16 11:00', '2026-11-16 14:00'],
      ['2026-11-16T20:00:00Z', 'Urgent', '2026-11-17 10:30', '2026-11-17 12:00'],
      ['2026-11-20T17:00:00Z', 'Urgent', '2026-11-20 17:30', '2026-11-23 11:00'],
    ] as const) {
      at(created)
      const made = await ticket({ priority })
      assert.deepEqual([short(made.response_due), short(made.resolution_due)], [response, resolution])
    }
  })

  test(`${database}: waiting for the customer stops the clocks, an answer is the response, coming back opens`, async () => {
    at('2026-11-16T10:00:00Z')
    const { name } = await ticket()
    const say = (sent_or_received: string) =>
      asSystem((ctx) =>
        insert(ctx, 'Communication', {
          subject: 'x',
          content: 'x',
          sent_or_received,
          communication_type: 'Communication',
          reference_doctype: 'Service Ticket',
          reference_name: name,
        }),
      )
    at('2026-11-16T10:20:00Z')
    await say('Sent')
    const waiting = await change(name, { status: 'Pending' })
    assert.deepEqual([waiting.resolution_due, short(waiting.first_response_at), waiting.response_state], [null, '2026-11-16 10:20', 'met'])
    at('2026-11-16T11:20:00Z')
    await say('Received')
    const back = await read(name)
    assert.deepEqual([back.status, short(back.resolution_due), back.total_pause_duration], ['Open', '2026-11-16 15:00', 3600])
  })

  test(`${database}: warning, risk and breach come once each`, async () => {
    at('2026-11-16T10:00:00Z')
    const { name } = await ticket({ assigned_to: ann })
    const work = async () => {
      const [one, other] = [new Worker({ sites: async () => [site], pollMs: 50 }), new Worker({ sites: async () => [site], pollMs: 50 })]
      await Promise.all([one.drain(), other.drain()])
    }
    for (const time of ['10:46:00', '10:55:00', '11:00:01', '11:30:00']) {
      at(`2026-11-16T${time}Z`)
      await work()
    }
    const log = await asSystem(async (ctx) => findRows(ctx, await ctx.site.meta.get('Ticket Event'), where('ticket', '=', name)))
    const steps = log.filter(({ type }) => type === 'escalation').map(({ detail }) => detail)
    assert.deepEqual(steps.toSorted(), ['response:at-risk', 'response:breach', 'response:warning'])
    const late = await read(name)
    assert.deepEqual([late.sla_status, late.escalation_level, (late.escalations as unknown[]).length], ['Breached', 1, 1])
  })

  test(`${database}: nobody writes history, gets back to New, or reaches another organization`, async () => {
    at('2026-11-16T10:00:00Z')
    const made = await ticket({ response_due: '2030-01-01 00:00:00.000000', escalation_level: 7 })
    assert.deepEqual([short(made.response_due), made.escalation_level], ['2026-11-16 11:00', 0])
    await change(made.name, { status: 'Closed' })
    await assert.rejects(change(made.name, { status: 'Pending' }), StatusRefused.is)
    await assert.rejects(as(otto, (ctx) => getDocument(ctx, 'Service Ticket', made.name)))
    await assert.rejects(
      as(pat, (ctx) => getDocument(ctx, 'Service Ticket', made.name)),
      PermissionDenied.is,
    )
    await assert.rejects(
      as(ann, (ctx) => insert(ctx, 'SLA Policy', { policy_name: 'Mine', organization: 'North' })),
      PermissionDenied.is,
    )
    const theirs = await make('Ticket Category', { organization: 'South', category_name: 'Far' })
    await assert.rejects(
      asSystem((ctx) => insert(ctx, 'Service Ticket', { organization: 'North', subject: 'x', category: theirs })),
      OfAnotherOrganization.is,
    )
    const [event] = await asSystem(async (ctx) => findRows(ctx, await ctx.site.meta.get('Ticket Event'), where('ticket', '=', made.name)))
    await assert.rejects(
      asSystem((ctx) => remove(ctx, 'Ticket Event', String(event?.name))),
      EventIsFixed.is,
    )
    await assert.rejects(
      as(max, (ctx) => insert(ctx, 'SLA Policy', { policy_name: 'Bad', organization: 'North', at_risk_percent: 120 })),
      { field: 'at_risk_percent' },
    )
  })

  test(`${database}: a change of hours reaches open tickets, and a team takes turns`, async () => {
    at('2026-11-16T10:00:00Z')
    const { name } = await ticket()
    await asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'SLA Policy', 'All'), { business_hours_start: '10:30:00' }))
    await new Worker({ sites: async () => [site], pollMs: 50 }).drain()
    assert.equal(short((await read(name)).response_due), '2026-11-16 11:30')
    const members = [ann, max].map((one) => ({ user: one }))
    await make('User Group', { name: 'First line', organization: 'North', user_group_members: members, assignment: 'Round Robin' })
    const takers: unknown[] = []
    for (let n = 0; n < 3; n++) takers.push((await ticket({ assigned_team: 'First line' })).assigned_to)
    assert.deepEqual(takers, [ann, max, ann])
  })
}
