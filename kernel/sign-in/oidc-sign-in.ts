import { randomToken } from '#kernel/identity/keyed-hash.ts'
import type { Context } from '#kernel/context/context.ts'
import { configuredRule, demandRate } from '#kernel/limits/rate-limit.ts'
import { encrypt } from '#kernel/identity/secrets.ts'
import { networkOf } from '#kernel/identity/sign-in-failures.ts'
import { attemptCookie, beginAttempt, endAttempt } from './attempts.ts'
import { enter, type Entered, linkIdentity } from './enter.ts'
import { OutsideSignInFailed } from './errors.ts'
import { authorizationUrl, redeemCode } from './oidc-client.ts'
import { oidcProvider } from './providers.ts'

/** Where to send a browser, and the cookie that makes the answer its own. */
export interface Departure {
  readonly location: string
  readonly cookie: { readonly name: string; readonly value: string }
}

/** How an attempt ended. */
export interface Arrival {
  /** The session, or the question for a second factor; undefined: an identity was linked, nobody signed in. */
  readonly entered: Entered | undefined
  readonly redirectTo: string
  /** Cookie of the attempt, which has done its work. */
  readonly spentCookie: string
}

const perNetwork = { limit: 300, windowMs: 60_000 }

/** At most so many attempts a minute from one network; site config `login_rate_limit`. @throws RateLimitExceeded */
export async function limitAttempts(ctx: Context): Promise<void> {
  await demandRate(ctx.site, `outside-sign-in:${networkOf(ctx.request.ip)}`, configuredRule(ctx.site.config.login_rate_limit, perNetwork))
}

/** Sends somebody to an OpenID Connect or OAuth 2 provider. @throws ProviderUnknown, OutsideSignInFailed, RateLimitExceeded */
export async function departToOidc(
  ctx: Context,
  providerName: string,
  redirectTo: string,
  linkTo?: { user: string; session: string },
): Promise<Departure> {
  await limitAttempts(ctx)
  const provider = await oidcProvider(ctx, providerName)
  const nonce = randomToken()
  const verifier = randomToken()
  // Asked before the attempt is written: no transaction waits for the provider.
  const unbound = await authorizationUrl(ctx, provider, { state: '', nonce, verifier })
  const { state, cookie } = await beginAttempt(ctx, {
    kind: 'oidc',
    provider: provider.name,
    nonce,
    verifier,
    redirectTo,
    ...(linkTo && { linkTo }),
  })
  const location = new URL(unbound)
  location.searchParams.set('state', state)
  return { location: location.href, cookie }
}

/**
 * Takes a provider's answer.
 * @param search  the query as it came
 * @param cookie  gives the value of a cookie of the request
 * @throws OutsideSignInFailed, AccountNotLinked, SignInRestricted …
 */
export async function arriveFromOidc(
  ctx: Context,
  providerName: string,
  search: string,
  cookie: (name: string) => string | undefined,
): Promise<Arrival> {
  await limitAttempts(ctx)
  const provider = await oidcProvider(ctx, providerName)
  const state = new URLSearchParams(search).getAll('state')
  const [only = ''] = state
  const attempt = state.length === 1 ? await endAttempt(ctx, only, cookie(attemptCookie(only))) : undefined
  if (attempt?.kind !== 'oidc' || attempt.provider !== provider.name)
    throw new OutsideSignInFailed({ provider: provider.title, reason: 'it took too long, or it began in another browser' })
  const { identity, idToken } = await redeemCode(ctx, provider, search, { state: only, nonce: attempt.nonce, verifier: attempt.verifier })
  const spentCookie = attemptCookie(only)
  if (attempt.linkTo) {
    await linkIdentity(ctx, provider, identity, attempt.linkTo)
    return { entered: undefined, redirectTo: attempt.redirectTo, spentCookie }
  }
  const details: Record<string, string> = {}
  if (idToken && idToken.length < 8000) details.idToken = encrypt(ctx.site, 'id-token', idToken)
  return { entered: await enter(ctx, provider, identity, details), redirectTo: attempt.redirectTo, spentCookie }
}
