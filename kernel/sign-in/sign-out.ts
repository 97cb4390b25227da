import { AppError } from '#client/rules/errors.ts'
import { recordAudit } from '#kernel/audit/audit.ts'
import type { Context } from '#kernel/context/context.ts'
import { sessionIdOf } from '#kernel/identity/authenticate.ts'
import { decrypt } from '#kernel/identity/secrets.ts'
import { endSession } from '#kernel/identity/sessions.ts'
import { siteAddress } from '#kernel/identity/users.ts'
import { type OutsideSession, outsideSessionOf } from './links.ts'
import { endSessionUrl } from './oidc-client.ts'
import { oidcProvider } from './providers.ts'
import { samlLogoutUrl } from './saml-sign-in.ts'

/**
 * Ends the session in use, here for certain, and says where to go to end it at the provider as well.
 * @returns `/login` where there is no such place, or the provider is down
 */
export async function signOutEverywhere(ctx: Context): Promise<string> {
  const id = sessionIdOf(ctx.user)
  if (!id) return '/login'
  const outside = await outsideSessionOf(ctx, id)
  // Asked before the session is ended: no transaction waits for the provider.
  const place = outside && (await placeAtProvider(ctx, outside))
  if (await endSession(ctx, ctx.user.name, id)) await recordAudit(ctx, { action: 'logout', doctype: 'User', name: ctx.user.name })
  return place ?? '/login'
}

async function placeAtProvider(ctx: Context, { kind, provider, details }: OutsideSession): Promise<string | undefined> {
  try {
    if (kind === 'saml') return await samlLogoutUrl(ctx, provider, details)
    const idToken = details.idToken === undefined ? undefined : decrypt(ctx.site, 'id-token', details.idToken)
    return await endSessionUrl(ctx, await oidcProvider(ctx, provider), idToken, `${siteAddress(ctx)}/login`)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    ctx.site.log.warn({ err: error, provider }, 'a session could not be ended at its provider')
    return undefined
  }
}
