import { randomUUID } from 'node:crypto'
import type { Context } from '#kernel/context/context.ts'
import { makeToken, peekToken, spendToken } from '#kernel/identity/one-time-tokens.ts'
import { guestName } from '#kernel/identity/principals.ts'
import { decrypt, encrypt } from '#kernel/identity/secrets.ts'
import { endSession } from '#kernel/identity/sessions.ts'
import { type Attempt, attemptCookie, beginAttempt, claimOnce, endAttempt, isBrowser } from './attempts.ts'
import { enter, linkIdentity } from './enter.ts'
import { OutsideSignInFailed } from './errors.ts'
import type { OutsideIdentity } from './identity.ts'
import { sessionsOfSubject, subjectHash } from './links.ts'
import { type Arrival, type Departure, limitAttempts } from './oidc-sign-in.ts'
import { type Assertion, readLogoutMessage, readSamlResponse, samlFor } from './saml-messages.ts'
import { type SamlProvider, samlProvider } from './saml-provider.ts'

/** An answer that was proven, until the browser in which the sign-in began fetches its session. */
interface Ticket {
  readonly attempt: Attempt & { readonly browser: string }
  readonly cookie: string
  readonly identity: OutsideIdentity
  readonly details: Readonly<Record<string, string>>
}

const ticketMs = 120_000
/** Longer than any assertion lives. */
const rememberedMs = 24 * 3_600_000
const purpose = 'saml-ticket'

/** Sends somebody to a SAML identity provider. @throws ProviderUnknown, RateLimitExceeded */
export async function departToSaml(
  ctx: Context,
  providerName: string,
  redirectTo: string,
  linkTo?: { user: string; session: string },
): Promise<Departure> {
  await limitAttempts(ctx)
  const provider = await samlProvider(ctx, providerName)
  const requestId = `_${randomUUID()}`
  const { state, cookie } = await beginAttempt(ctx, {
    kind: 'saml',
    provider: provider.name,
    requestId,
    redirectTo,
    ...(linkTo && { linkTo }),
  })
  return { location: await (await samlFor(provider, requestId)).getAuthorizeUrlAsync(state, undefined, {}), cookie }
}

/**
 * Takes a provider's answer, which comes as a post from its own page and so without our cookies. Nobody is signed in yet: the browser is
 * sent on with a ticket, which works once and only where the sign-in began.
 * @returns the ticket
 * @throws OutsideSignInFailed; ProviderUnknown
 */
export async function acceptSamlResponse(ctx: Context, providerName: string, message: string, relayState: string): Promise<string> {
  await limitAttempts(ctx)
  const provider = await samlProvider(ctx, providerName)
  const attempt = relayState === '' ? undefined : await endAttempt(ctx, relayState, 'checked later')
  if (attempt?.kind !== 'saml' || attempt.provider !== provider.name || !attempt.requestId)
    throw new OutsideSignInFailed({ provider: provider.title, reason: 'it took too long, or nobody here began it' })
  const assertion = await readSamlResponse(ctx, provider, message, attempt.requestId)
  if (!(await claimOnce(ctx, 'saml-message', `${provider.idpEntityId}\n${assertion.id}`, rememberedMs)))
    throw new OutsideSignInFailed({ provider: provider.title, reason: 'its answer came twice' })
  const ticket: Ticket = {
    attempt,
    cookie: attemptCookie(relayState),
    identity: identityOf(provider, assertion),
    details: { nameId: assertion.nameId, nameIdFormat: assertion.nameIdFormat, sessionIndex: assertion.sessionIndex },
  }
  const data = encrypt(ctx.site, purpose, JSON.stringify(ticket))
  return makeToken(ctx, 'saml-ticket', guestName, ticketMs, { data, keepOthers: true })
}

/** Ends a sign-in by SAML: the browser in which it began shows its ticket. @throws OutsideSignInFailed, AccountNotLinked … */
export async function arriveFromSaml(ctx: Context, ticketText: string, cookie: (name: string) => string | undefined): Promise<Arrival> {
  const token = await peekToken(ctx, 'saml-ticket', ticketText)
  const ticket = token && (JSON.parse(decrypt(ctx.site, purpose, token.data)) as Ticket)
  if (!token || !ticket || !isBrowser(ticket.attempt, cookie(ticket.cookie)) || !(await spendToken(ctx, token)))
    throw new OutsideSignInFailed({ provider: 'the provider', reason: 'it took too long, or it began in another browser' })
  const provider = await samlProvider(ctx, ticket.attempt.provider)
  if (ticket.attempt.linkTo) {
    await linkIdentity(ctx, provider, ticket.identity, ticket.attempt.linkTo)
    return { entered: undefined, redirectTo: ticket.attempt.redirectTo, spentCookie: ticket.cookie }
  }
  return {
    entered: await enter(ctx, provider, ticket.identity, ticket.details, nameHash(provider, ticket.details.nameId ?? '')),
    redirectTo: ticket.attempt.redirectTo,
    spentCookie: ticket.cookie,
  }
}

/**
 * Takes a message of the provider that a session there is over, and ends those here that came about by it.
 * @returns where to send the browser: to the provider with our answer, or home
 */
export async function takeSamlLogout(ctx: Context, providerName: string, search: string): Promise<string> {
  await limitAttempts(ctx)
  const provider = await samlProvider(ctx, providerName)
  const message = await readLogoutMessage(ctx, provider, search)
  if (message.kind === 'response') return '/login'
  if (await claimOnce(ctx, 'saml-message', `${provider.idpEntityId}\n${message.id}`, rememberedMs)) {
    // By the name, since a sign-out carries no attributes.
    for (const { session, user } of await sessionsOfName(ctx, provider, message.nameId, message.sessionIndex))
      await endSession(ctx, user, session)
  }
  return message.answer ?? '/login'
}

/** Where to end a session at the provider; undefined: it takes no sign-outs. */
export async function samlLogoutUrl(
  ctx: Context,
  providerName: string,
  details: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  const provider = await samlProvider(ctx, providerName)
  if (!provider.sloUrl || !details.nameId) return undefined
  const saml = await samlFor(provider, `_${randomUUID()}`)
  const user = {
    issuer: provider.idpEntityId,
    nameID: details.nameId,
    nameIDFormat: details.nameIdFormat ?? '',
    ...(details.sessionIndex && { sessionIndex: details.sessionIndex }),
  }
  return saml.getLogoutUrlAsync(user, '', {})
}

async function sessionsOfName(
  ctx: Context,
  provider: SamlProvider,
  nameId: string,
  index: string,
): Promise<{ session: string; user: string }[]> {
  const hash = nameHash(provider, nameId)
  const sessions = await sessionsOfSubject(ctx, hash)
  return sessions.filter(({ details }) => index === '' || !details.sessionIndex || details.sessionIndex === index)
}

/** Sessions are found by the name that sign-outs carry, which need not be what links are kept by. */
function nameHash(provider: Pick<SamlProvider, 'name' | 'idpEntityId'>, nameId: string): string {
  return subjectHash({ kind: 'saml', provider: provider.name, issuer: provider.idpEntityId, subject: `name:${nameId}` })
}

function identityOf(provider: SamlProvider, assertion: Assertion): OutsideIdentity {
  const one = (name: string): string => assertion.attributes.get(name)?.[0] ?? ''
  const isTransient = assertion.nameIdFormat.endsWith(':transient')
  const subject = provider.attributes.subject ? one(provider.attributes.subject) : isTransient ? '' : assertion.nameId
  if (subject === '') throw new OutsideSignInFailed({ provider: provider.title, reason: 'it does not say who you are for good' })
  const email = one(provider.attributes.email) || (assertion.nameId.includes('@') ? assertion.nameId : '')
  const domain = email.split('@').at(-1)?.toLowerCase() ?? ''
  return {
    kind: 'saml',
    provider: provider.name,
    issuer: provider.idpEntityId,
    subject,
    email: email || undefined,
    // A provider may say anything; it is believed about the domains that it was given.
    isEmailVerified: email !== '' && provider.domains.includes(domain),
    firstName: one(provider.attributes.first),
    lastName: one(provider.attributes.last),
    groups: assertion.attributes.get(provider.attributes.groups) ?? [],
  }
}
