import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import type { Action } from '#kernel/permissions/grant.ts'
import { cancelsByTransition, editorsIn, mayEditIn, stateOf, transitionsFor, type Workflow, workflowFor } from './workflow.ts'

/** Why the workflow keeps the acting user from this, or how it is done instead; undefined when it has nothing against it. */
export async function workflowObjection(ctx: Context, action: Action, document: AnyDocument): Promise<string | undefined> {
  if (action !== 'write' && action !== 'submit' && action !== 'cancel') return undefined
  const workflow = await workflowFor(ctx, document.doctype)
  if (!workflow) return undefined
  const state = stateOf(workflow, document)
  if (action === 'write')
    return mayEditIn(ctx, workflow, state)
      ? undefined
      : `The workflow ${workflow.name} lets only ${editorsIn(workflow, state).join(', ') || 'nobody'} edit what is in the state "${state}"${actions(ctx, workflow, document)}.`
  if (action === 'cancel' && !cancelsByTransition(workflow)) return undefined
  const verb = action === 'submit' ? 'submitted' : 'cancelled'
  return `By the workflow ${workflow.name}, documents are ${verb} by its actions; the state is "${state}"${actions(ctx, workflow, document)}.`
}

function actions(ctx: Context, workflow: Workflow, document: AnyDocument): string {
  const open = [...new Set(transitionsFor(ctx, workflow, document).map((way) => way.action))]
  return open.length > 0 ? `; open actions: ${open.join(', ')}` : '; no action is open'
}
