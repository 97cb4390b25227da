import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { AnyDocument, DocumentListener } from '#kernel/documents/document.ts'
import { insert } from '#kernel/documents/save.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { reasonFor } from '#kernel/workflow/reason.ts'
import { stateNamed, stateOf, type Workflow, workflowFor } from '#kernel/workflow/workflow.ts'

/** After a save: when the document came into another state, its timeline says so and the people who can act next are asked. */
export const followState: DocumentListener = (ctx, document, extra) => {
  const workflow = workflowFor(ctx, document.doctype)
  if (workflow instanceof Promise) return workflow.then((known) => known && follow(ctx, known, document, extra))
  return workflow && follow(ctx, workflow, document, extra)
}

async function follow(ctx: Context, workflow: Workflow, document: AnyDocument, extra: Record<string, unknown> = {}): Promise<void> {
  const before = extra.before as AnyDocument | undefined
  const state = stateOf(workflow, document)
  const from = before ? stateOf(workflow, before) : ''
  if (state === from) {
    if (before && before.docstatus !== 2 && document.docstatus === 2) await complete(ctx, workflow, document, from)
    return
  }
  const elevated = ctx.asSystem('keeps the record of a workflow')
  if (before) {
    await complete(ctx, workflow, document, from)
    const reason = reasonFor(ctx, document.doctype, String(document.name)).trim()
    await insert(elevated, 'Comment', {
      comment_type: 'Workflow',
      reference_doctype: document.doctype,
      reference_name: String(document.name),
      content: reason ? `${escaped(state)}: ${escaped(reason)}` : escaped(state),
    })
  }
  await ask(elevated, workflow, document, state)
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** One open entry per document, with the roles that can bring it on; none where nobody is asked. */
async function ask(ctx: Context, workflow: Workflow, document: AnyDocument, state: string): Promise<void> {
  const ways = workflow.transitions.filter((way) => way.state === state && !stateNamed(workflow, way.next_state)?.is_optional_state)
  if (ways.length === 0) return
  await insert(ctx, 'Workflow Action', {
    status: 'Open',
    reference_doctype: document.doctype,
    reference_name: String(document.name),
    workflow_state: state,
    permitted_roles: [...new Set(ways.map((way) => way.allowed))].map((role) => ({ role })),
  })
  const tells = workflow.send_email_alert === 1 && stateNamed(workflow, state)?.send_email === 1
  if (tells) await enqueue(ctx, 'core.workflow-mail', { doctype: document.doctype, name: String(document.name), state })
}

/** The open entries are done, by whoever made the change. */
async function complete(ctx: Context, workflow: Workflow, document: AnyDocument, from: string): Promise<void> {
  const role = workflow.transitions.find((way) => way.state === from && ctx.user.roles.has(way.allowed))?.allowed ?? null
  await ctx.db.execute(
    ctx.db.dialect.compile(
      sql`update ${ident('tabWorkflow Action')} set status = ${'Completed'}, completed_by = ${ctx.user.name}, completed_by_role = ${role},
        modified = ${nowText(ctx)}, modified_by = ${ctx.user.name}
        where reference_doctype = ${document.doctype} and reference_name = ${String(document.name)} and status = ${'Open'}`,
    ),
  )
}

/** Before a document goes: the rows of its entries, which go with it, go first. */
export const forgetActions: DocumentListener = async (ctx, document) => {
  if (!(await workflowFor(ctx, document.doctype))) return
  const meta = await ctx.site.meta.get('Workflow Action')
  const about = { all: [where('reference_doctype', '=', document.doctype), where('reference_name', '=', String(document.name))] }
  for (const { name } of await findRows(ctx, meta, about, { fields: ['name'] }))
    await ctx.db.execute(
      ctx.db.dialect.compile(
        sql`delete from ${ident('tabWorkflow Action Permitted Role')} where parenttype = ${'Workflow Action'} and parent = ${name}`,
      ),
    )
}
