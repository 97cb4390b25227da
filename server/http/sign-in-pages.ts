import { AppError } from '#client/rules/errors.ts'
import type { Context } from '#kernel/context/context.ts'
import { sessionIdOf } from '#kernel/identity/authenticate.ts'
import { confirmEmailChange } from '#kernel/identity/email-change.ts'
import { InvalidLogin, LinkUsedOrExpired } from '#kernel/identity/errors.ts'
import { peekToken } from '#kernel/identity/one-time-tokens.ts'
import { newPasswordPath, setPasswordByLink } from '#kernel/identity/password-change.ts'
import { announceSession } from '#kernel/identity/session-cookies.ts'
import { csrfTokenOf, endSession } from '#kernel/identity/sessions.ts'
import { mustRenewPassword, type SecondFactorAsked, type SignedIn, signIn, signInWithCode } from '#kernel/identity/sign-in.ts'
import { siteAddress } from '#kernel/identity/users.ts'
import { oauthPaths } from '#kernel/oauth/metadata.ts'
import { localPath } from '#kernel/sign-in/local-path.ts'
import { signInWays } from '#kernel/sign-in/providers.ts'
import { CrossSiteForm } from './errors.ts'
import type { Answer, Call } from './exchange.ts'
import { html, type Markup } from './html.ts'
import { plainPage, secretPage } from './page-answer.ts'

/** The pages of sign-in: plain forms, which work without scripts. */

/** `/login`: password, code, and the buttons of providers. */
export async function loginPage(ctx: Context, call: Call): Promise<Answer> {
  const redirectTo = localPath(call.verb === 'POST' ? call.params.redirect_to : call.query['redirect-to'], '')
  if (call.verb !== 'POST') return loginForm(ctx, redirectTo, '', 200)
  demandOwnForm(ctx, call)
  const text = (name: string): string => (typeof call.params[name] === 'string' ? (call.params[name] as string) : '')
  try {
    if (text('tmp_id') !== '') return await welcome(ctx, await signInWithCode(ctx, text('tmp_id'), text('otp'), 'browser'), redirectTo)
    if (text('usr') === '' || text('pwd') === '') throw new InvalidLogin({})
    const outcome = await signIn(ctx, text('usr'), text('pwd'), 'browser')
    return outcome.kind === 'signed-in' ? await welcome(ctx, outcome, redirectTo) : await codePage(ctx, outcome, redirectTo, '')
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    await ctx.db.rollback()
    if (text('tmp_id') !== '')
      return codePage(ctx, { kind: 'second-factor', tmpId: text('tmp_id') }, redirectTo, error.message, error.status)
    return loginForm(ctx, redirectTo, error.message, error.status)
  }
}

/** What follows when somebody has signed in: the cookies, and where they wanted to go. */
export async function welcome(ctx: Context, entered: SignedIn, redirectTo: string, isByPassword = true): Promise<Answer> {
  const { sid, session, principal, userImage, recoveryCodes } = entered
  if (isByPassword && (await mustRenewPassword(ctx, principal.name))) {
    const path = await newPasswordPath(ctx, principal.name)
    await endSession(ctx, principal.name, session.id)
    return seeOther(path)
  }
  announceSession(ctx, { sid, session }, principal, userImage)
  const path = redirectTo || (principal.userType === 'System User' ? '/app' : '/')
  if (recoveryCodes)
    return secretPage(
      'Recovery codes',
      html`<h1>Keep these recovery codes</h1>
      <p>Each works once in place of a code of your app. They are shown this once.</p>
      <ul>${recoveryCodes.map((code) => html`<li><code>${code}</code></li>`)}</ul>
      <p><a href="${path}">Go on</a></p>`,
    )
  return goOn(path)
}

/** Asks for the code of an authenticator app. */
export async function codePage(ctx: Context, asked: SecondFactorAsked, redirectTo: string, problem: string, status = 200): Promise<Answer> {
  const enrolment = asked.enrolment
    ? html`<p>Your account needs a second factor. Add this key to an authenticator app, then enter its code:</p><pre>${asked.enrolment.secret}</pre>`
    : html`<p>Enter the code of your authenticator app, or a recovery code.</p>`
  const body = html`
    <h1>One more step</h1>
    ${enrolment}
    <form class="card" method="post" action="/login">
      ${await csrfField(ctx)}
      <input type="hidden" name="tmp_id" value="${asked.tmpId}">
      <input type="hidden" name="redirect_to" value="${redirectTo}">
      <label>Code <input name="otp" autocomplete="one-time-code" required autofocus></label>
      <button>Sign in</button>
      ${alert(problem)}
    </form>
    <p><a href="/login">Begin again</a></p>`
  return { ...secretPage('One more step', body), status }
}

async function loginForm(ctx: Context, redirectTo: string, problem: string, status: number): Promise<Answer> {
  const ways = await signInWays(ctx)
  const onwards = redirectTo === '' ? '' : `&redirect-to=${encodeURIComponent(redirectTo)}`
  const note = ctx.site.apps.has('sample') ? html`<p>Logins of the sample are printed by <code>npm start</code>.</p>` : html``
  const body = html`
    <header><h1>Sign in</h1><p>${ctx.site.host}</p></header>
    ${ctx.user.name === 'Guest' ? html`` : html`<p>You are signed in as ${ctx.user.fullName}. <a href="/app">Go on</a>, or sign in as somebody else.</p>`}
    <form class="card" method="post" action="/login">
      ${await csrfField(ctx)}
      <input type="hidden" name="redirect_to" value="${redirectTo}">
      <label>User <input name="usr" autocomplete="username" required></label>
      <label>Password <input name="pwd" type="password" autocomplete="current-password" required></label>
      <button>Sign in</button>
      ${note}
      ${alert(problem)}
    </form>
    ${ways.length === 0 ? html`` : html`<h2>Or sign in with</h2><ul>${ways.map((way) => html`<li><a href="${way.url + onwards}">${way.provider_name}</a></li>`)}</ul>`}`
  return { ...plainPage('Sign in', body), status }
}

/** What went wrong with a provider, and the other ways in. */
export function signInProblem(error: AppError): Answer {
  const body = html`<h1>You are not signed in</h1><p role="alert">${error.message}</p><p><a href="/login">All ways to sign in</a></p>`
  return { ...secretPage('Sign in', body), status: error.status }
}

/** `/update-password?key=`: chooses a password with the key of a mailed link. */
export async function passwordPage(ctx: Context, call: Call): Promise<Answer> {
  const key = String((call.verb === 'POST' ? call.params.key : call.query.key) ?? '')
  if (call.verb !== 'POST') return (await isLinkOpen(ctx, key)) ? passwordForm(ctx, key, '', 200) : brokenLink()
  demandOwnForm(ctx, call)
  const password = String(call.params.new_password ?? '')
  if (password !== String(call.params.repeated ?? '')) return passwordForm(ctx, key, 'The two passwords are not the same.', 417)
  try {
    await setPasswordByLink(ctx, key, password)
    return secretPage('Password', html`<h1>Your password is set</h1><p><a href="/login">Sign in</a></p>`)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    await ctx.db.rollback()
    return error.code === LinkUsedOrExpired.definition.code ? brokenLink() : passwordForm(ctx, key, error.message, error.status)
  }
}

async function isLinkOpen(ctx: Context, key: string): Promise<boolean> {
  return ((await peekToken(ctx, 'reset-password', key)) ?? (await peekToken(ctx, 'invitation', key))) !== undefined
}

async function passwordForm(ctx: Context, key: string, problem: string, status: number): Promise<Answer> {
  const body = html`
    <h1>Choose a password</h1>
    <form class="card" method="post" action="/update-password">
      ${await csrfField(ctx)}
      <input type="hidden" name="key" value="${key}">
      <label>New password <input name="new_password" type="password" autocomplete="new-password" minlength="8" maxlength="128" required autofocus></label>
      <label>The same again <input name="repeated" type="password" autocomplete="new-password" required></label>
      <button>Set password</button>
      ${alert(problem)}
    </form>`
  return { ...secretPage('Choose a password', body), status }
}

/** `/confirm-email?key=`: moves an account to a new address. Only the button acts, since programs open links by themselves. */
export async function confirmEmailPage(ctx: Context, call: Call): Promise<Answer> {
  const key = String((call.verb === 'POST' ? call.params.key : call.query.key) ?? '')
  if (call.verb !== 'POST') {
    const token = await peekToken(ctx, 'change-email', key)
    if (!token) return brokenLink()
    return secretPage(
      'Confirm your address',
      html`<h1>Confirm your address</h1>
      <form class="card" method="post" action="/confirm-email">
        <p>Your account ${token.user} moves to <strong>${token.data}</strong>. You sign in with this address from then on.</p>
        ${await csrfField(ctx)}
        <input type="hidden" name="key" value="${key}"><button>Confirm</button>
      </form>`,
    )
  }
  demandOwnForm(ctx, call)
  try {
    const name = await confirmEmailChange(ctx, key)
    return secretPage('Confirmed', html`<h1>Confirmed</h1><p>Your account is ${name} now.</p><p><a href="/login">Sign in</a></p>`)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    await ctx.db.rollback()
    return brokenLink()
  }
}

function brokenLink(): Answer {
  const body = html`<h1>This does not work any more</h1><p role="alert">${new LinkUsedOrExpired({}).message}</p><p><a href="/login">Sign in</a></p>`
  return { ...secretPage('Link', body), status: 410 }
}

/** Sends a browser on, with GET. */
export function seeOther(location: string, headers: Record<string, string> = {}): Answer {
  return {
    status: 303,
    headers: { location, 'referrer-policy': 'no-referrer', ...headers },
    raw: { type: 'text/plain; charset=utf-8', body: '' },
  }
}

/**
 * Sends a browser on after a form of ours. A page that leads elsewhere in turn is opened by a page of its own: browsers hold a form's
 * whole chain of redirects against where the form may lead.
 */
function goOn(path: string): Answer {
  if (!path.startsWith(oauthPaths.authorize)) return seeOther(path)
  const body = html`<meta http-equiv="refresh" content="0;url=${path}"><h1>Signed in</h1><p><a href="${path}">Go on</a></p>`
  return secretPage('Signed in', body)
}

const alert = (problem: string): Markup => (problem === '' ? html`` : html`<p><output role="alert">${problem}</output></p>`)

/** What a form of somebody who is signed in must carry. */
export async function csrfField(ctx: Context): Promise<Markup> {
  const id = sessionIdOf(ctx.user)
  return id ? html`<input type="hidden" name="csrf_token" value="${await csrfTokenOf(ctx, id)}">` : html``
}

/** A form of another site would sign somebody in as whom it likes. @throws CrossSiteForm */
function demandOwnForm(ctx: Context, call: Call): void {
  const { origin, host } = call.headers
  const isOwn = origin === undefined || (URL.canParse(origin) && (new URL(origin).host === host || origin === siteAddress(ctx)))
  if (!isOwn || call.headers['sec-fetch-site'] === 'cross-site') throw new CrossSiteForm({})
}
