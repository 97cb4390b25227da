import type { Context } from '#kernel/context/context.ts'
import { sql } from '#kernel/database/sql.ts'
import { sessionIdOf } from '#kernel/identity/authenticate.ts'
import { keyScopes } from '#kernel/identity/bearer-tokens.ts'
import { BadIdentityInput } from '#kernel/identity/errors.ts'
import { guestName } from '#kernel/identity/principals.ts'
import { readSigned, signText } from '#kernel/identity/secrets.ts'
import { loadSession } from '#kernel/identity/sessions.ts'
import { siteAddress } from '#kernel/identity/users.ts'
import { getSingle } from '#kernel/documents/load.ts'
import { isRedirectUri, oauthClient, type OAuthClient } from './clients.ts'
import { issueCode, isUsable } from './tokens.ts'

/** What the browser of somebody whom a client sent here is to see next. */
export type AuthorizeStep =
  /** The request is so wrong that nobody knows whom to tell but the person. */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'redirect'; readonly location: string }
  | { readonly kind: 'sign-in' }
  /** Ask the person; `request` comes back with the answer. */
  | {
      readonly kind: 'consent'
      readonly client: OAuthClient
      readonly scopes: readonly string[]
      readonly request: string
      readonly target: string
    }

interface AuthorizeRequest {
  readonly client: string
  readonly redirectUri: string
  readonly state: string | undefined
  readonly scopes: readonly string[]
  readonly challenge: string | undefined
  readonly nonce: string | undefined
}

const consentMs = 10 * 60_000
const purpose = 'oauth-consent'

/**
 * Answers an authorization request (response type `code`; PKCE with S256, which clients without a secret must use). A wrong client or
 * redirect address is told to the person only; everything else goes back to the client, with `iss`.
 * @param params each at most once
 */
export async function authorize(ctx: Context, params: Readonly<Record<string, unknown>>): Promise<AuthorizeStep> {
  const text = (name: string): string => (typeof params[name] === 'string' ? (params[name] as string) : '')
  const client = await oauthClient(ctx, text('client_id'))
  if (!client) return { kind: 'refused', reason: 'The program that sent you here is not known to this site.' }
  const redirectUri = text('redirect_uri') || (client.redirectUris.length === 1 ? (client.redirectUris[0] ?? '') : '')
  if (!isRedirectUri(client, redirectUri))
    return { kind: 'refused', reason: `${client.title} sent you here with a return address that is not its own.` }
  const state = text('state') || undefined
  const back = (error: string, description: string): AuthorizeStep => ({
    kind: 'redirect',
    location: answerUrl(ctx, redirectUri, { error, error_description: description, state }),
  })
  if (Object.values(params).some((value) => Array.isArray(value))) return back('invalid_request', 'A parameter came twice.')
  if (!client.mayUseCode) return back('unauthorized_client', 'This client may not ask people.')
  if (text('response_type') !== 'code') return back('unsupported_response_type', 'Only the response type code is supported.')
  if (text('request') !== '' || text('request_uri') !== '') return back('request_not_supported', 'Request objects are not supported.')
  const challenge = text('code_challenge')
  if (challenge !== '' && (text('code_challenge_method') !== 'S256' || !/^[A-Za-z0-9_-]{43}$/.test(challenge)))
    return back('invalid_request', 'The code challenge method must be S256.')
  if (challenge === '' && client.isPublic) return back('invalid_request', 'Clients without a secret must send a code challenge.')
  const scopes =
    text('scope') === ''
      ? client.scopes
      : [
          ...new Set(
            text('scope')
              .split(' ')
              .filter((scope) => scope !== ''),
          ),
        ]
  if (scopes.length === 0 || scopes.some((scope) => !client.scopes.includes(scope)) || !areScopes(scopes))
    return back('invalid_scope', 'The client may not ask for these scopes.')
  const prompt = text('prompt').split(' ')
  const session = sessionIdOf(ctx.user)
  if (!session) return prompt.includes('none') ? back('login_required', 'Nobody is signed in.') : signInStep(ctx)
  if (!(await isUsable(ctx, client, ctx.user.name))) return back('access_denied', 'This user may not use the client.')
  const request: AuthorizeRequest = {
    client: client.id,
    redirectUri,
    state,
    scopes,
    challenge: challenge || undefined,
    nonce: text('nonce').slice(0, 500) || undefined,
  }
  if (!prompt.includes('consent') && (await skipsConsent(ctx, client, scopes))) return grant(ctx, client, request)
  if (prompt.includes('none')) return back('consent_required', 'The user must be asked.')
  const signed = signText(ctx.site, purpose, JSON.stringify([session, request]), ctx.clock.now() + consentMs)
  return { kind: 'consent', client, scopes, request: signed, target: redirectUri }
}

/**
 * Takes the answer to the question. It counts only in the session that was asked, and for exactly what was asked.
 * @param request as the question carried it
 */
export async function answerConsent(ctx: Context, request: string, isAllowed: boolean): Promise<AuthorizeStep> {
  const text = readSigned(ctx.site, purpose, request)
  const [session, asked] = text === undefined ? [] : (JSON.parse(text) as [string, AuthorizeRequest])
  const client = asked && (await oauthClient(ctx, asked.client))
  if (!asked || !client || session !== sessionIdOf(ctx.user) || !isRedirectUri(client, asked.redirectUri))
    return { kind: 'refused', reason: 'This question is too old, or another session was asked. Go back to the program and begin again.' }
  if (!isAllowed) {
    const answer = { error: 'access_denied', error_description: 'The user said no.', state: asked.state }
    return { kind: 'redirect', location: answerUrl(ctx, asked.redirectUri, answer) }
  }
  if (!(await isUsable(ctx, client, ctx.user.name))) return { kind: 'refused', reason: `You may not use ${client.title}.` }
  return grant(ctx, client, asked)
}

function signInStep(ctx: Context): AuthorizeStep {
  // A key or a token is a program's; only a person can agree.
  return ctx.user.name === guestName
    ? { kind: 'sign-in' }
    : { kind: 'refused', reason: 'Only somebody who is signed in with a session can agree to this.' }
}

async function grant(ctx: Context, client: OAuthClient, request: AuthorizeRequest): Promise<AuthorizeStep> {
  const session = await loadSession(ctx.site, sessionIdOf(ctx.user) ?? '')
  const code = await issueCode(ctx, {
    client,
    user: ctx.user.name,
    scopes: request.scopes,
    redirectUri: request.redirectUri,
    challenge: request.challenge,
    nonce: request.nonce,
    signedInAt: session?.created ?? ctx.clock.now(),
  })
  return { kind: 'redirect', location: answerUrl(ctx, request.redirectUri, { code, state: request.state }) }
}

/** Trusted clients, and where the settings say so those to whom the user has allowed as much. A client that can keep no secret is always asked about. */
async function skipsConsent(ctx: Context, client: OAuthClient, scopes: readonly string[]): Promise<boolean> {
  if (client.isPublic) return false
  if (client.skipsConsent) return true
  const settings = await getSingle(ctx.asSystem('OAuth'), 'OAuth Provider Settings')
  if (settings.skip_authorization !== 'Auto') return false
  const rows = await ctx.db.query<{ scopes: string | null }>(
    ctx.db.dialect.compile(sql`select scopes from ${sql.id('tabOAuth Bearer Token')}
      where client = ${client.id} and ${sql.id('user')} = ${ctx.user.name} and status = ${'Active'}`),
  )
  return rows.some((row) => scopes.every((scope) => (row.scopes ?? '').split(' ').includes(scope)))
}

function areScopes(scopes: readonly string[]): boolean {
  try {
    keyScopes(scopes)
    return true
  } catch (error) {
    if (BadIdentityInput.is(error)) return false
    throw error
  }
}

function answerUrl(ctx: Context, redirectUri: string, answer: Readonly<Record<string, string | undefined>>): string {
  const url = new URL(redirectUri)
  for (const [name, value] of Object.entries({ ...answer, iss: siteAddress(ctx) }))
    if (value !== undefined) url.searchParams.set(name, value)
  return url.href
}
