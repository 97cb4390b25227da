import type { Context } from '#kernel/context/context.ts'
import { sessionIdOf } from '#kernel/identity/authenticate.ts'
import { csrfTokenOf } from '#kernel/identity/sessions.ts'
import { VerbRefused } from './errors.ts'
import type { Answer, Call, Handler, Route } from './exchange.ts'
import { html, type Markup, scriptText } from './html.ts'
import { outboxFrame, outboxPage, type PageParts, unsubscribePage } from './mail-pages.ts'
import { visibleDocTypes, visibleMethods } from './openapi.ts'
import { pageAnswer } from './page-answer.ts'
import { printPage } from './print-page.ts'
import { workflowActionPage } from './workflow-page.ts'

/** The pages that people open in a browser, until screens take these addresses over. */
export function pageRoute(path: string): Route | undefined {
  if (path === '/workflow-action') return { version: 1, handler: read(linkedActionPage) }
  if (path === '/printview') return { version: 1, handler: read(printPage) }
  if (path === '/unsubscribe') return { version: 1, handler: read(async (ctx, call) => secretAnswer(unsubscribePage(ctx, call))) }
  if (/^\/outbox\/[^/]+\/html$/.test(path)) return { version: 1, handler: read(signedInOr(outboxFrame)) }
  if (/^\/outbox(\/[^/]+)?$/.test(path))
    return { version: 1, handler: read(signedInOr(async (ctx, call) => framingAnswer(await outboxPage(ctx, call)))) }
  if (path === '/') return { version: 1, handler: read(startPage) }
  if (/^\/(app|desk)(\/|$)/.test(path)) return { version: 1, handler: read(appPage) }
  return undefined
}

function read(handler: Handler): Handler {
  return (ctx, call) => {
    if (call.verb !== 'GET') throw new VerbRefused({ path: call.path, verb: call.verb, allowed: ['GET', 'HEAD'] })
    return handler(ctx, call)
  }
}

/** What the site offers: how to begin, and every DocType and method that the visitor may use. */
async function startPage(ctx: Context, call: Call): Promise<Answer> {
  const isGuest = ctx.user.name === 'Guest'
  const doctypes = await visibleDocTypes(ctx)
  const methods = visibleMethods(ctx)
  const groups = Map.groupBy(doctypes, (meta) => String(meta.definition.module || 'Other'))
  const body = html`
    <header><h1>Orchestrator</h1><p>Site ${ctx.site.host}. The desk comes later; this is the API, with what you may use of it.</p></header>
    ${isGuest ? signInForm(ctx.site.apps.has('sample')) : html`<p class="card">Signed in as <strong>${ctx.user.fullName}</strong> (${ctx.user.name}) <button id="sign-out">Sign out</button></p>`}
    ${hints(`http://${call.headers.host ?? ctx.site.host}`)}
    <h2>API reference</h2>
    ${isGuest ? html`<p>Sign in to see the DocTypes and methods that are open to you. These are open to everybody:</p>` : ''}
    <p><input id="search" type="search" placeholder="Search DocTypes and methods" aria-label="Search DocTypes and methods"></p>
    ${[...groups]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(
        ([module, metas]) => html`
      <section><h3>${module}</h3><ul>${metas.map((meta) => html`<li><code>${`/api/v2/document/${encodeURIComponent(meta.name)}`}</code> ${meta.name}</li>`)}</ul></section>`,
      )}
    <section><h3>Methods</h3><ul>${methods.map(
      (method) => html`
      <li><code>${`/api/method/${method.path}`}</code> ${method.verbs.join(', ')}: ${method.summary}</li>`,
    )}</ul></section>`
  return pageAnswer('Orchestrator', body, startScript)
}

/** @param isSample whether the site is the one that `npm start` makes, whose logins stand in the terminal */
const signInForm = (isSample: boolean): Markup => html`
  <form id="sign-in" class="card">
    <label>User <input name="usr" autocomplete="username" required></label>
    <label>Password <input name="pwd" type="password" autocomplete="current-password" required></label>
    <button>Sign in</button>
    <p>${isSample ? html`Logins of the sample are printed by <code>npm start</code>. ` : ''}<output role="alert"></output></p>
  </form>`

/** @param origin as the visitor reached the site, so that what is shown works as pasted */
const hints = (origin: string): Markup => html`
  <h2>First steps</h2>
  <dl>
    <dt>Make an API key</dt>
    <dd><pre>npx orc execute frappe.core.doctype.user.user.generate_keys --kwargs '{"user":"Administrator"}'</pre></dd>
    <dt>Read with it</dt>
    <dd><pre>curl -H 'Authorization: token KEY:SECRET' ${origin}/api/v2/document/ToDo</pre></dd>
    <dt>Add a document</dt>
    <dd><pre>curl -X POST -H 'Authorization: token KEY:SECRET' -H 'Content-Type: application/json' -d '{"description":"Call Dana"}' ${origin}/api/v2/document/ToDo</pre></dd>
    <dt>Everything as OpenAPI 3.1</dt>
    <dd><a href="/api/v2/openapi.json">/api/v2/openapi.json</a></dd>
  </dl>`

const startScript = `
const search = document.getElementById('search')
search.addEventListener('input', () => {
  const text = search.value.trim().toLowerCase()
  for (const section of document.querySelectorAll('section')) {
    let shown = 0
    for (const item of section.querySelectorAll('li')) {
      item.hidden = text !== '' && !item.textContent.toLowerCase().includes(text)
      if (!item.hidden) shown++
    }
    section.hidden = shown === 0
  }
})
const form = document.getElementById('sign-in')
form?.addEventListener('submit', async (event) => {
  event.preventDefault()
  const given = Object.fromEntries(new FormData(form))
  const answer = await fetch('/api/method/login', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(given) })
  const body = await answer.json()
  if (answer.ok && !body.verification) {
    const next = new URLSearchParams(location.search).get('redirect-to')
    location.assign(next && /^\\/[^/\\\\]/.test(next) ? next : '/')
  } else form.querySelector('output').textContent = body.verification ? body.verification.prompt : body.message ?? 'This did not work.'
})
document.getElementById('sign-out')?.addEventListener('click', async () => {
  await fetch('/api/method/logout')
  location.assign('/')
})
`

/** Stands where the desk will be; holds the CSRF token, which clients read from here. Guests are sent to sign in. */
async function appPage(ctx: Context, call: Call): Promise<Answer> {
  if (ctx.user.name === 'Guest') return signInAnswer(call)
  const id = sessionIdOf(ctx.user)
  const token = id ? await csrfTokenOf(ctx, id) : ''
  const body = html`
    <h1>${ctx.site.host}</h1>
    <p>Signed in as <strong>${ctx.user.fullName}</strong>. The desk is not built yet; <a href="/">the API reference</a> is.</p>`
  const script = `window.frappe = window.frappe || {}; frappe.csrf_token = ${scriptText(token)}; window.csrf_token = frappe.csrf_token;`
  return pageAnswer('Orchestrator', body, script)
}

/** Guests are sent to sign in first. */
function signedInOr(handler: Handler): Handler {
  return async (ctx, call) => (ctx.user.name === 'Guest' ? signInAnswer(call) : handler(ctx, call))
}

function signInAnswer(call: Call): Answer {
  return {
    status: 302,
    headers: { location: `/login?redirect-to=${encodeURIComponent(call.path)}` },
    raw: { type: 'text/plain; charset=utf-8', body: '' },
  }
}

async function linkedActionPage(ctx: Context, call: Call): Promise<Answer> {
  return secretAnswer(await workflowActionPage(ctx, call))
}

/** A page whose address holds a secret. */
function secretAnswer({ title, body, script }: PageParts): Answer {
  const answer = pageAnswer(title, body, script)
  return { ...answer, headers: { ...answer.headers, 'referrer-policy': 'no-referrer', 'cache-control': 'no-store' } }
}

/** A page that shows another one of this site in a frame. */
function framingAnswer({ title, body, script }: PageParts): Answer {
  const answer = pageAnswer(title, body, script)
  const policy = `${answer.headers?.['content-security-policy']}; frame-src 'self'`
  return { ...answer, headers: { ...answer.headers, 'content-security-policy': policy, 'cache-control': 'no-store' } }
}
