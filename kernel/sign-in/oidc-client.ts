import type * as Oidc from 'openid-client'
import { AppError } from '#client/rules/errors.ts'
import type { Context } from '#kernel/context/context.ts'
import { callService } from '#kernel/external/call-service.ts'
import { demandSuccess } from '#kernel/external/outcome.ts'
import { safeFetch } from '#kernel/external/safe-fetch.ts'
import { defineService } from '#kernel/external/service.ts'
import type { Site } from '#kernel/sites/site.ts'
import { OutsideSignInFailed } from './errors.ts'
import type { OutsideIdentity } from './identity.ts'
import type { OidcProvider } from './providers.ts'

/** Providers of sign-in. Each fails on its own circuit. */
export const signInService = defineService({
  name: 'sign-in-provider',
  timeoutMs: 10_000,
  retry: { attempts: 2, firstMs: 200, mostMs: 1000 },
  degraded: 'People sign in another way, such as with their password.',
})

const toleranceSeconds = 60
const discoveryKeptMs = 10 * 60_000
const mostAnswerBytes = 512 * 1024

interface Discovered {
  readonly metadata: Oidc.ServerMetadata
  readonly until: number
}

/** The address to send a person to. @throws OutsideSignInFailed, ServiceUnavailable … */
export async function authorizationUrl(
  ctx: Context,
  provider: OidcProvider,
  attempt: { state: string; nonce: string; verifier: string },
): Promise<string> {
  const oidc = await import('openid-client')
  const configuration = await configurationOf(ctx, oidc, provider)
  const { scope: _, ...extra } = provider.extra
  return oidc.buildAuthorizationUrl(configuration, {
    ...extra,
    redirect_uri: provider.redirectUri,
    scope: provider.scope,
    response_type: 'code',
    state: attempt.state,
    code_challenge: await oidc.calculatePKCECodeChallenge(attempt.verifier),
    code_challenge_method: 'S256',
    ...(!provider.endpoints && { nonce: attempt.nonce }),
  }).href
}

/** What a provider answered, once it is proven. */
export interface Vouched {
  readonly identity: OutsideIdentity
  readonly idToken: string | undefined
}

/**
 * Exchanges a code for the person it stands for. Checked are state, `iss` where the provider sends it, PKCE, and of the ID token
 * signature, issuer, audience, times (a minute of tolerance) and nonce.
 * @param search the query of the answer, as it came
 * @throws OutsideSignInFailed; ServiceUnavailable and the like when the provider is down
 */
export async function redeemCode(
  ctx: Context,
  provider: OidcProvider,
  search: string,
  attempt: { state: string; nonce: string | undefined; verifier: string | undefined },
): Promise<Vouched> {
  const oidc = await import('openid-client')
  const configuration = await configurationOf(ctx, oidc, provider)
  try {
    const answer = new URL(provider.redirectUri)
    answer.search = search
    const tokens = await oidc.authorizationCodeGrant(configuration, answer, {
      expectedState: attempt.state,
      ...(attempt.verifier !== undefined && { pkceCodeVerifier: attempt.verifier }),
      ...(!provider.endpoints && { expectedNonce: attempt.nonce ?? '', idTokenExpected: true }),
    })
    const claims = tokens.claims()
    if (provider.endpoints) return { identity: await personOf(ctx, provider, tokens.access_token), idToken: undefined }
    if (!claims) throw new OutsideSignInFailed({ provider: provider.title, reason: 'it sent no ID token' })
    const more = configuration.serverMetadata().userinfo_endpoint
    const info =
      more && (claims.email === undefined || isMissing(claims, provider.groupsClaim))
        ? await oidc.fetchUserInfo(configuration, tokens.access_token, claims.sub)
        : {}
    return { identity: identityOf(provider, { ...info, ...claims }, claims.iss), idToken: tokens.id_token }
  } catch (error) {
    throw asFailure(provider, error)
  }
}

/** Where to end the session at the provider; undefined: it offers nothing of the kind. */
export async function endSessionUrl(
  ctx: Context,
  provider: OidcProvider,
  idToken: string | undefined,
  back: string,
): Promise<string | undefined> {
  if (provider.endpoints) return undefined
  const oidc = await import('openid-client')
  const configuration = await configurationOf(ctx, oidc, provider)
  if (!configuration.serverMetadata().end_session_endpoint) return undefined
  return oidc.buildEndSessionUrl(configuration, { post_logout_redirect_uri: back, ...(idToken && { id_token_hint: idToken }) }).href
}

async function configurationOf(ctx: Context, oidc: typeof Oidc, provider: OidcProvider): Promise<Oidc.Configuration> {
  const metadata = provider.endpoints
    ? { issuer: provider.issuer, authorization_endpoint: provider.endpoints.authorize, token_endpoint: provider.endpoints.token }
    : await discovered(ctx, oidc, provider)
  const configuration = new oidc.Configuration(
    // A copy, so that the provider's keys are read anew each time: they may have been changed a minute ago.
    { ...metadata },
    provider.clientId,
    { [oidc.clockTolerance]: toleranceSeconds },
    authentication(oidc, provider, metadata),
  )
  configuration[oidc.customFetch] = fetchFor(ctx, provider)
  if (!provider.endpoints) oidc.enableNonRepudiationChecks(configuration)
  if (isPlainAllowed(ctx.site, metadata.issuer)) oidc.allowInsecureRequests(configuration)
  return configuration
}

function authentication(oidc: typeof Oidc, { clientSecret }: OidcProvider, metadata: Oidc.ServerMetadata): Oidc.ClientAuth {
  if (!clientSecret) return oidc.None()
  const methods = metadata.token_endpoint_auth_methods_supported
  return methods?.includes('client_secret_basic') && !methods.includes('client_secret_post')
    ? oidc.ClientSecretBasic(clientSecret)
    : oidc.ClientSecretPost(clientSecret)
}

/** The provider's description of itself, kept for ten minutes. */
async function discovered(ctx: Context, oidc: typeof Oidc, provider: OidcProvider): Promise<Oidc.ServerMetadata> {
  const key = `sign-in:discovery:${provider.name}:${provider.issuer}`
  const known = ctx.site.cache.config.get(key) as Discovered | undefined
  if (known && known.until > ctx.clock.now()) return known.metadata
  if (!URL.canParse(provider.issuer)) throw new OutsideSignInFailed({ provider: provider.title, reason: 'it is not set up to its end' })
  try {
    const configuration = await oidc.discovery(new URL(provider.issuer), provider.clientId, undefined, oidc.None(), {
      [oidc.customFetch]: fetchFor(ctx, provider),
      ...(isPlainAllowed(ctx.site, provider.issuer) && { execute: [oidc.allowInsecureRequests] }),
    })
    const metadata = { ...configuration.serverMetadata() } as Oidc.ServerMetadata
    ctx.site.cache.config.set(key, { metadata, until: ctx.clock.now() + discoveryKeptMs } satisfies Discovered)
    return metadata
  } catch (error) {
    throw asFailure(provider, error)
  }
}

/** Every call goes out the guarded way. What a code is exchanged for is asked for once: a code works once. */
function fetchFor(ctx: Context, provider: OidcProvider): Oidc.CustomFetch {
  return async (url, options) => {
    const answer = await callService(
      ctx,
      signInService,
      new URL(url).pathname.slice(0, 100),
      async (signal) => {
        const fetched = await safeFetch(ctx.site, url, {
          method: options.method,
          headers: options.headers,
          ...(options.body !== undefined && options.body !== null && { body: bodyText(options.body) }),
          redirects: 0,
          maxBytes: mostAnswerBytes,
          signal,
        })
        // Refusals are answers that the protocol has words for; only outages count as such.
        return fetched.status >= 500 || fetched.status === 429
          ? demandSuccess(fetched, { service: signInService.name, operation: provider.name }, ctx.clock.now())
          : fetched
      },
      { circuit: provider.name, once: options.method !== 'GET', ...(options.signal && { signal: options.signal }) },
    )
    const hasBody = answer.status !== 204 && answer.status !== 304
    return new Response(hasBody ? Buffer.from(answer.body) : null, { status: answer.status, headers: answer.headers })
  }
}

function bodyText(body: Oidc.FetchBody): string | Uint8Array {
  if (typeof body === 'string' || body instanceof Uint8Array) return body
  if (body instanceof URLSearchParams) return body.toString()
  throw new TypeError('A body of this kind is never sent.')
}

/** Whether an address without TLS may be used: only what an operator listed as being on the inside. */
export function isPlainAllowed(site: Pick<Site, 'config'>, address: string): boolean {
  if (!URL.canParse(address)) return false
  const { protocol, host, hostname } = new URL(address)
  const list = site.config.external_allow
  return protocol === 'http:' && Array.isArray(list) && list.some((entry) => entry === host || entry === hostname)
}

async function personOf(ctx: Context, provider: OidcProvider, accessToken: string): Promise<OutsideIdentity> {
  const address = new URL(provider.endpoints?.person ?? '')
  for (const [name, value] of Object.entries(provider.personArgs)) address.searchParams.set(name, value)
  const person = (await ask(ctx, provider, address.href, accessToken)) as Record<string, unknown>
  if (provider.preset !== 'GitHub') return identityOf(provider, person, provider.issuer)
  const addresses = await ask(ctx, provider, `${address.origin}${address.pathname}/emails`, accessToken)
  const primary = (Array.isArray(addresses) ? addresses : []).find((one) => one?.primary === true)
  return identityOf(provider, { ...person, email: primary?.email, email_verified: primary?.verified }, provider.issuer)
}

async function ask(ctx: Context, provider: OidcProvider, url: string, accessToken: string): Promise<unknown> {
  const answer = await fetchFor(ctx, provider)(url, {
    method: 'GET',
    headers: { accept: 'application/json', authorization: `Bearer ${accessToken}` },
    body: undefined,
    redirect: 'manual',
  })
  if (!answer.ok) throw new OutsideSignInFailed({ provider: provider.title, reason: 'it does not say who you are' })
  return answer.json()
}

function identityOf(provider: OidcProvider, claims: Record<string, unknown>, issuer: string): OutsideIdentity {
  const text = (name: string): string => (typeof claims[name] === 'string' ? claims[name] : '')
  const subject = claims[provider.subjectClaim]
  if ((typeof subject !== 'string' && typeof subject !== 'number') || subject === '')
    throw new OutsideSignInFailed({ provider: provider.title, reason: 'it does not say who you are' })
  const [first = '', ...rest] = text('name').trim().split(/\s+/)
  return {
    kind: 'oidc',
    provider: provider.name,
    issuer,
    subject: String(subject),
    email: text('email') || undefined,
    isEmailVerified: isVerified(provider, claims),
    firstName: text('given_name') || text('first_name') || first,
    lastName: text('family_name') || text('last_name') || rest.join(' '),
    groups: textsAt(claims, provider.groupsClaim),
  }
}

/** Microsoft's tenants let their administrators write any address into a profile: only its own mark of a verified domain counts. */
function isVerified({ preset }: OidcProvider, claims: Record<string, unknown>): boolean {
  const mark = preset === 'Office 365' ? claims.xms_edov : claims.email_verified
  return mark === true || mark === 'true' || (preset === 'Office 365' && (mark === 1 || mark === '1'))
}

/** The texts at a path such as `realm_access.roles`. */
function textsAt(claims: Record<string, unknown>, path: string): string[] {
  if (path === '') return []
  // A claim may have dots in its own name, as a URL does.
  const value = Object.hasOwn(claims, path)
    ? claims[path]
    : path
        .split('.')
        .reduce<unknown>(
          (at, key) => (typeof at === 'object' && at !== null && Object.hasOwn(at, key) ? (at as Record<string, unknown>)[key] : undefined),
          claims,
        )
  return (Array.isArray(value) ? value : [value]).filter((one) => typeof one === 'string')
}

function isMissing(claims: Record<string, unknown>, path: string): boolean {
  return path !== '' && textsAt(claims, path).length === 0
}

/** The library's reasons are for the log; people get one that they can act on. */
function asFailure(provider: OidcProvider, error: unknown): unknown {
  if (error instanceof AppError) return error
  let cause: unknown = error
  for (let depth = 0; depth < 5 && cause instanceof Error; depth++) {
    if (cause instanceof AppError) return cause
    cause = cause.cause
  }
  const wasDenied = error instanceof Error && 'error' in error && error.error === 'access_denied'
  const reason = wasDenied ? 'you or the provider said no' : 'its answer could not be verified'
  return new OutsideSignInFailed({ provider: provider.title, reason }, { cause: error })
}
