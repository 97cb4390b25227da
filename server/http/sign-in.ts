import { parse, serialize } from 'cookie'
import { AppError } from '#client/rules/errors.ts'
import type { Context } from '#kernel/context/context.ts'
import { sessionIdOf } from '#kernel/identity/authenticate.ts'
import { LinkUsedOrExpired } from '#kernel/identity/errors.ts'
import { peekToken } from '#kernel/identity/one-time-tokens.ts'
import { siteAddress } from '#kernel/identity/users.ts'
import { answerConsent, authorize, type AuthorizeStep } from '#kernel/oauth/authorize.ts'
import { publicKeys } from '#kernel/oauth/keys.ts'
import { oauthMetadata, oauthPaths } from '#kernel/oauth/metadata.ts'
import { spendNow } from '#kernel/sign-in/attempts.ts'
import { ProviderUnknown } from '#kernel/sign-in/errors.ts'
import { localPath } from '#kernel/sign-in/local-path.ts'
import { type Arrival, arriveFromOidc, type Departure, departToOidc } from '#kernel/sign-in/oidc-sign-in.ts'
import { providerOfMethod } from '#kernel/sign-in/providers.ts'
import { samlMetadata, samlProvider } from '#kernel/sign-in/saml-provider.ts'
import { arriveFromSaml, departToSaml, takeSamlLogout } from '#kernel/sign-in/saml-sign-in.ts'
import { VerbRefused } from './errors.ts'
import type { Answer, Call, Handler, Route } from './exchange.ts'
import { html, type Markup } from './html.ts'
import { secretPage } from './page-answer.ts'
import { codePage, confirmEmailPage, csrfField, loginPage, passwordPage, seeOther, signInProblem, welcome } from './sign-in-pages.ts'

const cookieSeconds = 600
const logins = '/api/method/frappe.integrations.oauth2_logins.'

/** The addresses of signing in that browsers open: pages, and the ways to providers and back. Undefined: it is none. */
export function signInRoute(path: string): Route | undefined {
  switch (path) {
    case '/login':
      return route(['GET', 'POST'], loginPage)
    case '/update-password':
      return route(['GET', 'POST'], passwordPage)
    case '/confirm-email':
      return route(['GET', 'POST'], confirmEmailPage)
    case '/api/method/orchestrator.sign_in.start':
      return browserRoute(start)
    case '/api/method/orchestrator.sign_in.saml_continue':
      return browserRoute((ctx, call) => arriving(ctx, arriveFromSaml(ctx, textOf(call.query.ticket), cookiesOf(call))))
    case oauthPaths.authorize:
      return browserRoute(async (ctx, call) => authorizeAnswer(ctx, call, await authorize(ctx, call.query)))
    case oauthPaths.approve:
      return route(['POST'], async (ctx, call) =>
        authorizeAnswer(ctx, call, await answerConsent(ctx, textOf(call.params.request), call.params.decision === 'allow')),
      )
    case '/.well-known/openid-configuration':
    case '/.well-known/oauth-authorization-server':
      return route(['GET'], async (ctx) => jsonAnswer(oauthMetadata(ctx)))
    case oauthPaths.keys:
      return route(['GET'], async (ctx) => jsonAnswer(await publicKeys(ctx)))
  }
  if (path.startsWith(logins)) return browserRoute(callback)
  if (path.startsWith('/api/saml/metadata/')) return route(['GET'], metadata)
  if (path.startsWith('/api/saml/slo/'))
    return browserRoute(async (ctx, call) => seeOther(await takeSamlLogout(ctx, lastPart(call.path), call.search ?? '')))
  return undefined
}

function route(verbs: readonly Call['verb'][], handler: Handler): Route {
  return {
    version: 1,
    handler: (ctx, call) => {
      if (!verbs.includes(call.verb)) throw new VerbRefused({ path: call.path, verb: call.verb, allowed: verbs })
      return handler(ctx, call)
    },
  }
}

/** A GET that somebody's browser comes by: what goes wrong is a page with a way on. */
function browserRoute(handler: Handler): Route {
  const base = route(['GET'], async (ctx, call) => {
    try {
      return await handler(ctx, call)
    } catch (error) {
      if (!(error instanceof AppError) || error.status >= 500) throw error
      await ctx.db.rollback()
      return signInProblem(error)
    }
  })
  return { ...base, commitsOnGet: true }
}

async function start(ctx: Context, call: Call): Promise<Answer> {
  const provider = textOf(call.query.provider)
  const linkTo = call.query.link === undefined ? undefined : await linkOf(ctx, textOf(call.query.link))
  const redirectTo = localPath(call.query['redirect-to'], '')
  return leaving(ctx, await (call.query.kind === 'saml' ? departToSaml : departToOidc)(ctx, provider, redirectTo, linkTo))
}

/** Whoever links an identity comes with a token that their own session asked for. */
async function linkOf(ctx: Context, token: string): Promise<{ user: string; session: string }> {
  const found = await peekToken(ctx, 'sign-in-link', token)
  if (!found || found.user !== ctx.user.name || found.data !== sessionIdOf(ctx.user)) throw new LinkUsedOrExpired({})
  if (!(await spendNow(ctx, found))) throw new LinkUsedOrExpired({})
  return { user: found.user, session: found.data }
}

function leaving(ctx: Context, { location, cookie }: Departure): Answer {
  return seeOther(location, { 'set-cookie': attemptCookieText(ctx, cookie.name, cookie.value, cookieSeconds) })
}

async function callback(ctx: Context, call: Call): Promise<Answer> {
  const rest = call.path.slice(logins.length)
  const custom = rest.startsWith('custom/') ? decodedPart(rest.slice('custom/'.length)) : undefined
  const name = custom ?? (rest.startsWith('login_via_') ? await providerOfMethod(ctx, rest.slice('login_via_'.length)) : undefined)
  if (name === undefined) throw new ProviderUnknown({ field: 'provider', provider: rest.slice(0, 140) })
  return arriving(ctx, arriveFromOidc(ctx, name, call.search ?? '', cookiesOf(call)))
}

async function arriving(ctx: Context, coming: Promise<Arrival>): Promise<Answer> {
  const { entered, redirectTo, spentCookie } = await coming
  const answer = !entered
    ? seeOther(redirectTo || '/app')
    : entered.kind === 'signed-in'
      ? await welcome(ctx, entered, redirectTo, false)
      : await codePage(ctx, entered, redirectTo, '')
  return { ...answer, headers: { ...answer.headers, 'set-cookie': attemptCookieText(ctx, spentCookie, '', 0) } }
}

/** Lax, so that it comes along when the provider sends the browser back, and with nothing that another site posts. */
function attemptCookieText(ctx: Context, name: string, value: string, maxAge: number): string {
  return serialize(name, value, { path: '/', httpOnly: true, sameSite: 'lax', secure: siteAddress(ctx).startsWith('https:'), maxAge })
}

async function metadata(ctx: Context, call: Call): Promise<Answer> {
  return { raw: { type: 'application/samlmetadata+xml; charset=utf-8', body: samlMetadata(await samlProvider(ctx, lastPart(call.path))) } }
}

async function authorizeAnswer(ctx: Context, call: Call, step: AuthorizeStep): Promise<Answer> {
  switch (step.kind) {
    case 'refused':
      return {
        ...secretPage('Refused', html`<h1>This does not work</h1><p role="alert">${step.reason}</p><p><a href="/">Start page</a></p>`),
        status: 400,
      }
    case 'redirect':
      return seeOther(step.location)
    case 'sign-in':
      return seeOther(`/login?redirect-to=${encodeURIComponent(`${call.path}?${call.search ?? ''}`)}`)
    case 'consent':
      return consentPage(ctx, step)
  }
}

async function consentPage(
  ctx: Context,
  { client, scopes, request, target }: Extract<AuthorizeStep, { kind: 'consent' }>,
): Promise<Answer> {
  const { protocol, origin } = new URL(target)
  const body = html`
    <h1>${client.title} wants to act for you</h1>
    <p>You are signed in to ${ctx.site.host} as <strong>${ctx.user.fullName}</strong> (${ctx.user.name}). Afterwards you are sent to <strong>${origin === 'null' ? protocol : origin}</strong>.</p>
    <p>It would:</p>
    <ul>${scopes.map((scope) => html`<li>${meaningOf(scope)}</li>`)}</ul>
    <form class="card" method="post" action="${oauthPaths.approve}">
      ${await csrfField(ctx)}
      <input type="hidden" name="request" value="${request}">
      <button name="decision" value="allow">Allow</button>
      <button name="decision" value="deny">Do not allow</button>
    </form>`
  // Browsers hold the redirect that follows the form against this list, too.
  return secretPage(`${client.title} wants to act for you`, body, origin === 'null' ? protocol : origin)
}

function meaningOf(scope: string): Markup {
  const known: Record<string, string> = {
    openid: 'know who you are',
    profile: 'know your name and picture',
    email: 'know your address',
    all: 'read and change whatever you may, except your keys and sessions',
    read: 'read whatever you may',
    write: 'read and change whatever you may',
  }
  return html`${known[scope] ?? `use ${decodedPart(scope)}`}`
}

function jsonAnswer(value: unknown): Answer {
  return {
    headers: { 'cache-control': 'public, max-age=300', 'access-control-allow-origin': '*' },
    raw: { type: 'application/json; charset=utf-8', body: JSON.stringify(value) },
  }
}

function cookiesOf(call: Call): (name: string) => string | undefined {
  const cookies = parse(call.headers.cookie ?? '')
  return (name) => cookies[name]
}

function lastPart(path: string): string {
  return decodedPart(path.split('/').at(-1) ?? '')
}

function decodedPart(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
