import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { type FoundRow, findRows } from '#kernel/query/find-rows.ts'
import { readAddress, sameKey, splitAddresses } from './addresses.ts'
import { messageKey } from './message-ids.ts'
import type { IncomingMail } from './read-mail.ts'

/** What a mail answers. */
export interface Thread {
  /** The Communication that it answers. */
  readonly communication: string
  /** The document around which people write; absent where the mail that is answered belongs to none. */
  readonly about?: { doctype: string; name: string }
}

/**
 * The mail of ours that an incoming one answers. It must name a Message-ID that we made, which only those have seen to whom the mail went, and
 * come from one of them, or from somebody who took part before. A subject, a number in it, or an id that somebody made up count for nothing.
 */
export async function threadOf(ctx: Context, mail: IncomingMail): Promise<Thread | undefined> {
  const keys = mail.answers.map(messageKey).filter((key) => key !== '')
  if (keys.length === 0 || !mail.from) return undefined
  const meta = await ctx.site.meta.get('Communication')
  const rows = await findRows(ctx, meta, and(where('message_key', 'in', keys), where('sent_or_received', '=', 'Sent')), {
    fields: ['name', 'message_key', 'message_id', 'recipients', 'cc', 'bcc', 'sender', 'reference_doctype', 'reference_name'],
  })
  const nearest = rows.toSorted((a, b) => keys.indexOf(String(a.message_key)) - keys.indexOf(String(b.message_key)))
  for (const row of nearest) if (await tookPart(ctx, row, mail.from.address)) return threadAt(row)
  return undefined
}

function threadAt(row: FoundRow): Thread {
  const [doctype, name] = [row.reference_doctype, row.reference_name]
  return { communication: row.name, ...(doctype && name ? { about: { doctype: String(doctype), name: String(name) } } : {}) }
}

async function tookPart(ctx: Context, sent: FoundRow, address: string): Promise<boolean> {
  const people = new Set([sent.recipients, sent.cc, sent.bcc, sent.sender].flatMap((list) => bareAddresses(String(list ?? ''))))
  if (people.has(sameKey(address))) return true
  const queueMeta = await ctx.site.meta.get('Email Queue')
  const wasSent = { child: 'recipients', where: where('recipient', '=', address) }
  const queued = await findRows(ctx, queueMeta, and(where('message_key', '=', String(sent.message_key)), wasSent), {
    fields: ['name'],
    limit: 1,
  })
  return queued.length > 0
}

function bareAddresses(list: string): string[] {
  return splitAddresses(list).flatMap((text) => {
    try {
      return [sameKey(readAddress(text, 'address').address)]
    } catch {
      return []
    }
  })
}

/** Whether a mail that came is one that the platform itself sent: it went round in a circle. */
export async function isOurOwn(ctx: Context, mail: IncomingMail): Promise<boolean> {
  const key = messageKey(mail.messageId)
  if (key === '') return false
  const meta = await ctx.site.meta.get('Email Queue')
  return (await findRows(ctx, meta, where('message_key', '=', key), { fields: ['name'], limit: 1 })).length > 0
}
