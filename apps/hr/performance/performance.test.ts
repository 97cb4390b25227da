import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BadFormula } from '#client/rules/payroll-errors.ts'
import { where } from '#client/rules/predicate.ts'
import { DocumentNotFound, SubmittedIsFixed } from '#kernel/documents/errors.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { remove } from '#kernel/documents/remove.ts'
import { insert, openForWrite, save, submit } from '#kernel/documents/save.ts'
import { callDocumentMethod } from '#kernel/methods/call-document.ts'
import { LinkNotFound, PermissionDenied } from '#kernel/permissions/errors.ts'
import { list } from '#kernel/query/list.ts'
import { payingHouse } from '#testing/payroll.ts'
import { DatesOutOfOrder, OfAnotherOrganization, Overlapping } from '../errors.ts'
import { rowsOf } from '../shared/rows.ts'
import { AppraisalRefused, NotYours } from './errors.ts'

const house = await payingHouse()
const { as, asSystem, make, hired, hana, fred, olga, emma } = house
const north = { organization: 'North' }
const lena = await house.user('lena@example.com', ['Employee'])
await make('User Permission', { user: lena, allow: 'Organization', for_value: 'North' })
const lead = await hired('Lena', { user_id: lena })
const employee = await hired('Emma', { user_id: emma, reports_to: lead })
const [quality, speed] = [await make('KRA', { title: 'Quality', ...north }), await make('KRA', { title: 'Speed', ...north })]
const [kind, fair] = [
  await make('Employee Feedback Criteria', { criteria: 'Kind', ...north }),
  await make('Employee Feedback Criteria', { criteria: 'Fair', ...north }),
]
const template = await make('Appraisal Template', {
  template_title: 'Staff',
  ...north,
  goals: [
    { key_result_area: quality, per_weightage: 60 },
    { key_result_area: speed, per_weightage: 40 },
  ],
  rating_criteria: [
    { criteria: kind, per_weightage: 50 },
    { criteria: fair, per_weightage: 50 },
  ],
})

let cycles = 0
const cycle = (values: Record<string, unknown> = {}) =>
  make('Appraisal Cycle', {
    cycle_name: `Cycle ${++cycles}`,
    ...north,
    start_date: '2026-01-01',
    end_date: '2026-12-31',
    appraisal_template: template,
    appraisees: [{ employee }],
    ...values,
  })
const call = (user: string, doctype: string, name: string, verb: string, input = {}) =>
  as(user, (ctx) => callDocumentMethod(ctx, doctype, name, verb, input, 'POST'))
const begun = async (values: Record<string, unknown> = {}) => {
  const name = await cycle(values)
  await call(hana, 'Appraisal Cycle', name, 'create_appraisals')
  const [appraisal] = await asSystem((ctx) => rowsOf(ctx, 'Appraisal', where('appraisal_cycle', '=', name)))
  return { cycle: name, appraisal: String(appraisal?.name) }
}
const read = (doctype: string, name: string, user = hana) => as(user, (ctx) => getDocument(ctx, doctype, name))
const change = (doctype: string, name: string, values: Record<string, unknown>, user = hana) =>
  as(user, async (ctx) => save(ctx, await openForWrite(ctx, doctype, name), values))
const goal = (values: Record<string, unknown>, user = emma) =>
  as(
    user,
    async (ctx) => (await insert(ctx, 'Goal', { employee, ...north, goal_name: 'A goal', start_date: '2026-01-01', ...values })).name,
  )
const refused = async (work: Promise<unknown>, kind: { is(error: unknown): boolean }, field: string) =>
  assert.rejects(work, (error) => {
    assert.ok(kind.is(error), String(error))
    assert.equal((error as { field: string }).field, field)
    return true
  })
const feedbackOf = (appraisal: string, rating: number, user = lena, values: Record<string, unknown> = {}) =>
  as(user, async (ctx) => {
    const one = await insert(ctx, 'Employee Performance Feedback', {
      employee,
      ...north,
      reviewer: lead,
      appraisal,
      feedback: 'Well done.',
      feedback_ratings: [{ criteria: kind, per_weightage: 100, rating }],
      ...values,
    })
    return submit(ctx, one)
  })

test('goals roll up to those above them, and their KRAs into the open appraisal; feedback and self rating make the rest of the score', async () => {
  const { cycle: name, appraisal } = await begun()
  const about = { appraisal_cycle: name, kra: quality }
  const top = await goal({ is_group: 1, ...about })
  const middle = await goal({ is_group: 1, parent_goal: top })
  const [one, two] = [await goal({ parent_goal: middle, progress: 50 }), await goal({ parent_goal: middle })]
  const other = await goal({ parent_goal: top, progress: 75 })
  await goal({ appraisal_cycle: name, kra: speed, progress: 20 })
  assert.deepEqual([(await read('Goal', middle)).progress, (await read('Goal', top)).progress], [25, 50])
  assert.deepEqual([(await read('Goal', one)).kra, (await read('Goal', top)).status], [quality, 'In Progress'])
  assert.equal((await read('Appraisal', appraisal)).goal_score_percentage, 50 * 0.6 + 20 * 0.4)
  await change('Goal', two, { progress: 100 }, emma)
  await change('Goal', other, { status: 'Archived' }, emma)
  assert.deepEqual([(await read('Goal', middle)).progress, (await read('Goal', top)).progress], [75, 75])
  await as(emma, (ctx) => remove(ctx, 'Goal', one))
  assert.equal((await read('Goal', top)).progress, 100)
  await feedbackOf(appraisal, 0.6)
  await feedbackOf(appraisal, 1, hana)
  await call(emma, 'Appraisal', appraisal, 'rate_myself', {
    ratings: [
      { criteria: kind, rating: 1 },
      { criteria: fair, rating: 0.4 },
    ],
  })
  const done = await read('Appraisal', appraisal)
  assert.deepEqual(
    [done.goal_score_percentage, done.total_score, done.avg_feedback_score, done.self_score, done.final_score],
    [68, 3.4, 4, 3.5, 3.633],
  )
})

test('a cycle may rate by hand and say how the final score is made', async () => {
  const { appraisal } = await begun({
    kra_evaluation_method: 'Manual Rating',
    calculate_final_score_based_on_formula: 1,
    final_score_formula: 'goal_score * .9 + self_appraisal_score * .1',
  })
  const goals = (await read('Appraisal', appraisal)).goals as Record<string, unknown>[]
  await refused(
    change('Appraisal', appraisal, { goals: goals.map((row) => ({ ...row, score: 5.5 })) }, lena),
    AppraisalRefused,
    'goals[0].score',
  )
  const rated = await change('Appraisal', appraisal, { goals: goals.map((row, index) => ({ ...row, score: index ? 2 : 4 })) }, lena)
  assert.deepEqual([rated.total_score, rated.final_score], [3.2, 2.88])
  const final = await as(lena, async (ctx) => submit(ctx, await openForWrite(ctx, 'Appraisal', appraisal)))
  assert.equal(final.docstatus, 1)
  await assert.rejects(change('Appraisal', appraisal, { remarks: 'later' }), SubmittedIsFixed.is)
  await refused(feedbackOf(appraisal, 1), AppraisalRefused, 'appraisal')
  await refused(call(emma, 'Appraisal', appraisal, 'rate_myself', { ratings: [] }), AppraisalRefused, 'docstatus')
})

test('people read their own appraisal and write nothing of it but their self rating; who leads them writes it', async () => {
  const { appraisal } = await begun()
  assert.equal((await read('Appraisal', appraisal, emma)).name, appraisal)
  await assert.rejects(change('Appraisal', appraisal, { remarks: 'splendid' }, emma), PermissionDenied.is)
  await assert.rejects(
    as(emma, async (ctx) => submit(ctx, await openForWrite(ctx, 'Appraisal', appraisal, 'submit'))),
    PermissionDenied.is,
  )
  assert.equal((await change('Appraisal', appraisal, { remarks: 'solid' }, lena)).remarks, 'solid')
  await refused(call(lena, 'Appraisal', appraisal, 'rate_myself', { ratings: [] }), NotYours, 'employee')
  await refused(
    call(emma, 'Appraisal', appraisal, 'rate_myself', { ratings: [{ criteria: quality, rating: 1 }] }),
    AppraisalRefused,
    'ratings[0].criteria',
  )
  await assert.rejects(change('Appraisal', appraisal, { remarks: 'x' }, fred), PermissionDenied.is)
  await assert.rejects(read('Appraisal', appraisal, olga), DocumentNotFound.is)
  for (const doctype of ['Appraisal', 'Goal', 'KRA', 'Appraisal Cycle'])
    assert.deepEqual((await as(olga, (ctx) => list(ctx, doctype, { wire: { version: 1, zone: 'UTC' } }))).rows, [], doctype)
})

test('feedback is the reviewer’s own word: nobody gives it in somebody else’s name or on themselves, and a draft stays theirs', async () => {
  const { appraisal } = await begun()
  await assert.rejects(feedbackOf(appraisal, 1, emma), PermissionDenied.is)
  await refused(feedbackOf(appraisal, 1, emma, { reviewer: employee }), AppraisalRefused, 'reviewer')
  const draft = await as(lena, (ctx) =>
    insert(ctx, 'Employee Performance Feedback', { employee, ...north, reviewer: lead, appraisal, feedback: 'Not yet.' }),
  )
  await assert.rejects(read('Employee Performance Feedback', draft.name, emma), PermissionDenied.is)
  const given = await feedbackOf(appraisal, 0.5)
  assert.equal((await read('Employee Performance Feedback', given.name, emma)).total_score, 2.5)
})

test('a cycle takes in who works there, makes what is missing, and ends when all is submitted', async () => {
  const name = await cycle({ appraisees: [] })
  await call(hana, 'Appraisal Cycle', name, 'set_employees')
  assert.deepEqual((await call(hana, 'Appraisal Cycle', name, 'create_appraisals')).result, { created: 2 })
  assert.deepEqual((await call(hana, 'Appraisal Cycle', name, 'create_appraisals')).result, { created: 0 })
  await refused(call(hana, 'Appraisal Cycle', name, 'complete_cycle'), AppraisalRefused, 'status')
  for (const row of await asSystem((ctx) => rowsOf(ctx, 'Appraisal', where('appraisal_cycle', '=', name))))
    await as(hana, async (ctx) => submit(ctx, await openForWrite(ctx, 'Appraisal', row.name)))
  await call(hana, 'Appraisal Cycle', name, 'complete_cycle')
  assert.equal((await read('Appraisal Cycle', name)).status, 'Completed')
})

test('what cannot be is refused with its field', async () => {
  const { cycle: name } = await begun()
  const build = (doctype: string, values: Record<string, unknown>) => as(hana, (ctx) => insert(ctx, doctype, { ...north, ...values }))
  const weights = (...list: number[]) => list.map((per_weightage, index) => ({ key_result_area: index ? speed : quality, per_weightage }))
  await refused(build('Appraisal Template', { template_title: 'a', goals: weights(50, 49) }), AppraisalRefused, 'goals')
  const dates = { cycle_name: 'b', start_date: '2026-02-01', end_date: '2026-01-01' }
  await refused(build('Appraisal Cycle', dates), DatesOutOfOrder, 'end_date')
  const formula = { cycle_name: 'c', start_date: '2026-01-01', end_date: '2026-02-01', calculate_final_score_based_on_formula: 1 }
  await refused(build('Appraisal Cycle', { ...formula, final_score_formula: 'gaol_score' }), BadFormula, 'final_score_formula')
  await refused(build('Appraisal', { employee, appraisal_cycle: name, appraisal_template: template }), Overlapping, 'appraisal_cycle')
  await refused(goal({ progress: 101 }), AppraisalRefused, 'progress')
  await refused(goal({ end_date: '2025-12-31' }), DatesOutOfOrder, 'end_date')
  await refused(goal({ kra: quality }), AppraisalRefused, 'appraisal_cycle')
  const theirs = await goal({ is_group: 1, employee: lead }, hana)
  await refused(goal({ parent_goal: theirs }, hana), AppraisalRefused, 'parent_goal')
  const foreign = await make('KRA', { title: 'Far', organization: 'South' })
  await assert.rejects(goal({ kra: foreign, appraisal_cycle: name }), LinkNotFound.is)
  await refused(
    asSystem((ctx) =>
      insert(ctx, 'Goal', { employee, ...north, goal_name: 'x', start_date: '2026-01-01', kra: foreign, appraisal_cycle: name }),
    ),
    OfAnotherOrganization,
    'kra',
  )
})
