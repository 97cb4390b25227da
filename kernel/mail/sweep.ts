import { and, or, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText, textOfInstant } from '#kernel/context/time.ts'
import { remove } from '#kernel/documents/remove.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { enqueueMail } from './send-mail.ts'

/** Milliseconds after which a mail that is still being sent has lost its worker. */
const lostAfter = 30 * 60_000
const atOnce = 500

/**
 * Asks again for mails whose job was lost or cancelled. A mail normally has its job; this is for the day on which jobs were purged.
 * @returns how many
 */
export async function sweepMailQueue(ctx: Context): Promise<number> {
  const meta = await ctx.site.meta.get('Email Queue')
  const due = or(where('send_after', 'not set'), where('send_after', '<=', nowText(ctx)))
  const old = where('modified', '<', textOfInstant(ctx.clock.now() - lostAfter))
  const rows = await findRows(ctx, meta, and(where('status', 'in', ['Not Sent', 'Sending']), due, old), { fields: ['name'], limit: atOnce })
  for (const { name } of rows) await enqueueMail(ctx, name)
  return rows.length
}

/** Milliseconds for which a mail that was dealt with stays in the queue; what it said about a document stays as its Communication. */
const keptFor = 30 * 86_400_000

/** Removes old mails from the queue, with the files that were made for them. @returns how many */
export async function forgetOldMail(ctx: Context): Promise<number> {
  const meta = await ctx.site.meta.get('Email Queue')
  const done = where('status', 'in', ['Sent', 'Partially Sent', 'Error', 'Kept'])
  const old = where('creation', '<', textOfInstant(ctx.clock.now() - keptFor))
  const rows = await findRows(ctx, meta, and(done, old), { fields: ['name'], limit: atOnce })
  for (const { name } of rows) await remove(ctx.asSystem('removes old mail from the queue'), 'Email Queue', name)
  return rows.length
}
