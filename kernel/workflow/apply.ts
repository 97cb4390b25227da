import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { openForWrite, save } from '#kernel/documents/save.ts'
import { WorkflowMissing, WorkflowMoved, WorkflowTransitionRefused } from './errors.ts'
import { withReason } from './reason.ts'
import { docstatusIn, stateNamed, stateOf, transitionsFor, type WorkflowState, workflowFor } from './workflow.ts'

/** How an action is taken. */
export interface ActionOptions {
  /** Why; some transitions need it. */
  readonly reason?: string
  /** The state in which the user saw the document: refuse when it has moved on since. */
  readonly from?: string
}

/**
 * Takes an action of the DocType's workflow on a document, for the context's user. The row is locked first: of two people who act at
 * once one succeeds, and the other is told where the document is by now.
 * @returns the document in its new state
 * @throws WorkflowMissing, WorkflowMoved, WorkflowTransitionRefused, and what `save` refuses
 */
export async function applyWorkflow(
  ctx: Context,
  doctype: string,
  name: string | number,
  action: string,
  options: ActionOptions = {},
): Promise<AnyDocument> {
  const meta = await ctx.site.meta.get(doctype)
  const workflow = await workflowFor(ctx, meta.name)
  if (!workflow) throw new WorkflowMissing({ doctype: meta.name })
  const document = await openForWrite(ctx, meta.name, name)
  const state = stateOf(workflow, document)
  const ways = workflow.transitions.filter((way) => way.action === action)
  const hasMoved = options.from !== undefined && options.from !== '' && options.from !== state
  if (hasMoved || (ways.length > 0 && !ways.some((way) => way.state === state)))
    throw new WorkflowMoved({ doctype: meta.name, name: String(document.name), state, action, by: document.modified_by })
  const open = transitionsFor(ctx, workflow, document).filter((way) => way.action === action)
  const way = open[0] ?? ways.find((one) => one.state === state)
  if (!way)
    throw new WorkflowTransitionRefused({
      doctype: meta.name,
      name: String(document.name),
      field: 'action',
      reason: `"${action}" is no action of ${workflow.name}.`,
    })
  // One that is not open is refused by the save itself, which knows why.
  const values = {
    [workflow.workflow_state_field]: way.next_state,
    docstatus: docstatusIn(stateNamed(workflow, way.next_state) as WorkflowState),
  }
  return withReason(ctx, meta.name, String(document.name), options.reason ?? '', () => save(ctx, document, values))
}
