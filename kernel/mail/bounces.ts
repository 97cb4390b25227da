import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { load } from '#kernel/documents/load.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { sameKey } from './addresses.ts'
import { messageKey } from './message-ids.ts'
import type { DeliveryReport } from './read-mail.ts'
import { suppress } from './refusals.ts'

/** Statuses that say that the mailbox is not there, and not that it is full or does not like the mail. */
const isGone = /^5\.1\.[012360]$|^5\.2\.1$/

/**
 * Marks the recipients whom a mail server reports as not reached. Only a report that names a mail of ours and one of its recipients counts.
 * @returns how many recipients
 */
export async function takeReports(ctx: Context, reports: readonly DeliveryReport[]): Promise<number> {
  let taken = 0
  for (const report of reports) if (report.action === 'failed' && (await takeReport(ctx, report))) taken++
  return taken
}

async function takeReport(ctx: Context, report: DeliveryReport): Promise<boolean> {
  const key = messageKey(report.messageId)
  if (key === '') return false
  const meta = await ctx.site.meta.get('Email Queue')
  const [row] = await findRows(ctx, meta, where('message_key', '=', key), { fields: ['name'], limit: 1 })
  if (!row) return false
  const queue = await load(ctx, meta, row.name, true)
  const recipients = queue.recipients as unknown as { name: string; recipient: string; status: string }[]
  const recipient = recipients.find((one) => sameKey(one.recipient) === sameKey(report.recipient))
  if (!recipient) return false
  const reason = `${report.status} ${report.diagnostic}`.trim() || 'It came back.'
  const run = (fragment: ReturnType<typeof sql>) => ctx.db.execute(ctx.db.dialect.compile(fragment))
  await run(sql`update ${ident('tabEmail Queue Recipient')} set status = ${'Error'}, error = ${reason} where name = ${recipient.name}`)
  const isReached = recipients.some((one) => one.name !== recipient.name && one.status === 'Sent')
  await run(
    sql`update ${ident('tabEmail Queue')} set status = ${isReached ? 'Partially Sent' : 'Error'}, error = ${reason} where name = ${queue.name}`,
  )
  if (queue.communication)
    await run(sql`update ${ident('tabCommunication')} set delivery_status = ${'Bounced'} where name = ${String(queue.communication)}`)
  if (isGone.test(report.status)) await suppress(ctx, recipient.recipient, reason, String(queue.name))
  return true
}
