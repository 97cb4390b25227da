import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Context } from '#kernel/context/context.ts'
import { authenticate } from '#kernel/identity/authenticate.ts'
import { profileScope } from '#kernel/identity/bearer-tokens.ts'
import { InvalidCredential } from '#kernel/identity/errors.ts'
import { guest } from '#kernel/identity/principals.ts'
import { networkOf } from '#kernel/identity/sign-in-failures.ts'
import { takeRequest, demandRate } from '#kernel/limits/rate-limit.ts'
import { isClientSecret, oauthClient, type OAuthClient } from '#kernel/oauth/clients.ts'
import { personClaims } from '#kernel/oauth/id-token.ts'
import { oauthPaths } from '#kernel/oauth/metadata.ts'
import { clientCredentials, introspect, redeemAuthorizationCode, refreshTokens, revokeToken, scopesOfToken } from '#kernel/oauth/tokens.ts'
import { acceptSamlResponse } from '#kernel/sign-in/saml-sign-in.ts'
import type { Site } from '#kernel/sites/site.ts'
import { AppError } from '#client/rules/errors.ts'
import { answerHeaders, corsHeaders } from './headers.ts'
import { readForm } from './read-body.ts'
import { signInProblem } from './sign-in-pages.ts'

type FindSite = (headers: FastifyRequest['headers']) => Promise<Site>

/** An answer by OAuth's names, with its status. */
interface OAuthAnswer {
  readonly status: number
  readonly body: unknown
  readonly challenge?: string
}

const perNetwork = { limit: 600, windowMs: 60_000 }
/** Wrong secrets from one network. */
const failuresPerNetwork = { limit: 20, windowMs: 60_000 }

/**
 * The addresses of OAuth and SAML that programs and other sites post to. They stand apart from all others: who calls is a client with its
 * own credentials, and neither sessions nor CSRF tokens mean anything here.
 */
export function serveOAuth(app: FastifyInstance, findSite: FindSite): void {
  const post = (url: string, work: (ctx: Context, params: Params, client: OAuthClient) => Promise<OAuthAnswer>) =>
    app.post(url, async (request, reply) => send(request, reply, findSite, (site) => asClient(site, request, work)))
  post(oauthPaths.token, token)
  post(oauthPaths.revoke, async (ctx, params, client) => {
    await revokeToken(ctx, client, params.token ?? '')
    return { status: 200, body: {} }
  })
  post(oauthPaths.introspect, async (ctx, params, client) => {
    if (client.isPublic) return unauthorised
    return { status: 200, body: await introspect(ctx, client, params.token ?? '') }
  })
  app.route({
    method: ['GET', 'POST'],
    url: oauthPaths.profile,
    handler: async (request, reply) => send(request, reply, findSite, (site) => profile(site, request)),
  })
  app.post<{ Params: { provider: string } }>('/api/saml/acs/:provider', async (request, reply) =>
    takeSaml(await findSite(request.headers), request, reply, request.params.provider),
  )
}

type Params = Readonly<Record<string, string>>

async function token(ctx: Context, params: Params, client: OAuthClient): Promise<OAuthAnswer> {
  const outcome = await tokenFor(ctx, params, client)
  return { status: 'error' in outcome ? 400 : 200, body: outcome }
}

async function tokenFor(ctx: Context, params: Params, client: OAuthClient) {
  switch (params.grant_type) {
    case 'authorization_code':
      return redeemAuthorizationCode(ctx, client, {
        code: params.code ?? '',
        redirectUri: params.redirect_uri ?? '',
        verifier: params.code_verifier ?? '',
      })
    case 'refresh_token':
      return refreshTokens(ctx, client, { refreshToken: params.refresh_token ?? '', scope: params.scope ?? '' })
    case 'client_credentials':
      return clientCredentials(ctx, client, params.scope ?? '')
    default:
      return { error: 'unsupported_grant_type', error_description: 'Use authorization_code, refresh_token or client_credentials.' }
  }
}

const unauthorised: OAuthAnswer = {
  status: 401,
  body: { error: 'invalid_client', error_description: 'The client is unknown, or its secret is wrong.' },
  challenge: 'Basic realm="oauth"',
}

/** Finds out which client calls, and lets it work in one unit. A refusal is an answer here, so what led to it is kept. */
async function asClient(
  site: Site,
  request: FastifyRequest,
  work: (ctx: Context, params: Params, client: OAuthClient) => Promise<OAuthAnswer>,
): Promise<OAuthAnswer> {
  const network = networkOf(request.ip)
  await demandRate(site, `oauth:${network}`, perNetwork)
  const params = paramsOf(request)
  if (!params)
    return {
      status: 400,
      body: { error: 'invalid_request', error_description: 'The request must be a form that has each parameter once.' },
    }
  return site.run(
    guest,
    async (ctx) => {
      const client = await clientOf(ctx, request, params)
      if (client) return work(ctx, params, client)
      await demandRate(site, `oauth-failure:${network}`, failuresPerNetwork)
      return unauthorised
    },
    { id: request.id, ip: request.ip, via: 'http' },
  )
}

async function clientOf(ctx: Context, request: FastifyRequest, params: Params): Promise<OAuthClient | undefined> {
  const basic = basicCredentials(request.headers.authorization)
  // Two ways at once are a client that does not know who it is.
  if (basic && (params.client_secret !== undefined || (params.client_id !== undefined && params.client_id !== basic.id))) return undefined
  if (!basic && request.headers.authorization !== undefined) return undefined
  const id = basic?.id ?? params.client_id ?? ''
  const secret = basic?.secret ?? params.client_secret
  const client = await oauthClient(ctx, id)
  if (!client) return undefined
  if (client.isPublic) return secret === undefined || secret === '' ? client : undefined
  return secret !== undefined && (await isClientSecret(ctx, client, secret)) ? client : undefined
}

function basicCredentials(header: string | undefined): { id: string; secret: string } | undefined {
  const encoded = /^basic ([A-Za-z0-9+/_-]+={0,2})$/i.exec(header ?? '')?.[1]
  if (!encoded) return undefined
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  try {
    return colon < 0 ? undefined : { id: formDecoded(text.slice(0, colon)), secret: formDecoded(text.slice(colon + 1)) }
  } catch {
    return undefined
  }
}

function formDecoded(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '))
}

/** The form's fields; undefined where it is none, or has one twice. What stands in the address does not count: addresses are logged. */
function paramsOf(request: FastifyRequest): Params | undefined {
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/x-www-form-urlencoded' || !Buffer.isBuffer(request.body)) return undefined
  try {
    return readForm(request.body.toString('utf8')) as Params
  } catch {
    return undefined
  }
}

/** Who the user of a token is. */
async function profile(site: Site, request: FastifyRequest): Promise<OAuthAnswer> {
  await site.freshen()
  const { principal } = await authenticate(site, { authorization: request.headers.authorization, ip: request.ip, verb: 'GET' })
  await takeRequest(site, principal.credential ?? `ip:${request.ip}`)
  const credential = principal.credential ?? ''
  if (!credential.startsWith('oauth:')) throw new InvalidCredential({})
  if (!principal.scopes?.includes(profileScope))
    return { status: 403, body: { error: 'insufficient_scope' }, challenge: 'Bearer error="insufficient_scope", scope="openid"' }
  const body = await site.run(
    principal,
    async (ctx) => personClaims(ctx, principal.name, await scopesOfToken(ctx, credential.slice('oauth:'.length))),
    { id: request.id, ip: request.ip, via: 'http' },
  )
  return { status: 200, body }
}

async function send(
  request: FastifyRequest,
  reply: FastifyReply,
  findSite: FindSite,
  work: (site: Site) => Promise<OAuthAnswer>,
): Promise<FastifyReply> {
  const site = await findSite(request.headers)
  const answer = await work(site).catch((error: unknown): OAuthAnswer => {
    if (!(error instanceof AppError) || error.status >= 500) throw error
    const challenge = error.status === 401 ? { challenge: 'Bearer error="invalid_token"' } : {}
    const name = error.status === 401 ? 'invalid_token' : error.status === 429 ? 'temporarily_unavailable' : 'invalid_request'
    return { status: error.status, body: { error: name, error_description: error.message }, ...challenge }
  })
  reply.code(answer.status).headers({ ...answerHeaders, 'x-request-id': request.id, pragma: 'no-cache' })
  if (site.config.allow_cors) reply.headers(corsHeaders(site, request.headers) ?? {})
  if (answer.challenge) reply.header('www-authenticate', answer.challenge)
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(answer.body))
}

/** The answer of a SAML provider, posted by its page. The browser goes on to where its own cookies come along. */
async function takeSaml(site: Site, request: FastifyRequest, reply: FastifyReply, provider: string): Promise<FastifyReply> {
  const params = paramsOf(request) ?? {}
  try {
    const ticket = await site.run(guest, (ctx) => acceptSamlResponse(ctx, provider, params.SAMLResponse ?? '', params.RelayState ?? ''), {
      id: request.id,
      ip: request.ip,
      via: 'http',
    })
    const location = `/api/method/orchestrator.sign_in.saml_continue?ticket=${ticket}`
    return reply
      .code(303)
      .headers({ ...answerHeaders, 'referrer-policy': 'no-referrer', location })
      .send('')
  } catch (error) {
    if (!(error instanceof AppError) || error.status >= 500) throw error
    const { status = 400, headers = {}, raw } = signInProblem(error)
    return reply
      .code(status)
      .headers({ ...answerHeaders, ...headers })
      .type(raw?.type ?? 'text/plain')
      .send(raw?.body ?? '')
  }
}
