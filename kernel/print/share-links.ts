import { utcToZone } from '#client/rules/time-zone.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { remove } from '#kernel/documents/remove.ts'
import { insert } from '#kernel/documents/save.ts'
import { UserUnavailable } from '#kernel/identity/errors.ts'
import { randomToken, tokenHash } from '#kernel/identity/keyed-hash.ts'
import { guestName, principalOf } from '#kernel/identity/principals.ts'
import { siteAddress } from '#kernel/identity/users.ts'
import { demand } from '#kernel/permissions/grants.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { settingNumber } from '#kernel/sites/settings.ts'
import { ShareLinkInvalid } from './errors.ts'
import { demandPrint } from './print-document.ts'

/** A link that opens one document to whoever has it. */
export interface ShareLink {
  readonly url: string
  /** Known to nobody but the caller: only its hash is stored. */
  readonly key: string
  /** Last day on which it works, in the site's time zone. */
  readonly expiresOn: string
}

/**
 * Makes a link to a document's print. Whoever has it sees what its maker may see, for as long as the maker may, and not beyond its last day.
 * @param expiresOn ISO day; default: after the days of `document_share_key_expiry` in System Settings (30), which is also the latest
 * @throws PermissionDenied without the rights to print and share the document; ShareLinkInvalid for guests
 */
export async function makeShareLink(ctx: Context, about: { doctype: string; name: string }, expiresOn?: string): Promise<ShareLink> {
  if (ctx.user.name === guestName) throw new ShareLinkInvalid({})
  await demandPrint(ctx, about)
  const document = await getDocument(ctx, about.doctype, about.name)
  await demand(ctx, 'share', document.doctype, document)
  const latest = dayAfter(ctx, Math.min(Math.max(settingNumber(ctx.site, 'document_share_key_expiry', 30), 1), 3650))
  const last = expiresOn !== undefined && expiresOn < latest ? expiresOn : latest
  const key = randomToken()
  await insert(ctx.asSystem('a link to a document is made for who may share it'), 'Document Share Key', {
    reference_doctype: document.doctype,
    reference_docname: String(document.name),
    key: tokenHash(key),
    expires_on: last,
  })
  const query = new URLSearchParams({ doctype: document.doctype, name: String(document.name), key })
  return { url: `${siteAddress(ctx)}/printview?${query}`, key, expiresOn: last }
}

/** Ends the caller's links to a document. @returns how many there were */
export async function withdrawShareLinks(ctx: Context, { doctype, name }: { doctype: string; name: string }): Promise<number> {
  const rows = await ctx.db.query<{ name: string }>(
    ctx.db.dialect.compile(
      sql`select name from ${ident('tabDocument Share Key')} where reference_doctype = ${doctype} and reference_docname = ${name} and owner = ${ctx.user.name}`,
    ),
  )
  const system = ctx.asSystem('a link to a document is withdrawn by its maker')
  for (const row of rows) await remove(system, 'Document Share Key', row.name)
  return rows.length
}

/** The context for whoever came with the key of a link: its maker's, for this one document. @throws ShareLinkInvalid */
export async function contextOfKey(ctx: Context, key: string, { doctype, name }: { doctype: string; name: string }): Promise<Context> {
  const [row] = await ctx.db.query<{ owner: string; expires_on: string | Date | null }>(
    ctx.db.dialect.compile(
      sql`select owner, expires_on from ${ident('tabDocument Share Key')}
        where ${ident('key')} = ${tokenHash(key.slice(0, 200))} and reference_doctype = ${doctype} and reference_docname = ${name}`,
    ),
  )
  const last = row?.expires_on instanceof Date ? row.expires_on.toISOString().slice(0, 10) : String(row?.expires_on ?? '').slice(0, 10)
  if (!row || last < dayAfter(ctx, 0)) throw new ShareLinkInvalid({})
  try {
    return ctx.as(await principalOf(ctx, row.owner))
  } catch (error) {
    if (!UserUnavailable.is(error)) throw error
    throw new ShareLinkInvalid({}, { cause: error })
  }
}

function dayAfter(ctx: Context, days: number): string {
  const today = utcToZone(nowText(ctx), ctx.site.timeZone).slice(0, 10)
  return new Date(Date.parse(`${today}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10)
}
