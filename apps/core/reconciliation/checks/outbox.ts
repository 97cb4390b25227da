import { and, or, type Predicate, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText, textOfInstant } from '#kernel/context/time.ts'
import { join, sql } from '#kernel/database/sql.ts'
import { find } from '#kernel/documents/load.ts'
import { enqueueMail } from '#kernel/mail/send-mail.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { type CheckedBatch, defineReconciliation, type Discrepancy, type Healing } from '#kernel/reconciliation/reconciliation.ts'
import { enqueueDelivery } from '../../webhooks/queue.ts'

/** Milliseconds that something may wait without being touched before it counts as forgotten. */
const patienceMs = 30 * 60_000
const atOnce = 300

/** Something that waits to leave the platform, and the job that takes it there. */
interface Outbox {
  readonly doctype: string
  readonly open: readonly string[]
  readonly job: string
  /** The job's input for a document. */
  readonly input: (name: string) => Record<string, string>
  readonly also?: (ctx: Context) => Predicate
  readonly send: (ctx: Context, name: string) => Promise<void>
}

/** Documents that wait and for which no job is on its way: it was cancelled or purged, or it failed for good. */
async function forgotten(ctx: Context, box: Outbox, after: string): Promise<CheckedBatch> {
  const waits = and(
    where('status', 'in', [...box.open]),
    where('modified', '<', textOfInstant(ctx.clock.now() - patienceMs)),
    where('name', '>', after),
    ...(box.also ? [box.also(ctx)] : []),
  )
  const rows = await findRows(ctx, await ctx.site.meta.get(box.doctype), waits, { fields: ['name'], limit: atOnce })
  const alive = await jobsFor(
    ctx,
    box,
    rows.map(({ name }) => name),
  )
  const discrepancies = rows
    .filter(({ name }) => !alive.has(name))
    .map(({ name }): Discrepancy => ({ kind: 'nobody sends it', doctype: box.doctype, name }))
  return { checked: rows.length, discrepancies, ...(rows.length === atOnce && { next: rows.at(-1)?.name }) }
}

/** For which of these a job is on its way. */
async function jobsFor(ctx: Context, box: Outbox, names: readonly string[]): Promise<Set<string>> {
  if (names.length === 0) return new Set()
  const inputs = new Map(names.map((name) => [JSON.stringify(box.input(name)), name]))
  const rows = await ctx.db.query<{ input: string }>(
    ctx.db.dialect.compile(sql`select input from ${sql.id('__Job')} where job_name = ${box.job}
      and state in (${'waiting'}, ${'queued'}, ${'running'}) and input in (${join([...inputs.keys()].map((input) => sql`${input}`))})`),
  )
  return new Set(rows.map(({ input }) => inputs.get(input) as string))
}

async function send(ctx: Context, box: Outbox, { name = '' }: Discrepancy): Promise<Healing> {
  const document = await find(ctx, await ctx.site.meta.get(box.doctype), name, true)
  if (!document || !box.open.includes(String(document.status)) || (await jobsFor(ctx, box, [name])).has(name)) return 'gone'
  await box.send(ctx, name)
  return 'healed'
}

const mails: Outbox = {
  doctype: 'Email Queue',
  open: ['Not Sent', 'Sending'],
  job: 'core.send-mail',
  input: (name) => ({ queue: name }),
  also: (ctx) => or(where('send_after', 'not set'), where('send_after', '<=', nowText(ctx))),
  send: (ctx, name) => enqueueMail(ctx, name),
}

const webhooks: Outbox = {
  doctype: 'Webhook Request Log',
  open: ['Queued', 'Retrying'],
  job: 'core.deliver-webhook',
  input: (name) => ({ log: name }),
  send: (ctx, name) => enqueueDelivery(ctx, name),
}

/** Mails that nobody sends. */
export const mailQueue = defineReconciliation({
  name: 'mail_queue',
  title: 'Mails without a job that sends them',
  every: 'hourly',
  healAtMost: 1000,
  check: (ctx, { after }) => forgotten(ctx, mails, after),
  heal: (ctx, discrepancy) => send(ctx, mails, discrepancy),
})

/** Messages of webhooks that nobody delivers. */
export const webhookQueue = defineReconciliation({
  name: 'webhook_queue',
  title: 'Webhook messages without a job that delivers them',
  every: 'hourly',
  healAtMost: 1000,
  check: (ctx, { after }) => forgotten(ctx, webhooks, after),
  heal: (ctx, discrepancy) => send(ctx, webhooks, discrepancy),
})
