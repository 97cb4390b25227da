import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { find } from '#kernel/documents/load.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { UserUnavailable } from '#kernel/identity/errors.ts'
import { tokenHash } from '#kernel/identity/keyed-hash.ts'
import { principalOf } from '#kernel/identity/principals.ts'
import { networkOf } from '#kernel/identity/sign-in-failures.ts'
import { siteAddress } from '#kernel/identity/users.ts'
import { demandRate } from '#kernel/limits/rate-limit.ts'
import { can } from '#kernel/permissions/grants.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { LinkInvalid } from '../errors.ts'
import { todayIn } from '../organization.ts'

/** Asking for links, from one network: people do it seldom, and who guesses does nothing else. */
const perNetwork = { limit: 60, windowMs: 600_000 }

/** The address that is handed out. */
export function linkAddress(ctx: Context, kind: 'share' | 'upload', token: string): string {
  return `${siteAddress(ctx)}/documents/${kind}#${token}`
}

/**
 * The record behind a token, locked, if it still works: not past its last day, not closed, and its maker still may do what it does for others.
 * @returns the record, and a context with the rights of its maker
 * @throws LinkInvalid in every other case, in the same words; RateLimitExceeded
 */
export async function openLink(
  ctx: Context,
  kind: 'Document Share' | 'Upload Request',
  token: string,
): Promise<{ link: AnyDocument; maker: Context }> {
  await demandRate(ctx.site, `document-link:${networkOf(ctx.request.ip)}`, perNetwork)
  const meta = await ctx.site.meta.get(kind)
  const [row] = await findRows(ctx, meta, where('token_hash', '=', tokenHash(token)), { fields: ['name'], limit: 1 })
  const link = row && (await find(ctx, meta, row.name, true))
  const refuse = (cause?: unknown): never => {
    throw new LinkInvalid({ field: 'token' }, { cause })
  }
  if (!link || link.revoked || link.closed) return refuse()
  if (typeof link.expires_on === 'string' && link.expires_on < (await todayIn(ctx, String(link.organization)))) return refuse()
  try {
    return { link, maker: ctx.as(await principalOf(ctx, link.owner)) }
  } catch (error) {
    if (!UserUnavailable.is(error)) throw error
    return refuse(error)
  }
}

/** The document that a share opens, if it is not in the trash and its maker may read it still. @throws LinkInvalid */
export async function sharedDocument(maker: Context, share: AnyDocument): Promise<AnyDocument> {
  const meta = await maker.site.meta.get('Document')
  const document = await find(maker, meta, String(share.document))
  if (!document || document.trashed || !(await can(maker, 'read', 'Document', document))) throw new LinkInvalid({ field: 'token' })
  return document
}
