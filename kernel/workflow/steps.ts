import { conditionHolds, expressionValue } from '#kernel/automation/condition.ts'
import type { Context } from '#kernel/context/context.ts'
import { documentForm } from '#kernel/documents/cast.ts'
import { changedFields } from '#kernel/documents/checks.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import type { SaveOperation } from '#kernel/documents/operation.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { WorkflowEditDenied, WorkflowReasonMissing, WorkflowTransitionRefused } from './errors.ts'
import { reasonFor } from './reason.ts'
import {
  cancelsByTransition,
  docstatusIn,
  editorsIn,
  mayEditIn,
  stateNamed,
  stateOf,
  type Workflow,
  type WorkflowState,
  type WorkflowTransition,
  waysFor,
  workflowFor,
} from './workflow.ts'

/** What the first step settled, for the second. */
interface Settled {
  readonly workflow: Workflow
  readonly state: string
  /** Ways that lead there and are open to the user; empty when the document stays where it is. */
  readonly ways: readonly WorkflowTransition[]
}

const settled = new WeakMap<SaveOperation, Settled>()

/**
 * A step of every save: where the DocType has an active workflow, a new document starts in its first state, edits are for the roles of the
 * state, and the state (and with it docstatus) changes by a transition that is open to the user.
 * @throws WorkflowEditDenied, WorkflowTransitionRefused, WorkflowReasonMissing
 */
export function enterWorkflow(operation: SaveOperation): void | Promise<void> {
  const { ctx, meta } = operation
  if (meta.isTable || meta.isSingle || meta.isVirtual) return
  const workflow = workflowFor(ctx, meta.name)
  if (workflow instanceof Promise) return workflow.then((known) => known && settle(operation, known))
  if (workflow) settle(operation, workflow)
}

/**
 * The step's second half, once hooks have had their say: they do not move the document, and the transition's condition holds for what is
 * about to be written.
 */
export function checkWorkflow(operation: SaveOperation): void {
  const known = settled.get(operation)
  if (!known) return
  const { ctx, document } = operation
  const { workflow, state, ways } = known
  if (stateOf(workflow, document) !== state)
    refuse(operation, workflow, `a hook set "${workflow.workflow_state_field}", which only a transition may.`)
  if (ways.length > 0 && !ways.some((way) => conditionHolds(ctx, way.condition, document)))
    refuse(operation, workflow, `the condition for "${ways[0]?.action}" does not hold.`)
}

/** Fields that the transition under way may write, whatever a submitted document keeps. */
export function fieldsOfTransition(operation: SaveOperation): ReadonlySet<string> {
  const known = settled.get(operation)
  return known && known.ways.length > 0 ? writtenIn(known.workflow, known.state) : nothing
}

const nothing: ReadonlySet<string> = new Set()

function writtenIn(workflow: Workflow, state: string): Set<string> {
  const field = stateNamed(workflow, state)?.update_field
  return new Set(field ? [workflow.workflow_state_field, field] : [workflow.workflow_state_field])
}

function settle(operation: SaveOperation, workflow: Workflow): void {
  const { ctx, meta, document, before } = operation
  const from = before ? stateOf(workflow, before) : ''
  // Documents from before the workflow begin where new ones do.
  const start = stateNamed(workflow, from)
    ? from
    : startingState(workflow, before?.docstatus ?? (ctx.user.unrestricted ? document.docstatus : 0))
  const isUntouched = before !== undefined && stateOf(workflow, document) === from
  const to = isUntouched ? start : before ? stateOf(workflow, document) || start : startOf(operation, workflow, start)
  const target = stateNamed(workflow, to)
  if (!target) refuse(operation, workflow, `"${to}" is no state of ${workflow.name}.`)
  const fields = document as Record<string, unknown>
  fields[workflow.workflow_state_field] = to
  // Whoever has full rights may put a document that comes from elsewhere where it was.
  const ways = to === start || (!before && ctx.user.unrestricted) ? [] : openWays(operation, workflow, start, to)
  checkEditor(operation, workflow, start, writtenIn(workflow, to), ways)
  checkDocstatus(operation, workflow, target as WorkflowState, ways.length > 0)
  if (ways.length > 0 || !before) setField(ctx, meta, target as WorkflowState, document)
  settled.set(operation, { workflow, state: to, ways })
}

function startingState(workflow: Workflow, docstatus: number): string {
  return (workflow.states.find((row) => docstatusIn(row) === docstatus) ?? (workflow.states[0] as WorkflowState)).state
}

/** The state of a new document: what is given, unless that is the field's default or comes from a document that is amended. */
function startOf({ meta, document }: SaveOperation, workflow: Workflow, start: string): string {
  const given = stateOf(workflow, document)
  const isDefault = given === String(meta.field.get(workflow.workflow_state_field)?.default ?? '')
  return given === '' || isDefault || document.amended_from ? start : given
}

function openWays(operation: SaveOperation, workflow: Workflow, from: string, to: string): WorkflowTransition[] {
  const { ctx, document, before } = operation
  const leading = workflow.transitions.filter((way) => way.state === from && way.next_state === to)
  if (leading.length === 0) refuse(operation, workflow, `no transition leads from "${from}" to "${to}".`)
  const open = waysFor(ctx, workflow, from, (before ?? document).owner).filter((way) => way.next_state === to)
  if (open.length === 0) {
    const isOwn = !leading.every((way) => !ctx.user.roles.has(way.allowed))
    refuse(
      operation,
      workflow,
      isOwn
        ? `"${leading[0]?.action}" is for somebody else than its owner.`
        : `"${leading[0]?.action}" is for ${[...new Set(leading.map((way) => way.allowed))].join(', ')}.`,
    )
  }
  const name = String(document.name ?? '')
  const explained = open.filter((way) => way.require_comment !== 1 || reasonFor(ctx, document.doctype, name).trim() !== '')
  if (explained.length === 0)
    throw new WorkflowReasonMissing({ doctype: document.doctype, name, field: 'comment', action: String(open[0]?.action) })
  return explained
}

/** Who has no part in the state may make a transition out of it, and nothing else on the way. */
function checkEditor(
  operation: SaveOperation,
  workflow: Workflow,
  state: string,
  written: ReadonlySet<string>,
  ways: readonly WorkflowTransition[],
): void {
  const { ctx, meta, document, before, kind } = operation
  if (!before || mayEditIn(ctx, workflow, state)) return
  const fields = changedFields(meta, document, before).filter((field) => !written.has(field))
  const isMoreThanTransition = fields.length > 0 || (ways.length === 0 && kind !== 'cancel')
  if (!isMoreThanTransition) return
  throw new WorkflowEditDenied({
    doctype: meta.name,
    name: String(document.name),
    state,
    roles: editorsIn(workflow, state),
    fields,
  })
}

function checkDocstatus(operation: SaveOperation, workflow: Workflow, target: WorkflowState, moves: boolean): void {
  const { document, before, kind } = operation
  if (document.docstatus === docstatusIn(target)) return
  // A workflow without a way to cancel leaves that to those who hold the right.
  if (kind === 'cancel' && !moves && !cancelsByTransition(workflow)) return
  refuse(
    operation,
    workflow,
    document.docstatus === (before?.docstatus ?? 0)
      ? `the state "${target.state}" is reached by an action of the workflow.`
      : `the workflow decides when it is submitted or cancelled; use one of its actions.`,
  )
}

function setField(ctx: Context, meta: Meta, state: WorkflowState, document: AnyDocument): void {
  const field = state.update_field ? meta.field.get(state.update_field) : undefined
  if (!field) return
  const value = state.evaluate_as_expression ? expressionValue(ctx, state.update_value ?? '', document) : state.update_value
  ;(document as Record<string, unknown>)[field.fieldname] = field.type.cast(value ?? null, field, documentForm, field.fieldname)
}

function refuse({ document }: SaveOperation, workflow: Workflow, reason: string): never {
  throw new WorkflowTransitionRefused({
    doctype: document.doctype,
    name: String(document.name ?? ''),
    field: workflow.workflow_state_field,
    reason,
  })
}
