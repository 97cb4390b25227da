import { createHmac } from 'node:crypto'
import { AppError } from '#client/rules/errors.ts'
import type { JobDefinition } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { sql, tableOf } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { find } from '#kernel/documents/load.ts'
import { setValue, writeThrough } from '#kernel/documents/values.ts'
import { callService } from '#kernel/external/call-service.ts'
import { AddressRefused, UrlInvalid } from '#kernel/external/errors.ts'
import { demandSuccess } from '#kernel/external/outcome.ts'
import { type FetchAnswer, safeFetch } from '#kernel/external/safe-fetch.ts'
import { defineService } from '#kernel/external/service.ts'
import { getSecret } from '#kernel/identity/secrets.ts'
import type { JobRun } from '#kernel/jobs/job.ts'
import { counter } from '#kernel/metrics/metrics.ts'
import { notify } from '#kernel/notifications/notify.ts'
import { standardSignature } from '#kernel/webhooks/verify.ts'
import { DeliveryFailed, DeliveryGivenUp } from './errors.ts'
import { eyesOf } from './message.ts'

/** Attempts for one message: with the waits between them, about five hours. */
const mostAttempts = 12
/** Characters of an answer that are kept. */
const keptOfAnswer = 1000
const mostBytes = 64 * 1024

/** Those who take our webhooks; each host fails apart. */
export const webhookService = defineService({
  name: 'webhook',
  degraded: 'Messages wait and are sent again later.',
  retry: { attempts: 1 },
})

const deliveries = counter({ name: 'px_webhook_deliveries_total', help: 'Attempts to deliver webhook messages', labels: ['outcome'] })

/** Delivers one message of the log; its input is `{ log }`. */
export const deliverWebhook: JobDefinition = {
  queue: 'short',
  timeout: 120,
  attempts: mostAttempts,
  backoff: 10,
  asSystem: 'deliver a webhook',
  run: (ctx, { log }, job) => deliver(ctx, String(log), job),
}

type DeliveryLog = AnyDocument & {
  webhook: string
  status: string
  url: string
  request_method: string
  content_type: string
  data: string
}

async function deliver(ctx: Context, name: string, job: JobRun): Promise<{ status: string }> {
  const log = (await find(ctx, await ctx.site.meta.get('Webhook Request Log'), name)) as DeliveryLog | undefined
  // Taken already by a run whose worker died after it, or deleted by a person.
  if (!log || log.status === 'Delivered' || log.status === 'Cancelled') return { status: log?.status ?? 'deleted' }
  const webhook = await find(ctx, await ctx.site.meta.get('Webhook'), log.webhook)
  if (!webhook?.enabled) {
    await job.step(`cancel ${job.attempt}`, (own) => note(own, log, { status: 'Cancelled', error: 'The webhook is disabled or gone.' }))
    return { status: 'Cancelled' }
  }
  const headers = await headersOf(ctx, webhook, log)
  let answer: FetchAnswer
  try {
    answer = await send(ctx, webhook, log, headers, job.signal)
  } catch (error) {
    throw await fail(webhook, log, headers, error, job)
  }
  deliveries.inc({ outcome: 'delivered' })
  await job.step(`delivered ${job.attempt}`, async (own) => {
    await note(own, log, {
      status: 'Delivered',
      attempts: job.attempt,
      http_status: answer.status,
      delivered_at: nowText(own),
      error: null,
      headers: shown(headers),
      response: textOf(answer),
    })
    if (webhook.failures) await countFailures(own, webhook.name, 0)
  })
  return { status: 'Delivered' }
}

function send(
  ctx: Context,
  webhook: AnyDocument,
  log: DeliveryLog,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<FetchAnswer> {
  const timeoutMs = Math.min(Math.max(Number(webhook.timeout) || 5, 1), 60) * 1000
  const service = { ...webhookService, timeoutMs }
  const circuit = URL.canParse(log.url) ? new URL(log.url).host.slice(0, 69) : ''
  const call = { service: service.name, operation: 'deliver' }
  return callService(
    ctx,
    service,
    call.operation,
    async (inTime) => {
      const request = { method: log.request_method, headers, body: log.data, timeoutMs, maxBytes: mostBytes, signal: inTime }
      const answer = await safeFetch(ctx.site, log.url, request)
      return demandSuccess(answer, call, ctx.clock.now())
    },
    { once: true, circuit, key: log.name, signal },
  )
}

/** Frappe's signature, and that of Standard Webhooks with its time, over exactly the bytes that are sent. */
async function headersOf(ctx: Context, webhook: AnyDocument, log: DeliveryLog): Promise<Record<string, string>> {
  const headers: Record<string, string> = {}
  for (const row of (webhook.webhook_headers as (AnyDocument & { key: string | null; value: string | null })[] | undefined) ?? []) {
    if (!row.key) continue
    headers[row.key.toLowerCase()] = (await getSecret(ctx, 'Webhook Header', row.name, 'secret')) ?? row.value ?? ''
  }
  headers['content-type'] ??= log.content_type
  const time = String(Math.floor(ctx.clock.now() / 1000))
  Object.assign(headers, { 'webhook-id': log.name, 'webhook-timestamp': time, 'idempotency-key': log.name })
  if (ctx.request.trace) headers.traceparent ??= ctx.request.trace
  if (!webhook.enable_security) return headers
  const secret = (await getSecret(ctx, 'Webhook', webhook.name, 'webhook_secret')) ?? ''
  if (secret === '') throw new DeliveryGivenUp({ webhook: webhook.name, reason: 'it should be signed and has no secret.' })
  headers['x-frappe-webhook-signature'] = createHmac('sha256', secret).update(log.data).digest('base64')
  headers['webhook-signature'] = standardSignature(secret, log.name, time, log.data)
  return headers
}

/** Notes a failed attempt. @returns the error with which the job ends: one that is repeated, or one that is not */
async function fail(webhook: AnyDocument, log: DeliveryLog, headers: Record<string, string>, error: unknown, job: JobRun): Promise<Error> {
  const reason = error instanceof Error ? error.message : String(error)
  const status = error instanceof AppError && typeof error.data.http === 'number' ? error.data.http : 0
  const isGone = status === 410
  const isFinal = job.attempt >= mostAttempts || isGone || AddressRefused.is(error) || UrlInvalid.is(error)
  deliveries.inc({ outcome: isFinal ? 'given-up' : 'failed' })
  await job.step(`failed ${job.attempt}`, async (own) => {
    const facts = {
      status: isFinal ? 'Failed' : 'Retrying',
      attempts: job.attempt,
      http_status: status,
      error: reason,
      headers: shown(headers),
    }
    await note(own, log, facts)
    if (isFinal) await giveUp(own, webhook, reason, isGone)
  })
  const data = { webhook: webhook.name, reason }
  return isFinal ? new DeliveryGivenUp(data, { cause: error }) : new DeliveryFailed(data, { cause: error })
}

/** Counts a message that was given up; after so many in a row, or when the receiver says that it is gone for good, the webhook is disabled. */
async function giveUp(ctx: Context, webhook: AnyDocument, reason: string, isGone: boolean): Promise<void> {
  const failures = await countFailures(ctx, webhook.name, 1)
  const limit = Number(webhook.disable_after ?? 0)
  if (!isGone && (limit <= 0 || failures < limit)) return
  await setValue(ctx, 'Webhook', webhook.name, { enabled: 0, last_error: reason.slice(0, 1000) })
  await notify(ctx, {
    users: [eyesOf(webhook)],
    type: 'Alert',
    subject: isGone
      ? `The webhook ${webhook.name} was disabled: its receiver says that it is gone.`
      : `The webhook ${webhook.name} was disabled: ${failures} messages in a row could not be delivered.`,
    about: { doctype: 'Webhook', name: webhook.name },
  })
}

/** Straight into the row: it is no change of the webhook that anybody would want to see in its history. @param more 0 starts anew */
async function countFailures(ctx: Context, webhook: string, more: number): Promise<number> {
  const table = sql.id(tableOf('Webhook'))
  const value = more === 0 ? sql`0` : sql`coalesce(failures, 0) + ${more}`
  await ctx.db.execute(ctx.db.dialect.compile(sql`update ${table} set failures = ${value} where name = ${webhook}`))
  const [row] = await ctx.db.query<{ failures: number }>(ctx.db.dialect.compile(sql`select failures from ${table} where name = ${webhook}`))
  return Number(row?.failures ?? 0)
}

async function note(ctx: Context, log: DeliveryLog, values: Record<string, unknown>): Promise<void> {
  await writeThrough(ctx, 'Webhook Request Log', log.name, values, { touch: true })
}

/** Names of the headers, and the values of those that are no secrets. */
function shown(headers: Readonly<Record<string, string>>): string {
  const open = new Set(['content-type', 'webhook-id', 'webhook-timestamp', 'idempotency-key'])
  return JSON.stringify(Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, open.has(name) ? value : '*****'])))
}

function textOf(answer: FetchAnswer): string {
  const text = Buffer.from(answer.body).toString('utf8')
  return text.replaceAll('\0', '').toWellFormed().slice(0, keptOfAnswer).toWellFormed()
}
