import type { JobDefinition } from '#kernel/apps/app.ts'
import { peopleWithRoles } from '#kernel/automation/people.ts'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { find } from '#kernel/documents/load.ts'
import { makeToken, peekToken, spendToken } from '#kernel/identity/one-time-tokens.ts'
import { principalOf } from '#kernel/identity/principals.ts'
import { siteAddress } from '#kernel/identity/users.ts'
import { sendMail } from '#kernel/mail/send-mail.ts'
import { can } from '#kernel/permissions/grants.ts'
import { applyWorkflow } from '#kernel/workflow/apply.ts'
import { stateNamed, stateOf, transitionsFor, type Workflow, workflowFor } from '#kernel/workflow/workflow.ts'
import { ActionLinkInvalid } from './errors.ts'

/** How long a link in a mail works. */
const linkLifetimeMs = 7 * 86_400_000
/** People who are written to about one document; beyond that the list of open actions must do. */
const mostPeople = 100

interface LinkData {
  doctype: string
  name: string
  action: string
  state: string
}

/** What a link in a mail would do, for the page that asks. */
export interface LinkedAction extends LinkData {
  readonly user: string
  readonly needsReason: boolean
}

/** Writes to everybody who can bring a document on from its state, each with links of their own. */
export const workflowMail: JobDefinition = {
  queue: 'short',
  asSystem: 'tells people that a document waits for them',
  run: async (ctx, input) => {
    const { doctype, name, state } = input as { doctype: string; name: string; state: string }
    const workflow = await workflowFor(ctx, doctype)
    const document = await find(ctx, await ctx.site.meta.get(doctype), name)
    // It has moved on since, and whoever can act then is told then.
    if (!workflow || !document || stateOf(workflow, document) !== state) return { told: 0 }
    const ways = workflow.transitions.filter((way) => way.state === state && !stateNamed(workflow, way.next_state)?.is_optional_state)
    let told = 0
    for (const person of await peopleWithRoles(ctx, [...new Set(ways.map((way) => way.allowed))], mostPeople)) {
      if (await write(ctx, person, workflow, document)) told++
    }
    return { told }
  },
}

async function write(ctx: Context, person: { name: string; email: string }, workflow: Workflow, document: AnyDocument): Promise<boolean> {
  const theirs = ctx.as(await principalOf(ctx, person.name))
  if (!(await can(theirs, 'write', document.doctype, document))) return false
  const state = stateOf(workflow, document)
  const actions = [...new Set(transitionsFor(theirs, workflow, document).map((way) => way.action))]
  if (actions.length === 0) return false
  const subject = `${document.doctype} ${document.name}: ${state}`
  const links: string[] = []
  for (const action of actions) {
    const data: LinkData = { doctype: document.doctype, name: String(document.name), action, state }
    const token = await makeToken(ctx, 'workflow-action', person.name, linkLifetimeMs, { data: JSON.stringify(data), keepOthers: true })
    links.push(`<a href="${siteAddress(ctx)}/workflow-action?token=${token}">${escaped(action)}</a>`)
  }
  const message = stateNamed(workflow, state)?.message
  await sendMail(ctx, {
    to: [person.email],
    subject,
    html: `<p>${escaped(subject)}</p>${message ? `<p>${escaped(message)}</p>` : ''}<p>${links.join(' · ')}</p>`,
    // Not kept with the document, where others would find the links.
    automatic: 'auto-generated',
  })
  return true
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

/** What a link stands for; looking changes nothing, so that programs that open every link of a mail do no harm. @throws ActionLinkInvalid */
export async function readActionLink(ctx: Context, token: string): Promise<LinkedAction> {
  const known = await peekToken(ctx, 'workflow-action', token)
  if (!known) throw new ActionLinkInvalid({})
  const data = JSON.parse(known.data) as LinkData
  const workflow = await workflowFor(ctx, data.doctype)
  const needsReason = workflow?.transitions.some(
    (way) => way.state === data.state && way.action === data.action && way.require_comment === 1,
  )
  return { ...data, user: known.user, needsReason: needsReason === true }
}

/**
 * Takes the action of a link as the person it was sent to, with the rights that person has now. The link is used up, unless the
 * action is refused.
 * @throws ActionLinkInvalid, UserUnavailable, and what `applyWorkflow` refuses
 */
export async function followActionLink(ctx: Context, token: string, reason: string): Promise<AnyDocument> {
  const known = await peekToken(ctx, 'workflow-action', token)
  if (!known || !(await spendToken(ctx, known))) throw new ActionLinkInvalid({})
  const { doctype, name, action, state } = JSON.parse(known.data) as LinkData
  return applyWorkflow(ctx.as(await principalOf(ctx, known.user)), doctype, name, action, { from: state, reason })
}
