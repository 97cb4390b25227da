import { where } from '#client/rules/predicate.ts'
import { allRules, rulesFor, type RuleKind } from '#kernel/automation/active-rules.ts'
import { conditionHolds } from '#kernel/automation/condition.ts'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'

/** A row of `states`. */
export interface WorkflowState {
  readonly state: string
  /** `0`, `1` or `2`. */
  readonly doc_status: string | null
  readonly update_field: string | null
  readonly update_value: string | null
  readonly evaluate_as_expression: 0 | 1
  readonly allow_edit: string
  readonly send_email: 0 | 1
  readonly is_optional_state: 0 | 1
  readonly message: string | null
}

/** A row of `transitions`. */
export interface WorkflowTransition {
  readonly state: string
  readonly action: string
  readonly next_state: string
  readonly allowed: string
  readonly allow_self_approval: 0 | 1
  readonly require_comment: 0 | 1
  readonly send_email_to_creator: 0 | 1
  readonly condition: string | null
}

/** An active workflow, as stored. */
export interface Workflow {
  readonly name: string
  readonly document_type: string
  readonly workflow_state_field: string
  readonly send_email_alert: 0 | 1
  readonly states: readonly WorkflowState[]
  readonly transitions: readonly WorkflowTransition[]
}

/** Active workflows, as rules by DocType. */
const workflowKind: RuleKind = { doctype: 'Workflow', target: 'document_type', active: where('is_active', '=', 1) }

/** The workflow in force for a DocType; a look-up in memory once it is known. */
export function workflowFor(ctx: Context, doctype: string): Workflow | undefined | Promise<Workflow | undefined> {
  const rules = rulesFor(ctx, workflowKind, doctype)
  return rules instanceof Promise ? rules.then(first) : first(rules)
}

/** One workflow per DocType is active; should two be, the one that was changed last has not been committed yet. */
function first(rules: readonly AnyDocument[]): Workflow | undefined {
  return rules[0] as unknown as Workflow | undefined
}

/** The first row of a state; a state may have several, one per role that edits. */
export function stateNamed(workflow: Workflow, state: unknown): WorkflowState | undefined {
  return workflow.states.find((row) => row.state === state)
}

/** What a document's state is; '' when it has none yet. */
export function stateOf(workflow: Workflow, document: AnyDocument): string {
  return String(document[workflow.workflow_state_field] ?? '')
}

/** The docstatus of documents in a state. */
export function docstatusIn(state: WorkflowState): 0 | 1 | 2 {
  return Number(state.doc_status ?? 0) as 0 | 1 | 2
}

/** Roles that may edit a document in this state. */
export function editorsIn(workflow: Workflow, state: string): string[] {
  return [...new Set(workflow.states.filter((row) => row.state === state).map((row) => row.allow_edit))]
}

/** Whether the acting user may edit documents in this state, as far as the workflow is concerned. */
export function mayEditIn(ctx: Context, workflow: Workflow, state: string): boolean {
  return ctx.user.unrestricted || editorsIn(workflow, state).some((role) => ctx.user.roles.has(role))
}

/** Ways out of a state that are open to the acting user by role and ownership; conditions are not asked. */
export function waysFor(ctx: Context, workflow: Workflow, from: string, owner: string): WorkflowTransition[] {
  return workflow.transitions.filter(
    (way) =>
      way.state === from &&
      (ctx.user.unrestricted || (ctx.user.roles.has(way.allowed) && (way.allow_self_approval === 1 || owner !== ctx.user.name))),
  )
}

/** The transitions that the acting user can make now: role, ownership and condition fit the document. */
export function transitionsFor(ctx: Context, workflow: Workflow, document: AnyDocument): WorkflowTransition[] {
  return waysFor(ctx, workflow, stateOf(workflow, document), document.owner).filter((way) => conditionHolds(ctx, way.condition, document))
}

/** Whether documents are cancelled by a transition, and therefore in no other way. */
export function cancelsByTransition(workflow: Workflow): boolean {
  return workflow.transitions.some((way) => docstatusIn(stateNamed(workflow, way.next_state) as WorkflowState) === 2)
}

/** DocTypes that have an active workflow. */
export async function workflowDocTypes(ctx: Context): Promise<string[]> {
  return [...(await allRules(ctx.site, workflowKind)).keys()]
}
