import { AppError } from '#client/rules/errors.ts'
import type { Context } from '#kernel/context/context.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { portableHtml } from '#kernel/mail/local-images.ts'
import { readUnsubscribeToken } from '#kernel/mail/refusals.ts'
import { siteAddress } from '#kernel/identity/users.ts'
import { MethodDenied } from '#kernel/methods/errors.ts'
import { list } from '#kernel/query/list.ts'
import { plainText } from '#kernel/templates/plain-text.ts'
import type { Answer, Call } from './exchange.ts'
import { html, type Markup } from './html.ts'

/** What a page shows, and the script that runs in it. */
export interface PageParts {
  readonly title: string
  readonly body: Markup
  readonly script: string
}

const listed = 100

/** The mails that were kept because no mail server is configured, or one of them. For System Managers. @throws MethodDenied, DocumentNotFound */
export async function outboxPage(ctx: Context, { path }: Call): Promise<PageParts> {
  demandManager(ctx)
  const name = nameIn(path)
  return name === '' ? outboxList(ctx) : outboxMail(ctx, name)
}

/** The HTML of a kept mail, for a frame: nothing in it runs, loads or leads anywhere. @throws MethodDenied, DocumentNotFound */
export async function outboxFrame(ctx: Context, { path }: Call): Promise<Answer> {
  demandManager(ctx)
  const queue = await getDocument(ctx, 'Email Queue', nameIn(path))
  return {
    headers: {
      'content-security-policy': "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'self'",
      'cache-control': 'no-store',
    },
    raw: {
      type: 'text/html; charset=utf-8',
      body: `<!doctype html><meta charset="utf-8">${portableHtml(String(queue.message ?? ''), siteAddress(ctx), new Map())}`,
    },
  }
}

function demandManager(ctx: Context): void {
  if (ctx.user.roles.has('System Manager') || ctx.user.unrestricted) return
  throw new MethodDenied({ method: 'outbox', reason: 'it is for System Manager' })
}

/** `/outbox/NAME` and `/outbox/NAME/html`. */
function nameIn(path: string): string {
  try {
    return decodeURIComponent(path.split('/')[2] ?? '')
  } catch {
    return ''
  }
}

async function outboxList(ctx: Context): Promise<PageParts> {
  const { rows } = await list(ctx, 'Email Queue', {
    fields: ['name', 'subject', 'sender', 'creation', 'recipients.recipient as recipient'],
    filters: [['status', '=', 'Kept']],
    orderBy: 'creation desc',
    limit: listed,
    wire: { version: 1, zone: ctx.site.timeZone },
  })
  const mails = Map.groupBy(rows, (row) => String(row.name))
  const items = [...mails].map(([name, [first, ...others]]) => {
    const to = [first, ...others].map((row) => String(row?.recipient ?? '')).join(', ')
    return html`<li><a href="/outbox/${encodeURIComponent(name)}">${String(first?.subject || '(no subject)')}</a> to ${to}, ${String(first?.creation)}</li>`
  })
  const body = html`
    <header><h1>Outbox</h1><p>Mails that this site kept, because it has no mail server or is muted. Nothing here was sent.</p></header>
    ${items.length === 0 ? html`<p class="card">There are none.</p>` : html`<ul>${items}</ul>`}`
  return { title: 'Outbox', body, script: '' }
}

async function outboxMail(ctx: Context, name: string): Promise<PageParts> {
  const queue = await getDocument(ctx, 'Email Queue', name)
  const rows = (queue.recipients ?? []) as unknown as { recipient: string; kind: string; status: string }[]
  const body = html`
    <p><a href="/outbox">Outbox</a></p>
    <h1>${String(queue.subject || '(no subject)')}</h1>
    <p>From ${String(queue.sender ?? '')}. ${rows.map((row) => html`${row.kind || 'To'}: ${row.recipient} (${row.status}) `)}</p>
    <iframe sandbox title="The mail" src="/outbox/${encodeURIComponent(name)}/html" width="100%" height="500"></iframe>
    <h2>As plain text</h2>
    <pre>${plainText(String(queue.message ?? ''))}</pre>`
  return { title: String(queue.subject || 'Mail'), body, script: '' }
}

/** Asks whether the recipient of a mail wants no more of them; only the button acts, since programs open links by themselves. */
export function unsubscribePage(ctx: Context, call: Call): PageParts {
  try {
    const what = readUnsubscribeToken(ctx, String(call.params.token ?? ''))
    const body = html`
      <h1>Unsubscribe</h1>
      <form id="confirm" class="card">
        <p>${what.email} gets no more mail ${what.doctype ? html`about this` : html`of this kind`} from ${ctx.site.host}.</p>
        <button>Unsubscribe</button>
        <p><output role="status"></output></p>
      </form>`
    return { title: 'Unsubscribe', body, script: unsubscribeScript }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return { title: 'Link', body: html`<h1>This does not work any more</h1><p>${error.message}</p>`, script: '' }
  }
}

// Without cookies: the link stands for its recipient, whoever is signed in here.
const unsubscribeScript = `
document.getElementById('confirm').addEventListener('submit', async (event) => {
  event.preventDefault()
  const form = event.target
  const answer = await fetch('/api/method/orchestrator.mail.unsubscribe', {
    method: 'POST', credentials: 'omit', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token: new URLSearchParams(location.search).get('token') }),
  })
  form.querySelector('output').textContent = answer.ok ? 'Done.' : 'This did not work.'
  if (answer.ok) form.querySelector('button').disabled = true
})
`
