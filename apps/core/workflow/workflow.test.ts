import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Context } from '#kernel/context/context.ts'
import { documentForm } from '#kernel/documents/cast.ts'
import { SubmittedIsFixed } from '#kernel/documents/errors.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { remove } from '#kernel/documents/remove.ts'
import { rename } from '#kernel/documents/rename.ts'
import { restore } from '#kernel/documents/restore.ts'
import { cancel, discard, insert, openForWrite, save, submit } from '#kernel/documents/save.ts'
import { setValue } from '#kernel/documents/values.ts'
import { callMethod, findMethod } from '#kernel/methods/call.ts'
import { callDocumentMethod } from '#kernel/methods/call-document.ts'
import { explain } from '#kernel/permissions/explain.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { list } from '#kernel/query/list.ts'
import { applyWorkflow } from '#kernel/workflow/apply.ts'
import {
  WorkflowEditDenied,
  WorkflowInvalid,
  WorkflowMissing,
  WorkflowMoved,
  WorkflowReasonMissing,
  WorkflowStateInUse,
  WorkflowTransitionRefused,
} from '#kernel/workflow/errors.ts'
import { testDatabases } from '#testing/services.ts'
import { type TestSite, testSite } from '#testing/site.ts'

const [ann, ben, cho, dan] = ['ann@example.com', 'ben@example.com', 'cho@example.com', 'dan@example.com'] as const
const rights = { read: 1, write: 1, create: 1, submit: 1, cancel: 1, amend: 1, delete: 1 }

/** A DocType of expenses: Ann and Ben ask, Cho approves, Dan may read and write but has no part in the workflow. */
async function world(database: 'sqlite' | 'postgres' | 'mariadb'): Promise<TestSite> {
  const site = await testSite({ database })
  for (const role of ['Asker', 'Approver', 'Bystander']) await site.make('Role', { role_name: role })
  for (const [user, role] of [
    [ann, 'Asker'],
    [ben, 'Asker'],
    [cho, 'Approver'],
    [dan, 'Bystander'],
  ] as const)
    await site.user(user, [role])
  await site.make('DocType', {
    name: 'Expense Request',
    module: 'Custom',
    custom: 1,
    is_submittable: 1,
    autoname: 'hash',
    fields: [
      { fieldname: 'purpose', fieldtype: 'Data', label: 'Purpose' },
      { fieldname: 'amount', fieldtype: 'Currency', label: 'Amount' },
      { fieldname: 'amended_from', fieldtype: 'Link', options: 'Expense Request', label: 'Amended from', no_copy: 1 },
      { fieldname: 'decision', fieldtype: 'Data', label: 'Decision' },
    ],
    permissions: ['Asker', 'Approver', 'Bystander'].map((role) => ({ role, ...rights })),
  })
  for (const name of ['Draft', 'Waiting', 'Approved', 'Rejected', 'Withdrawn'])
    await site.make('Workflow State', { workflow_state_name: name })
  for (const name of ['Ask', 'Approve', 'Reject', 'Withdraw']) await site.make('Workflow Action Master', { workflow_action_name: name })
  return site
}

const states = [
  { state: 'Draft', doc_status: '0', allow_edit: 'Asker' },
  { state: 'Waiting', doc_status: '0', allow_edit: 'Approver' },
  { state: 'Approved', doc_status: '1', allow_edit: 'Approver', update_field: 'decision', update_value: 'yes' },
  { state: 'Rejected', doc_status: '0', allow_edit: 'Asker' },
  { state: 'Withdrawn', doc_status: '2', allow_edit: 'Approver' },
]
const transitions = [
  { state: 'Draft', action: 'Ask', next_state: 'Waiting', allowed: 'Asker' },
  {
    state: 'Waiting',
    action: 'Approve',
    next_state: 'Approved',
    allowed: 'Approver',
    condition: 'doc.amount <= 1000',
    allow_self_approval: 0,
  },
  { state: 'Waiting', action: 'Reject', next_state: 'Rejected', allowed: 'Approver', require_comment: 1 },
  { state: 'Approved', action: 'Withdraw', next_state: 'Withdrawn', allowed: 'Approver' },
]
const definition = { workflow_name: 'Expenses', document_type: 'Expense Request', is_active: 1, states, transitions }

const ask = async (site: TestSite, user: string, values: Record<string, unknown> = {}): Promise<string> =>
  String((await site.as(user, (ctx) => insert(ctx, 'Expense Request', { purpose: 'Train', amount: 100, ...values }))).name)
const act = (site: TestSite, user: string, name: string, action: string, options = {}) =>
  site.as(user, (ctx) => applyWorkflow(ctx, 'Expense Request', name, action, options))
const read = (site: TestSite, name: string) => site.asSystem((ctx) => getDocument(ctx, 'Expense Request', name))
const call = (ctx: Context, path: string, given: Record<string, unknown>) => callMethod(ctx, findMethod(ctx, path), given, 'POST')

for (const { name: database } of testDatabases())
  suite(`workflow: ${database}`, () => {
    test('a document goes its way by the actions of those who may take them, and by nothing else', async () => {
      const site = await world(database)
      const old = await ask(site, ann)
      await site.make('Workflow', definition)
      assert.equal((await read(site, old)).workflow_state, 'Draft', 'what was there before begins where new ones do')

      const name = await ask(site, ann)
      assert.equal((await read(site, name)).workflow_state, 'Draft')
      await assert.rejects(ask(site, ann, { workflow_state: 'Approved' }), WorkflowTransitionRefused.is)
      await assert.rejects(ask(site, ann, { docstatus: 1 }), WorkflowTransitionRefused.is)
      await assert.rejects(act(site, cho, name, 'Ask'), WorkflowTransitionRefused.is)
      await assert.rejects(act(site, dan, name, 'Ask'), WorkflowTransitionRefused.is)
      await assert.rejects(act(site, ann, name, 'Approve'), WorkflowMoved.is)
      await assert.rejects(act(site, ann, name, 'Vanish'), WorkflowTransitionRefused.is)
      await assert.rejects(
        site.as(dan, (ctx) => setValue(ctx, 'Expense Request', name, { purpose: 'Plane' })),
        WorkflowEditDenied.is,
      )
      await assert.rejects(
        site.as(ann, async (ctx) => submit(ctx, await openForWrite(ctx, 'Expense Request', name))),
        WorkflowTransitionRefused.is,
      )
      await assert.rejects(
        site.as(ann, async (ctx) => discard(ctx, await openForWrite(ctx, 'Expense Request', name))),
        WorkflowTransitionRefused.is,
      )
      await assert.rejects(
        site.as(ann, (ctx) => setValue(ctx, 'Expense Request', name, { workflow_state: 'Approved' })),
        WorkflowTransitionRefused.is,
      )

      // Full rights put a document where it was elsewhere, and are bound by the transitions from there.
      const brought = await site.make('Expense Request', { purpose: 'Old', amount: 5, workflow_state: 'Rejected' })
      assert.equal((await read(site, brought)).workflow_state, 'Rejected')
      assert.equal((await read(site, await site.make('Expense Request', { purpose: 'Old', docstatus: 1 }))).workflow_state, 'Approved')
      await assert.rejects(
        site.asSystem((ctx) => setValue(ctx, 'Expense Request', brought, { workflow_state: 'Draft' })),
        WorkflowTransitionRefused.is,
      )

      // A direct write of the state is a transition like any other.
      await site.as(ann, (ctx) => setValue(ctx, 'Expense Request', name, { workflow_state: 'Waiting' }))
      await assert.rejects(
        site.as(ann, (ctx) => setValue(ctx, 'Expense Request', name, { amount: 5 })),
        WorkflowEditDenied.is,
      )
      await act(site, cho, name, 'Approve')
      const approved = await read(site, name)
      assert.deepEqual([approved.workflow_state, approved.docstatus, approved.decision], ['Approved', 1, 'yes'])
      await assert.rejects(
        site.as(cho, (ctx) => setValue(ctx, 'Expense Request', name, { purpose: 'x' })),
        SubmittedIsFixed.is,
      )
      await assert.rejects(
        site.as(cho, async (ctx) => cancel(ctx, await openForWrite(ctx, 'Expense Request', name))),
        WorkflowTransitionRefused.is,
      )
      await act(site, cho, name, 'Withdraw')
      assert.deepEqual([(await read(site, name)).workflow_state, (await read(site, name)).docstatus], ['Withdrawn', 2])
      const amended = await ask(site, ann, { amended_from: name, workflow_state: 'Withdrawn' })
      assert.equal((await read(site, amended)).workflow_state, 'Draft')

      const comments = await site.asSystem((ctx) =>
        list(ctx, 'Comment', {
          wire: documentForm,
          fields: ['content'],
          filters: [
            ['reference_name', '=', name],
            ['comment_type', '=', 'Workflow'],
          ] as never,
          orderBy: 'creation asc',
        }),
      )
      assert.deepEqual(
        comments.rows.map((row) => row.content),
        ['Waiting', 'Approved', 'Withdrawn'],
      )
    })

    test('conditions, self-approval and reasons are asked of what is written', async () => {
      const site = await world(database)
      await site.user('both@example.com', ['Asker', 'Approver'])
      await site.make('Workflow', definition)
      const dear = await ask(site, ann, { amount: 2000 })
      await act(site, ann, dear, 'Ask')
      await assert.rejects(act(site, cho, dear, 'Approve'), WorkflowTransitionRefused.is)
      // Lowered and approved in one save: what counts is what is written, and raised and approved is refused.
      const cheap = await ask(site, ann)
      await act(site, ann, cheap, 'Ask')
      await assert.rejects(
        site.as(cho, (ctx) => setValue(ctx, 'Expense Request', cheap, { amount: 9000, workflow_state: 'Approved', docstatus: 1 })),
        WorkflowTransitionRefused.is,
      )
      await assert.rejects(act(site, cho, dear, 'Reject'), WorkflowReasonMissing.is)
      await act(site, cho, dear, 'Reject', { reason: 'Too <dear>' })
      const { rows } = await site.asSystem((ctx) =>
        list(ctx, 'Comment', {
          wire: documentForm,
          fields: ['content'],
          filters: [
            ['reference_name', '=', dear],
            ['content', 'like', 'Rejected%'],
          ] as never,
        }),
      )
      assert.deepEqual(
        rows.map((row) => row.content),
        ['Rejected: Too &lt;dear&gt;'],
      )
      const own = await ask(site, 'both@example.com')
      await act(site, 'both@example.com', own, 'Ask')
      await assert.rejects(act(site, 'both@example.com', own, 'Approve'), WorkflowTransitionRefused.is)
      await act(site, cho, own, 'Approve')
    })

    test('of two approvers who act at once exactly one wins, and the other is told', async () => {
      const site = await world(database)
      await site.user('cy@example.com', ['Approver'])
      await site.make('Workflow', definition)
      for (let round = 0; round < 3; round++) {
        const name = await ask(site, ann)
        await act(site, ann, name, 'Ask')
        const both = await Promise.allSettled([
          act(site, cho, name, 'Approve', { from: 'Waiting' }),
          act(site, 'cy@example.com', name, 'Reject', { from: 'Waiting', reason: 'no' }),
        ])
        const lost = both.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
        assert.equal(lost.length, 1)
        assert.ok(WorkflowMoved.is(lost[0]), String(lost[0]))
        assert.equal((lost[0] as { status: number }).status, 409)
      }
    })

    test('the list of open actions follows the document and shows nobody what they may not read', async () => {
      const site = await world(database)
      await site.make('Workflow', definition)
      const name = await ask(site, ann)
      const open = (user: string) =>
        site.as(user, (ctx) => call(ctx, 'orchestrator.workflow.open_actions', {})) as Promise<{ name: string; actions: string[] }[]>
      assert.deepEqual(
        (await open(ann)).map((one) => one.actions),
        [['Ask']],
      )
      assert.deepEqual(await open(cho), [])
      await act(site, ann, name, 'Ask')
      assert.deepEqual(
        (await open(cho)).map((one) => [one.name, ...one.actions]),
        [[name, 'Approve', 'Reject']],
      )
      const rowsOf = (user: string) =>
        site.as(
          user,
          async (ctx) => (await list(ctx, 'Workflow Action', { wire: documentForm, fields: ['status', 'workflow_state'] })).rows.length,
        )
      assert.equal(await rowsOf(cho), 1)
      assert.equal(await rowsOf(dan), 0)
      await site.make('Custom DocPerm', { parent: 'Expense Request', role: 'Approver', read: 1, write: 1, submit: 1, if_owner: 1 })
      assert.deepEqual(await open(cho), [])
      assert.equal(await rowsOf(cho), 0)
      await site.asSystem((ctx) => remove(ctx, 'Expense Request', name))
      assert.equal(await site.asSystem(async (ctx) => (await list(ctx, 'Workflow Action', { wire: documentForm })).rows.length), 0)
    })

    test('a workflow that would strand documents, or cannot work, is refused', async () => {
      const site = await world(database)
      await site.make('Workflow', definition)
      await ask(site, ann)
      const change = (values: Record<string, unknown>) => site.asSystem((ctx) => setValue(ctx, 'Workflow', 'Expenses', values))
      await assert.rejects(change({ states: states.slice(1), transitions: transitions.slice(1) }), WorkflowStateInUse.is)
      const move = (to: string) =>
        site.asSystem((ctx) => callDocumentMethod(ctx, 'Workflow', 'Expenses', 'move_documents', { from: 'Draft', to }, 'POST'))
      await assert.rejects(move('Approved'), WorkflowInvalid.is)
      assert.equal((await move('Waiting')).result, 1)
      await assert.rejects(
        site.as(cho, (ctx) =>
          callDocumentMethod(ctx, 'Workflow', 'Expenses', 'move_documents', { from: 'Waiting', to: 'Rejected' }, 'POST'),
        ),
        PermissionDenied.is,
      )
      await change({ states: states.slice(1), transitions: transitions.slice(1) })
      await change({ states, transitions })
      await change({ states: states.slice(0, 4), transitions: transitions.slice(0, 3) })
      const invalid = async (values: Record<string, unknown>, field: string) =>
        assert.rejects(
          site.make('Workflow', { ...definition, workflow_name: 'Other', is_active: 0, ...values }),
          (error) => WorkflowInvalid.is(error) && error.field === field,
        )
      await invalid(
        {
          transitions: [
            { ...transitions[0], next_state: 'Approved' },
            { ...transitions[0], condition: 'doc.(' },
          ],
        },
        'transitions[1].condition',
      )
      await invalid({ transitions: [{ ...transitions[0], next_state: 'Withdrawn' }] }, 'transitions[0].next_state')
      await invalid({ states: [states[2], states[0]], transitions: [] }, 'states[0].doc_status')
      await invalid({ states: [{ ...states[0], update_field: 'nothing' }], transitions: [] }, 'states[0].update_field')
      await invalid(
        { document_type: 'Role', workflow_state_field: 'disabled', states: [states[0]], transitions: [] },
        'workflow_state_field',
      )
      await assert.rejects(
        site.as(ann, (ctx) => insert(ctx, 'Workflow', definition)),
        PermissionDenied.is,
      )
      await site.asSystem((ctx) => rename(ctx, 'Workflow State', 'Draft', 'Begun'))
      assert.equal((await read(site, await ask(site, ann))).workflow_state, 'Begun')
      await site.asSystem((ctx) => rename(ctx, 'Workflow State', 'Begun', 'Draft'))
      // Another one takes its place.
      await site.make('Workflow', { ...definition, workflow_name: 'New Rules' })
      assert.equal(
        await site.asSystem((ctx) => call(ctx, 'frappe.model.workflow.get_workflow_name', { doctype: 'Expense Request' })),
        'New Rules',
      )
      assert.equal((await site.asSystem((ctx) => getDocument(ctx, 'Workflow', 'Expenses'))).is_active, 0)
      await assert.rejects(
        site.asSystem((ctx) => applyWorkflow(ctx, 'ToDo', 'x', 'Ask')),
        WorkflowMissing.is,
      )
    })
  })

test('the methods of forms answer what is open, act, and explain', async () => {
  const site = await world('sqlite')
  await site.make('Workflow', definition)
  const names = [await ask(site, ann), await ask(site, ben)]
  const doc = await read(site, String(names[0]))
  const transitionsOf = (user: string) =>
    site.as(user, (ctx) => call(ctx, 'frappe.model.workflow.get_transitions', { doc: JSON.stringify(doc) }))
  assert.deepEqual(
    ((await transitionsOf(ann)) as { action: string }[]).map((way) => way.action),
    ['Ask'],
  )
  assert.deepEqual(await transitionsOf(dan), [])
  const common = (user: string) =>
    site.as(user, (ctx) => call(ctx, 'frappe.model.workflow.get_common_transition_actions', { docs: names, doctype: 'Expense Request' }))
  assert.deepEqual(await common(ann), ['Ask'])
  const done = await site.as(ann, (ctx) =>
    call(ctx, 'frappe.model.workflow.bulk_workflow_approval', {
      docnames: [...names, 'nobody'],
      doctype: 'Expense Request',
      action: 'Ask',
    }),
  )
  assert.deepEqual((done as { successful: string[] }).successful, names)
  assert.deepEqual(
    (done as { failed: { name: string }[] }).failed.map((one) => one.name),
    ['nobody'],
  )
  const stale = site.as(cho, (ctx) => call(ctx, 'frappe.model.workflow.apply_workflow', { doc, action: 'Approve' }))
  await assert.rejects(stale, WorkflowMoved.is)
  const { document } = await site.as(cho, (ctx) =>
    callDocumentMethod(ctx, 'Expense Request', String(names[0]), 'apply_workflow', { action: 'Approve', state: 'Waiting' }, 'POST'),
  )
  assert.equal(document.workflow_state, 'Approved')
  assert.equal(await site.as(ann, (ctx) => call(ctx, 'frappe.model.workflow.can_cancel_document', { doctype: 'Expense Request' })), false)
  const why = await site.asSystem((ctx) => explain(ctx, { user: dan, doctype: 'Expense Request', action: 'write', name: String(names[1]) }))
  assert.equal(why.decidedBy, 'workflow')
  assert.match(why.verdict, /only Approver edit/)
  await site.as(cho, async (ctx) => save(ctx, await openForWrite(ctx, 'Expense Request', String(names[1])), { purpose: 'Bus' }))
})

test('a transition may write what a submitted document otherwise keeps, and a restored document starts anew', async () => {
  const site = await world('sqlite')
  await site.make('Workflow', {
    ...definition,
    workflow_state_field: 'decision',
    states: [
      { state: 'Draft', doc_status: '0', allow_edit: 'Asker' },
      { state: 'Approved', doc_status: '1', allow_edit: 'Approver' },
      {
        state: 'Rejected',
        doc_status: '1',
        allow_edit: 'Approver',
        update_field: 'purpose',
        update_value: "doc.purpose + '!'",
        evaluate_as_expression: 1,
      },
    ],
    transitions: [
      { state: 'Draft', action: 'Ask', next_state: 'Approved', allowed: 'Asker' },
      { state: 'Approved', action: 'Reject', next_state: 'Rejected', allowed: 'Approver' },
    ],
  })
  const name = await ask(site, ann)
  await act(site, ann, name, 'Ask')
  await assert.rejects(act(site, ann, name, 'Reject'), WorkflowTransitionRefused.is)
  await act(site, cho, name, 'Reject')
  const rejected = await read(site, name)
  assert.deepEqual([rejected.decision, rejected.docstatus, rejected.purpose], ['Rejected', 1, 'Train!'])
  // Nothing leads to a cancelled state, so that cancelling is a matter of the right alone.
  await site.as(cho, async (ctx) => cancel(ctx, await openForWrite(ctx, 'Expense Request', name)))
  await site.as(cho, (ctx) => remove(ctx, 'Expense Request', name))
  const deleted = await site.asSystem(async (ctx) =>
    list(ctx, 'Deleted Document', { wire: documentForm, fields: ['name'], filters: [['deleted_name', '=', name]] as never }),
  )
  await site.asSystem((ctx) => restore(ctx, String(deleted.rows[0]?.name)))
  assert.deepEqual([(await read(site, name)).decision, (await read(site, name)).docstatus], ['Draft', 0])
})
