import { AppError } from '#client/rules/errors.ts'
import type { Context } from '#kernel/context/context.ts'
import { html, type Markup } from './html.ts'
import type { Call } from './exchange.ts'
import { readActionLink } from '#apps/core/workflow/mail.ts'

/** Asks whether the action of a mail's link is meant; only the button acts. */
export async function workflowActionPage(ctx: Context, call: Call): Promise<{ title: string; body: Markup; script: string }> {
  try {
    const link = await readActionLink(ctx, String(call.params.token ?? ''))
    const title = `${link.action}: ${link.doctype} ${link.name}`
    const body = html`
      <h1>${link.action}</h1>
      <p>${link.doctype} <strong>${link.name}</strong> is in the state ${link.state}. You act as ${link.user}.</p>
      <form id="confirm" class="card">
        <label>Reason <textarea name="comment" ${link.needsReason ? 'required' : ''}></textarea></label>
        <button>${link.action}</button>
        <output role="status"></output>
      </form>`
    return { title, body, script }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return { title: 'Link', body: html`<h1>This does not work any more</h1><p>${error.message}</p>`, script: '' }
  }
}

// Without cookies: the link stands for its person, whoever is signed in here.
const script = `
document.getElementById('confirm').addEventListener('submit', async (event) => {
  event.preventDefault()
  const form = event.target
  const given = { token: new URLSearchParams(location.search).get('token'), comment: form.comment.value }
  const answer = await fetch('/api/method/frappe.workflow.doctype.workflow_action.workflow_action.confirm_action', {
    method: 'POST', credentials: 'omit', headers: { 'content-type': 'application/json' }, body: JSON.stringify(given),
  })
  const body = await answer.json()
  form.querySelector('output').textContent = answer.ok ? 'Done: ' + body.message.state : body.message ?? body.exception ?? 'This did not work.'
  if (answer.ok) form.querySelector('button').disabled = true
})
`
