import { randomUUID } from 'node:crypto'
import type { Transporter } from 'nodemailer'
import type { Context } from '#kernel/context/context.ts'
import { instantOfText, nowText } from '#kernel/context/time.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { find } from '#kernel/documents/load.ts'
import { backoffMs } from '#kernel/jobs/run-job.ts'
import type { JobRun } from '#kernel/jobs/job.ts'
import { demandRate, RateLimitExceeded } from '#kernel/limits/rate-limit.ts'
import { counter } from '#kernel/metrics/metrics.ts'
import { compose, type QueuedMail, readQueued } from './compose.ts'
import { type OutgoingServer, outgoingServer, passwordOf } from './outgoing-server.ts'
import { suppress } from './refusals.ts'
import { enqueueMail } from './send-mail.ts'
import { withTransport } from './transport.ts'

/** Tries before a recipient that cannot be reached counts as failed: over about a day. */
const mostTries = 10
/** Seconds until the second try; doubled after each further one, up to an hour. */
const firstWait = 60
/** Recipients of mail to many that one run serves, so that no run takes too long. */
const atOnce = 100

const mails = counter<'site' | 'outcome'>({
  name: 'px_mail_recipients_total',
  help: 'Recipients of mail by outcome: sent, delayed, failed',
  labels: ['site', 'outcome'],
})

interface RecipientRow {
  name: string
  recipient: string
  kind: string
  status: string
  error: string | null
}

type Outcome = { row: RecipientRow; status: 'Sent' | 'Not Sent' | 'Error'; error: string; isHard?: boolean }

/**
 * Sends a mail of the queue to whoever has not got it. What the server said to each recipient is committed as soon as it is known; those it
 * put off are tried again later. A recipient whom an earlier run was serving when it died may have got the mail: it is sent again under
 * the same Message-ID, except to many, where twice is worse than never.
 */
export async function deliverMail(ctx: Context, name: string, job: JobRun): Promise<string> {
  const meta = await ctx.site.meta.get('Email Queue')
  const queue = await find(ctx, meta, name)
  if (!queue) return 'gone'
  if (queue.status !== 'Not Sent' && queue.status !== 'Sending') return String(queue.status)
  const server = await outgoingServer(ctx, { account: String(queue.email_account ?? '') })
  if (!server) return settle(job, name, 'Kept')
  const wait = queue.send_after ? instantOfText(String(queue.send_after)) - ctx.clock.now() : 0
  if (wait > 0) return postpone(job, name, wait)
  const rows = queue.recipients as unknown as RecipientRow[]
  const groups = await claim(job, queue, rows)
  if (groups.length === 0) return settle(job, name)
  const mail = await readQueued(ctx, queue)
  const password = await passwordOf(ctx, server)
  let pause = 0
  await withTransport(ctx.site, server, password, async (transporter) => {
    for (const [index, group] of groups.entries()) {
      job.signal.throwIfAborted()
      pause = await waitOfLimit(ctx, server, group.length)
      if (pause > 0) break
      const outcomes = await attempt(ctx, transporter, server, mail, group)
      await job.step(`heard:${randomUUID()}`, (step) => write(step, name, outcomes, groups[index + 1] ?? []))
      for (const { status } of outcomes)
        mails.inc({ site: ctx.site.host, outcome: status === 'Sent' ? 'sent' : status === 'Error' ? 'failed' : 'delayed' })
    }
  })
  if (pause > 0) return postpone(job, name, pause)
  return settle(job, name)
}

/**
 * Whom this run serves: one group per mail that leaves. A group is marked before its mail leaves, so that a run after a crash knows who may
 * have got it.
 */
async function claim(job: JobRun, queue: AnyDocument, rows: readonly RecipientRow[]): Promise<RecipientRow[][]> {
  const waiting = rows.filter((row) => row.status === 'Not Sent' || (row.status === 'Sending' && queue.is_bulk !== 1))
  const unsure = queue.is_bulk === 1 ? rows.filter((row) => row.status === 'Sending') : []
  // Those who were put off come after those who had no turn yet.
  const inTurn = waiting.toSorted((a, b) => Number(Boolean(a.error)) - Number(Boolean(b.error)))
  const groups = queue.is_bulk === 1 ? inTurn.slice(0, atOnce).map((row) => [row]) : waiting.length > 0 ? [waiting] : []
  await job.step(`claim:${randomUUID()}`, async (ctx) => {
    await ctx.db.execute(
      ctx.db.dialect.compile(
        sql`update ${ident('tabEmail Queue')} set status = ${'Sending'}, modified = ${nowText(ctx)} where name = ${queue.name}`,
      ),
    )
    for (const row of groups[0] ?? []) await setRecipient(ctx, row.name, 'Sending', '')
    for (const row of unsure)
      await setRecipient(ctx, row.name, 'Error', 'The sender stopped while this was on its way; it may have arrived.')
  })
  return groups
}

async function attempt(
  ctx: Context,
  transporter: Transporter,
  server: OutgoingServer,
  mail: QueuedMail,
  group: readonly RecipientRow[],
): Promise<Outcome[]> {
  const all = mail.queue.recipients as unknown as RecipientRow[]
  const addressed = mail.queue.is_bulk === 1 ? group.map((row) => ({ recipient: row.recipient, kind: 'To' })) : all
  const recipients = group.map((row) => row.recipient)
  const copies = server.bcc !== '' && mail.queue.is_bulk !== 1 ? [server.bcc] : []
  try {
    const { options } = compose(ctx, mail, server, recipients, addressed)
    const info = (await transporter.sendMail({
      ...options,
      envelope: { from: server.address, to: [...recipients, ...copies] },
    })) as { accepted?: unknown[]; rejectedErrors?: SmtpError[] }
    return outcomesOf(group, info.rejectedErrors ?? [], undefined)
  } catch (error) {
    ctx.site.log.warn({ err: error, mail: mail.queue.name, account: server.account }, 'a mail server refused or did not answer')
    const { rejectedErrors } = error as SmtpError
    return outcomesOf(group, rejectedErrors ?? [], error as SmtpError)
  }
}

interface SmtpError extends Error {
  code?: string
  responseCode?: number
  response?: string
  recipient?: string
  rejectedErrors?: SmtpError[]
}

/** What became of each recipient: the server's word about it, else its word about the whole. */
function outcomesOf(group: readonly RecipientRow[], rejected: readonly SmtpError[], failure: SmtpError | undefined): Outcome[] {
  return group.map((row) => {
    const own = rejected.find((one) => one.recipient?.toLowerCase() === row.recipient.toLowerCase())
    const fault = own ?? failure
    if (!fault) return { row, status: 'Sent', error: '' }
    const code = fault.responseCode ?? 0
    const error = (fault.response ?? fault.message).slice(0, 1000)
    // A refused sign-in is ours to mend, and no word about the recipient.
    const isFinal = code >= 500 && code < 600 && fault.code !== 'EAUTH'
    return { row, status: isFinal ? 'Error' : 'Not Sent', error, isHard: own !== undefined && isFinal && /\b5\.1\.[12360]\b/.test(error) }
  })
}

async function write(ctx: Context, name: string, outcomes: readonly Outcome[], next: readonly RecipientRow[]): Promise<void> {
  for (const row of next) await setRecipient(ctx, row.name, 'Sending', '')
  for (const { row, status, error, isHard } of outcomes) {
    await setRecipient(ctx, row.name, status, error)
    if (isHard) await suppress(ctx, row.recipient, error, name)
  }
}

async function setRecipient(ctx: Context, name: string, status: string, error: string): Promise<void> {
  await ctx.db.execute(
    ctx.db.dialect.compile(
      sql`update ${ident('tabEmail Queue Recipient')} set status = ${status}, error = ${error === '' ? null : error} where name = ${name}`,
    ),
  )
}

/** Milliseconds until the account may send again; 0: now. */
async function waitOfLimit(ctx: Context, server: OutgoingServer, count: number): Promise<number> {
  if (server.hourlyLimit <= 0) return 0
  try {
    for (let n = 0; n < count; n++) await demandRate(ctx.site, `mail:${server.account}`, { limit: server.hourlyLimit, windowMs: 3_600_000 })
    return 0
  } catch (error) {
    if (!RateLimitExceeded.is(error)) throw error
    return Number(error.data.retryAfterSeconds) * 1000
  }
}

/** Back into the queue until later; nothing failed. */
async function postpone(job: JobRun, name: string, delayMs: number): Promise<string> {
  await job.step(`later:${randomUUID()}`, async (ctx) => {
    await release(ctx, name)
    await enqueueMail(ctx, name, delayMs)
  })
  return 'Not Sent'
}

/** Those whom a run claimed and did not come to. */
async function release(ctx: Context, name: string): Promise<void> {
  await ctx.db.execute(
    ctx.db.dialect.compile(
      sql`update ${ident('tabEmail Queue Recipient')} set status = ${'Not Sent'} where parent = ${name} and status = ${'Sending'}`,
    ),
  )
  await ctx.db.execute(
    ctx.db.dialect.compile(
      sql`update ${ident('tabEmail Queue')} set status = ${'Not Sent'} where name = ${name} and status = ${'Sending'}`,
    ),
  )
}

/** Sums up what became of the recipients, and asks for another try where somebody is left. */
async function settle(job: JobRun, name: string, forced?: 'Kept'): Promise<string> {
  return job.step(`settle:${randomUUID()}`, async (ctx) => {
    const meta = await ctx.site.meta.get('Email Queue')
    const queue = await find(ctx, meta, name, true)
    if (!queue) return 'gone'
    const rows = queue.recipients as unknown as RecipientRow[]
    const open = rows.filter((row) => row.status === 'Not Sent')
    const firstError = rows.find((row) => row.error)?.error ?? null
    // Whoever had no turn yet makes no failed try.
    const isUnfinished = open.some((row) => !row.error)
    const tries = Number(queue.retry ?? 0) + (isUnfinished || open.length === 0 ? 0 : 1)
    const given = forced ?? (open.length > 0 && tries < mostTries ? 'Not Sent' : undefined)
    if (given !== 'Not Sent') for (const row of open) await setRecipient(ctx, row.name, forced ?? 'Error', row.error ?? '')
    const sent = rows.filter((row) => row.status === 'Sent').length
    const status = given ?? (sent === rows.length ? 'Sent' : sent > 0 ? 'Partially Sent' : 'Error')
    await ctx.db.execute(
      ctx.db.dialect.compile(sql`update ${ident('tabEmail Queue')} set status = ${status}, retry = ${tries}, error = ${firstError},
        modified = ${nowText(ctx)} where name = ${name}`),
    )
    if (queue.communication) await tellCommunication(ctx, String(queue.communication), status)
    if (status === 'Not Sent') await enqueueMail(ctx, name, isUnfinished ? 0 : backoffMs(tries, firstWait))
    return status
  })
}

const deliveryStatus: Readonly<Record<string, string>> = { Sent: 'Sent', 'Partially Sent': 'Sent', Error: 'Error', 'Not Sent': 'Delayed' }

async function tellCommunication(ctx: Context, communication: string, status: string): Promise<void> {
  const word = deliveryStatus[status]
  if (!word) return
  await ctx.db.execute(
    ctx.db.dialect.compile(sql`update ${ident('tabCommunication')} set delivery_status = ${word} where name = ${communication}`),
  )
}
