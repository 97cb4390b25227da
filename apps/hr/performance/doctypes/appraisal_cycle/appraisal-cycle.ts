import { Type } from 'typebox'
import { and, or, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { type AnyDocument, Document } from '#kernel/documents/document.ts'
import { insert, save } from '#kernel/documents/save.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { defineDocumentMethod } from '#kernel/methods/method.ts'
import { checkOrder, rowsOf } from '../../../shared/rows.ts'
import { AppraisalRefused } from '../../errors.ts'
import { checkScoreFormula } from '../../score.ts'

interface CycleFields {
  organization: string
  status: 'Not Started' | 'In Progress' | 'Completed'
  start_date: string
  end_date: string
  calculate_final_score_based_on_formula: number
  final_score_formula: string | null
  branch: string | null
  department: string | null
  designation: string | null
  appraisal_template: string | null
  appraisees: { employee: string; appraisal_template: string | null }[]
}

/** A time in which people are judged. */
export default class AppraisalCycle extends Document<CycleFields> {
  validate(_ctx: Context, { before }: { before?: CycleFields } = {}): void {
    checkOrder(this.start_date, this.end_date, 'end_date')
    this.status = before?.status ?? 'Not Started'
    if (this.calculate_final_score_based_on_formula && this.final_score_formula)
      checkScoreFormula(this.final_score_formula, 'final_score_formula')
    const twice = this.appraisees.findIndex(({ employee }, index) => this.appraisees.findIndex((row) => row.employee === employee) < index)
    if (twice >= 0) throw new AppraisalRefused({ field: `appraisees[${twice}].employee`, reason: 'this person is there twice.' })
    for (const row of this.appraisees) row.appraisal_template ||= this.appraisal_template
  }
}

async function setEmployees(ctx: Context, document: AnyDocument): Promise<{ appraisees: number }> {
  const cycle = document as unknown as AppraisalCycle
  const places = (['branch', 'department', 'designation'] as const).flatMap((field) =>
    cycle[field] ? [where(field, '=', cycle[field])] : [],
  )
  const people = await rowsOf(
    ctx,
    'Employee',
    and(
      where('organization', '=', cycle.organization),
      where('status', '=', 'Active'),
      where('date_of_joining', '<=', cycle.end_date),
      or({ field: 'relieving_date', op: 'not set' }, where('relieving_date', '>=', cycle.start_date)),
      ...places,
    ),
    { fields: ['name'], orderBy: [['name', 'asc']] },
  )
  await save(ctx, document, { appraisees: people.map(({ name }) => ({ employee: name })) })
  return { appraisees: people.length }
}

async function createAppraisals(ctx: Context, document: AnyDocument): Promise<{ created: number }> {
  const cycle = document as unknown as AppraisalCycle
  if (cycle.status === 'Completed') throw new AppraisalRefused({ field: 'status', reason: 'the cycle is completed.' })
  const there = await rowsOf(ctx, 'Appraisal', and(where('appraisal_cycle', '=', cycle.name), where('docstatus', '<', 2)), {
    fields: ['employee'],
  })
  const done = new Set(there.map(({ employee }) => employee))
  let created = 0
  for (const [index, { employee, appraisal_template }] of cycle.appraisees.entries()) {
    if (done.has(employee)) continue
    if (!appraisal_template) throw new AppraisalRefused({ field: `appraisees[${index}].appraisal_template`, reason: 'it is needed.' })
    await insert(ctx, 'Appraisal', { employee, organization: cycle.organization, appraisal_cycle: cycle.name, appraisal_template })
    created++
  }
  await setStatus(ctx, document, 'In Progress')
  return { created }
}

/** The status is the platform's, so it is written past what people may write. */
async function setStatus(ctx: Context, document: AnyDocument, status: CycleFields['status']): Promise<void> {
  await writeThrough(ctx, 'Appraisal Cycle', document.name, { status })
}

async function complete(ctx: Context, document: AnyDocument): Promise<{ status: string }> {
  const [open] = await rowsOf(ctx, 'Appraisal', and(where('appraisal_cycle', '=', document.name), where('docstatus', '=', 0)), {
    fields: ['name'],
    limit: 1,
  })
  if (open) throw new AppraisalRefused({ field: 'status', reason: `${open.name} is not submitted.` })
  await setStatus(ctx, document, 'Completed')
  return { status: 'Completed' }
}

const verb = { doctype: 'Appraisal Cycle', input: Type.Object({}), needs: 'write' } as const

export const documentMethods = [
  defineDocumentMethod({
    ...verb,
    verb: 'set_employees',
    summary: 'Puts in everybody who works in these places at that time.',
    handler: (ctx, document) => setEmployees(ctx, document),
  }),
  defineDocumentMethod({
    ...verb,
    verb: 'create_appraisals',
    summary: 'Makes the appraisals that are missing, and begins the cycle.',
    handler: (ctx, document) => createAppraisals(ctx, document),
  }),
  defineDocumentMethod({
    ...verb,
    verb: 'complete_cycle',
    summary: 'Ends the cycle once every appraisal of it is submitted.',
    handler: (ctx, document) => complete(ctx, document),
  }),
]
