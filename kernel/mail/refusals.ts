import { and, or, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { UniqueViolated } from '#kernel/database/errors.ts'
import { ValueTaken } from '#kernel/documents/errors.ts'
import { insert } from '#kernel/documents/save.ts'
import { readSigned, signText } from '#kernel/identity/secrets.ts'
import { siteAddress } from '#kernel/identity/users.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { sameKey } from './addresses.ts'
import { UnsubscribeLinkInvalid } from './errors.ts'

/** Milliseconds for which the link in a mail works: people clear out old mail. */
const linkLives = 365 * 86_400_000
const purpose = 'mail-unsubscribe'

/** What somebody who gets mail to many may not want any more. */
export interface Unsubscription {
  readonly email: string
  /** Absent: all mail to many. */
  readonly doctype?: string
  readonly name?: string
}

/** Which of these addresses get nothing, and why, by `sameKey`. */
export async function refusedAddresses(
  ctx: Context,
  addresses: readonly string[],
  { isBulk, about }: { isBulk: boolean; about?: { doctype: string; name: string } },
): Promise<ReadonlyMap<string, string>> {
  const refused = new Map<string, string>()
  const keys = [...new Set(addresses.map(sameKey))]
  if (keys.length === 0) return refused
  const suppression = await ctx.site.meta.get('Email Suppression')
  for (const row of await findRows(ctx, suppression, where('email', 'in', keys), { fields: ['name', 'email'] }))
    refused.set(sameKey(String(row.email)), 'Mail to this address came back before.')
  if (!isBulk) return refused
  const unsubscribe = await ctx.site.meta.get('Email Unsubscribe')
  const concerned = or(
    where('global_unsubscribe', '=', 1),
    about ? and(where('reference_doctype', '=', about.doctype), where('reference_name', '=', about.name)) : where('name', 'not set'),
  )
  for (const row of await findRows(ctx, unsubscribe, and(where('email', 'in', keys), concerned), { fields: ['name', 'email'] }))
    refused.set(sameKey(String(row.email)), 'The recipient wants no more of these mails.')
  return refused
}

/** Nothing more is sent to an address at which mail does not arrive. */
export async function suppress(ctx: Context, email: string, reason: string, queue?: string): Promise<void> {
  try {
    await ctx.db.savepoint(() =>
      insert(ctx.asSystem('notes that mail does not arrive'), 'Email Suppression', {
        email: sameKey(email),
        reason: reason.slice(0, 500),
        email_queue: queue ?? null,
      }),
    )
  } catch (error) {
    if (!ValueTaken.is(error) && !UniqueViolated.is(error)) throw error
  }
}

/** The two addresses of a link to unsubscribe: a page for people, and one that mail programs call at a click (RFC 8058). */
export function unsubscribeLinks(ctx: Context, what: Unsubscription): { page: string; oneClick: string } {
  const text = JSON.stringify([sameKey(what.email), what.doctype ?? '', what.name ?? ''])
  const token = encodeURIComponent(signText(ctx.site, purpose, text, ctx.clock.now() + linkLives))
  const site = siteAddress(ctx)
  return { page: `${site}/unsubscribe?token=${token}`, oneClick: `${site}/api/method/orchestrator.mail.unsubscribe?token=${token}` }
}

/** What a link to unsubscribe is about. @throws UnsubscribeLinkInvalid */
export function readUnsubscribeToken(ctx: Context, token: string): Unsubscription {
  const text = readSigned(ctx.site, purpose, token.slice(0, 2000))
  if (text === undefined) throw new UnsubscribeLinkInvalid({})
  const [email = '', doctype = '', name = ''] = JSON.parse(text) as string[]
  return { email, ...(doctype && name && { doctype, name }) }
}

/** Remembers that somebody wants no more of these mails; doing it twice changes nothing. */
export async function unsubscribe(ctx: Context, { email, doctype, name }: Unsubscription): Promise<void> {
  const meta = await ctx.site.meta.get('Email Unsubscribe')
  const same = doctype
    ? and(where('reference_doctype', '=', doctype), where('reference_name', '=', name ?? ''))
    : where('global_unsubscribe', '=', 1)
  if ((await findRows(ctx, meta, and(where('email', '=', email), same), { fields: ['name'], limit: 1 })).length > 0) return
  await insert(ctx.asSystem('a recipient unsubscribed'), 'Email Unsubscribe', {
    email,
    ...(doctype ? { reference_doctype: doctype, reference_name: name } : { global_unsubscribe: 1 }),
  })
}
