import { Type } from 'typebox'
import { AppError } from '#client/rules/errors.ts'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { readListInput, readName } from '#kernel/methods/document-input.ts'
import { BadInput } from '#kernel/methods/errors.ts'
import { checkedPerDocument, defineMethod, guests, type Method, signedIn } from '#kernel/methods/method.ts'
import { shownV1 } from '#kernel/methods/wire-v1.ts'
import { can } from '#kernel/permissions/grants.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { where } from '#client/rules/predicate.ts'
import { applyWorkflow } from '#kernel/workflow/apply.ts'
import { cancelsByTransition, stateOf, transitionsFor, workflowFor } from '#kernel/workflow/workflow.ts'
import { followActionLink } from './mail.ts'

const doctype = Type.String({ minLength: 1, maxLength: 140 })
const action = Type.String({ minLength: 1, maxLength: 140 })
const reason = Type.Optional(Type.String({ maxLength: 10_000 }))
/** Documents of one bulk action. */
const mostDocuments = 500

/** Which document a form means: it sends the whole of it, of which only doctype, name and state count. */
function documentMeant(path: string, given: unknown, workflowField?: string): { doctype: string; name: string; state?: string } {
  const value = typeof given === 'string' ? parsed(path, given) : given
  if (typeof value !== 'object' || value === null) throw new BadInput({ method: path, field: 'doc', reason: 'must be a document' })
  const { doctype, name, ...rest } = value as Record<string, unknown>
  const state = workflowField === undefined ? undefined : rest[workflowField]
  return {
    doctype: readName(path, doctype, 'doc.doctype'),
    name: readName(path, name, 'doc.name'),
    ...(typeof state === 'string' && { state }),
  }
}

function parsed(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new BadInput({ method: path, field: 'doc', reason: 'must be JSON' }, { cause })
  }
}

async function openActions(
  ctx: Context,
  document: AnyDocument,
): Promise<{ state: string; action: string; next_state: string; allowed: string }[]> {
  const workflow = await workflowFor(ctx, document.doctype)
  if (!workflow || !(await can(ctx, 'write', document.doctype, document))) return []
  return transitionsFor(ctx, workflow, document).map((way) => ({
    state: way.state,
    action: way.action,
    next_state: way.next_state,
    allowed: way.allowed,
    allow_self_approval: way.allow_self_approval,
    require_comment: way.require_comment,
    condition: way.condition,
  }))
}

const getTransitions = defineMethod({
  path: 'frappe.model.workflow.get_transitions',
  summary: 'The transitions of a document that are open to the user now.',
  verbs: ['GET', 'POST'],
  input: Type.Object({ doc: Type.Unknown() }),
  rule: checkedPerDocument('the right to read the document is demanded'),
  handler: async (ctx, given) => {
    const meant = documentMeant('frappe.model.workflow.get_transitions', given.doc)
    return openActions(ctx, await getDocument(ctx, meant.doctype, meant.name))
  },
})

const apply = defineMethod({
  path: 'frappe.model.workflow.apply_workflow',
  summary:
    'Takes an action of the workflow on a document. `doc` is the document as the user saw it: if it has moved on since, nothing happens.',
  verbs: ['POST', 'PUT'],
  input: Type.Object({ doc: Type.Unknown(), action, comment: reason }),
  rule: checkedPerDocument('the right to write the document is demanded, and the transition must be open to the user'),
  handler: async (ctx, given) => {
    const path = 'frappe.model.workflow.apply_workflow'
    const workflow = await workflowFor(ctx, documentMeant(path, given.doc).doctype)
    const meant = documentMeant(path, given.doc, workflow?.workflow_state_field)
    const document = await applyWorkflow(ctx, meant.doctype, meant.name, given.action, {
      ...(given.comment !== undefined && { reason: given.comment }),
      ...(meant.state !== undefined && { from: meant.state }),
    })
    return shownV1(ctx, document)
  },
})

const bulk = defineMethod({
  path: 'frappe.model.workflow.bulk_workflow_approval',
  summary: `Takes one action on up to ${mostDocuments} documents, each by itself; answers which succeeded and why others did not.`,
  verbs: ['POST', 'PUT'],
  input: Type.Object({ docnames: Type.Unknown(), doctype, action, comment: reason }),
  rule: checkedPerDocument('the right to write each document is demanded, and the transition must be open to the user'),
  handler: async (ctx, given) => {
    const path = 'frappe.model.workflow.bulk_workflow_approval'
    const names = readListInput(path, given.docnames, 'docnames', mostDocuments).map((one, index) =>
      readName(path, one, `docnames[${index}]`),
    )
    const successful: string[] = []
    const failed: { name: string; code: string; message: string }[] = []
    for (const one of names)
      try {
        await ctx.db.begin()
        const options = given.comment === undefined ? {} : { reason: given.comment }
        await ctx.db.savepoint(() => applyWorkflow(ctx, given.doctype, one, given.action, options))
        successful.push(one)
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        failed.push({ name: one, code: error.code, message: error.message })
      }
    return { successful, failed }
  },
})

const commonActions = defineMethod({
  path: 'frappe.model.workflow.get_common_transition_actions',
  summary: 'Actions that are open to the user on every one of some documents.',
  verbs: ['GET', 'POST'],
  input: Type.Object({ docs: Type.Unknown(), doctype }),
  rule: checkedPerDocument('the right to read each document is demanded'),
  handler: async (ctx, given) => {
    const path = 'frappe.model.workflow.get_common_transition_actions'
    let common: string[] | undefined
    for (const [index, one] of readListInput(path, given.docs, 'docs', mostDocuments).entries()) {
      const named = typeof one === 'object' && one !== null ? (one as Record<string, unknown>).name : one
      const open = await openActions(ctx, await getDocument(ctx, given.doctype, readName(path, named, `docs[${index}]`)))
      const actions = [...new Set(open.map((way) => way.action))]
      common = common === undefined ? actions : common.filter((known) => actions.includes(known))
    }
    return common ?? []
  },
})

const workflowName = defineMethod({
  path: 'frappe.model.workflow.get_workflow_name',
  summary: 'The active workflow of a DocType, or nothing.',
  verbs: ['GET', 'POST'],
  input: Type.Object({ doctype }),
  rule: signedIn,
  handler: async (ctx, given) => {
    if (!(await can(ctx, 'read', given.doctype))) return null
    return (await workflowFor(ctx, given.doctype))?.name ?? null
  },
})

const canCancel = defineMethod({
  path: 'frappe.model.workflow.can_cancel_document',
  summary: 'Whether documents of a DocType may be cancelled without an action of its workflow.',
  verbs: ['GET', 'POST'],
  input: Type.Object({ doctype }),
  rule: signedIn,
  handler: async (ctx, given) => {
    const workflow = await workflowFor(ctx, given.doctype)
    return !workflow || !cancelsByTransition(workflow)
  },
})

const waiting = defineMethod({
  path: 'orchestrator.workflow.open_actions',
  summary: 'Documents that wait for the user, the longest first: those only that the user may read, with the actions that are open.',
  verbs: ['GET', 'POST'],
  input: Type.Object({ doctype: Type.Optional(Type.String()), limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })) }),
  rule: signedIn,
  handler: async (ctx, given) => {
    const meta = await ctx.site.meta.get('Workflow Action')
    const roles = [...ctx.user.roles]
    const open = await findRows(
      ctx,
      meta,
      {
        all: [
          where('status', '=', 'Open'),
          ...(given.doctype ? [where('reference_doctype', '=', given.doctype)] : []),
          ...(ctx.user.unrestricted ? [] : [{ child: 'permitted_roles', where: where('role', 'in', roles) }]),
        ],
      },
      { orderBy: [['creation', 'asc']], limit: 1000 },
    )
    const found: Record<string, unknown>[] = []
    for (const row of open) {
      if (found.length >= (given.limit ?? 50)) break
      const document = await readable(ctx, String(row.reference_doctype), String(row.reference_name))
      const actions = document && [...new Set((await openActions(ctx, document)).map((way) => way.action))]
      if (document && actions && actions.length > 0)
        found.push({ doctype: document.doctype, name: document.name, state: row.workflow_state, actions, since: row.creation })
    }
    return found
  },
})

async function readable(ctx: Context, target: string, docname: string): Promise<AnyDocument | undefined> {
  try {
    return await getDocument(ctx, target, docname)
  } catch (error) {
    if (error instanceof AppError && (error.status === 403 || error.status === 404)) return undefined
    throw error
  }
}

const confirm = defineMethod({
  path: 'frappe.workflow.doctype.workflow_action.workflow_action.confirm_action',
  summary: 'Takes the action of a link from a mail; the link stands for the person it was sent to, and works once.',
  verbs: ['POST'],
  input: Type.Object({ token: Type.String({ minLength: 1, maxLength: 200 }), comment: reason }),
  rule: guests,
  handler: async (ctx, given) => {
    const document = await followActionLink(ctx, given.token, given.comment ?? '')
    const workflow = await workflowFor(ctx, document.doctype)
    return { doctype: document.doctype, name: document.name, state: workflow ? stateOf(workflow, document) : '' }
  },
})

/** Actions of workflows. */
export const workflowMethods: readonly Method[] = [getTransitions, apply, bulk, commonActions, workflowName, canCancel, waiting, confirm]
