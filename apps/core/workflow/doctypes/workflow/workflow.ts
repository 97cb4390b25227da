import { Type } from 'typebox'
import { where } from '#client/rules/predicate.ts'
import { conditionComplaint } from '#kernel/automation/condition.ts'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { type AnyDocument, Document } from '#kernel/documents/document.ts'
import { load } from '#kernel/documents/load.ts'
import { insert, save } from '#kernel/documents/save.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import { metaWithin } from '#kernel/meta/within.ts'
import { type DocumentMethod, defineDocumentMethod } from '#kernel/methods/method.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import { WorkflowInvalid, WorkflowStateInUse } from '#kernel/workflow/errors.ts'
import type { WorkflowState, WorkflowTransition } from '#kernel/workflow/workflow.ts'
import { followState } from '../../actions.ts'

/** Documents that one call moves to another state. */
const mostMoved = 1000

interface WorkflowFields {
  document_type: string
  is_active: 0 | 1
  workflow_state_field: string
  states: WorkflowState[]
  transitions: WorkflowTransition[]
}

/** States of a DocType's documents and the ways between them. What it says is obeyed by every save, see kernel/workflow/steps.ts. */
export default class Workflow extends Document<WorkflowFields> {
  async validate(ctx: Context): Promise<void> {
    const meta = await ctx.site.meta.get(this.document_type)
    if (meta.isTable || meta.isSingle || meta.isVirtual) refuse(this, 'document_type', `documents of ${meta.name} have no states.`)
    checkStates(this, meta)
    checkTransitions(this)
    checkStateField(this, meta)
    if (this.is_active === 1) await checkDocuments(this, ctx, meta)
  }

  async on_update(ctx: Context): Promise<void> {
    if (this.is_active === 1) {
      await deactivateOthers(this, ctx)
      await makeStateField(this, ctx)
      await placeDocuments(this, ctx)
    }
  }

  async on_change(ctx: Context): Promise<void> {
    await bumpEpoch(ctx, 'config')
  }
}

function refuse(workflow: Workflow, field: string, reason: string): never {
  throw new WorkflowInvalid({ workflow: workflow.name, field, reason })
}

function checkStates(workflow: Workflow, meta: Meta): void {
  const docstatus = new Map<string, string>()
  for (const [index, row] of workflow.states.entries()) {
    const path = `states[${index}]`
    const status = row.doc_status || '0'
    if ((docstatus.get(row.state) ?? status) !== status)
      refuse(workflow, `${path}.doc_status`, `the state "${row.state}" is listed with two document statuses.`)
    docstatus.set(row.state, status)
    if (status !== '0' && !meta.isSubmittable) refuse(workflow, `${path}.doc_status`, `documents of ${meta.name} cannot be submitted.`)
    if (row.update_field) checkField(workflow, meta, `${path}.update_field`, row.update_field)
    if (row.evaluate_as_expression) checkExpression(workflow, `${path}.update_value`, row.update_value)
  }
  if (docstatus.get(workflow.states[0]?.state ?? '') !== '0') refuse(workflow, 'states[0].doc_status', 'new documents begin as drafts.')
}

function checkField(workflow: Workflow, meta: Meta, path: string, fieldname: string): void {
  const field = meta.field.get(fieldname)
  if (!field?.stored || field.fieldtype === 'Password') refuse(workflow, path, `${meta.name} stores no field "${fieldname}".`)
  if (fieldname === workflow.workflow_state_field) refuse(workflow, path, 'the state itself is set by the transition.')
}

function checkExpression(workflow: Workflow, path: string, source: unknown): void {
  const complaint = conditionComplaint(source)
  if (complaint) refuse(workflow, path, complaint)
}

function checkTransitions(workflow: Workflow): void {
  const status = new Map(workflow.states.map((row) => [row.state, row.doc_status || '0']))
  for (const [index, way] of workflow.transitions.entries()) {
    const path = `transitions[${index}]`
    const [from, to] = [status.get(way.state), status.get(way.next_state)]
    if (from === undefined) refuse(workflow, `${path}.state`, `"${way.state}" is not among the states.`)
    if (to === undefined) refuse(workflow, `${path}.next_state`, `"${way.next_state}" is not among the states.`)
    if (way.state === way.next_state) refuse(workflow, `${path}.next_state`, `a transition leads from "${way.state}" to itself.`)
    if (!['00', '01', '11', '12'].includes(`${from}${to}`))
      refuse(
        workflow,
        `${path}.next_state`,
        `no document goes from "${way.state}" (${from}) to "${way.next_state}" (${to}): draft, submitted, cancelled.`,
      )
    checkExpression(workflow, `${path}.condition`, way.condition)
  }
}

function checkStateField(workflow: Workflow, meta: Meta): void {
  const field = meta.field.get(workflow.workflow_state_field)
  if (!field) return
  const refuseField = (reason: string): never => refuse(workflow, 'workflow_state_field', reason)
  if (!field.stored || !holdsText(field)) refuseField(`"${field.fieldname}" of ${meta.name} cannot hold a state.`)
  const options = new Set((field.options ?? '').split('\n'))
  const missing = field.fieldtype === 'Select' ? workflow.states.find((row) => !options.has(row.state)) : undefined
  if (missing) refuseField(`"${missing.state}" is no option of "${field.fieldname}".`)
  if (field.permlevel > 0) refuseField(`"${field.fieldname}" is not open to everybody who may write.`)
}

/** No document is left in a state that the workflow does not know, or that means another document status. */
async function checkDocuments(workflow: Workflow, ctx: Context, meta: Meta): Promise<void> {
  if (!meta.column.has(workflow.workflow_state_field)) return
  const state = ident(workflow.workflow_state_field)
  const rows = await ctx.db.query<{ state: string | null; docstatus: number; n: number }>(
    ctx.db.dialect.compile(sql`select ${state} as state, docstatus, count(*) as n from ${ident(meta.table)} group by ${state}, docstatus`),
  )
  const status = new Map(workflow.states.map((row) => [row.state, Number(row.doc_status || 0)]))
  for (const row of rows) {
    if (row.state === null || row.state === '') continue
    const fits = status.has(row.state) && (status.get(row.state) === Number(row.docstatus) || Number(row.docstatus) === 2)
    if (!fits) throw new WorkflowStateInUse({ workflow: workflow.name, field: 'states', state: row.state, documents: Number(row.n) })
  }
}

async function deactivateOthers(workflow: Workflow, ctx: Context): Promise<void> {
  const meta = await ctx.site.meta.get('Workflow')
  const active = await findRows(
    ctx,
    meta,
    { all: [where('document_type', '=', workflow.document_type), where('is_active', '=', 1)] },
    { fields: ['name'] },
  )
  const elevated = ctx.asSystem('one workflow per DocType is active')
  for (const { name } of active) if (name !== workflow.name) await save(elevated, await load(elevated, meta, name, true), { is_active: 0 })
}

async function makeStateField(workflow: Workflow, ctx: Context): Promise<void> {
  const meta = await metaWithin(ctx, workflow.document_type)
  if (meta.field.has(workflow.workflow_state_field)) return
  await insert(ctx.asSystem('the field in which a workflow keeps the state'), 'Custom Field', {
    dt: workflow.document_type,
    fieldname: workflow.workflow_state_field,
    label: 'Workflow State',
    fieldtype: 'Link',
    options: 'Workflow State',
    hidden: 1,
    allow_on_submit: 1,
    no_copy: 1,
    search_index: 1,
  })
}

/** Documents from before the workflow begin in the first state of their document status. */
async function placeDocuments(workflow: Workflow, ctx: Context): Promise<void> {
  const meta = await metaWithin(ctx, workflow.document_type)
  const field = ident(workflow.workflow_state_field)
  for (const docstatus of ['0', '1', '2']) {
    const state = workflow.states.find((row) => (row.doc_status || '0') === docstatus)?.state
    if (state === undefined) continue
    await ctx.db.execute(
      ctx.db.dialect.compile(
        sql`update ${ident(meta.table)} set ${field} = ${state} where docstatus = ${Number(docstatus)} and (${field} is null or ${field} = ${''})`,
      ),
    )
  }
}

function holdsText(field: MetaField): boolean {
  return field.fieldtype === 'Data' || field.fieldtype === 'Select' || (field.fieldtype === 'Link' && field.options === 'Workflow State')
}

/** Moves documents of a state that is to go, without a transition; the history of each says so. */
async function moveDocuments(ctx: Context, workflow: AnyDocument & WorkflowFields, from: string, to: string): Promise<number> {
  const refuse = (field: string, reason: string): never => {
    throw new WorkflowInvalid({ workflow: String(workflow.name), field, reason })
  }
  const status = (state: string) => workflow.states.find((row) => row.state === state)?.doc_status || '0'
  if (!workflow.states.some((row) => row.state === to)) refuse('to', `"${to}" is not among the states.`)
  if (status(from) !== status(to)) refuse('to', `"${from}" and "${to}" mean different document statuses.`)
  const meta = await ctx.site.meta.get(workflow.document_type)
  const field = workflow.workflow_state_field
  if (!meta.column.has(field)) return 0
  const elevated = ctx.asSystem(`moves documents from the state "${from}" to "${to}"`)
  const rows = await findRows(elevated, meta, where(field, '=', from), { fields: ['name'], limit: mostMoved })
  for (const { name } of rows) {
    const before = await load(elevated, meta, name, true)
    await writeThrough(elevated, meta.name, name, { [field]: to }, { touch: true })
    await followState(elevated, await load(elevated, meta, name), { before })
  }
  return rows.length
}

export const documentMethods: DocumentMethod[] = [
  defineDocumentMethod({
    verb: 'move_documents',
    doctype: 'Workflow',
    summary: `Moves up to ${mostMoved} documents from one state to another of the same document status, before the first is removed; answers how many.`,
    input: Type.Object({ from: Type.String({ minLength: 1, maxLength: 140 }), to: Type.String({ minLength: 1, maxLength: 140 }) }),
    needs: 'write',
    handler: (ctx, workflow, given) => {
      const { from, to } = given as { from: string; to: string }
      return moveDocuments(ctx, workflow as unknown as AnyDocument & WorkflowFields, from, to)
    },
  }),
]
