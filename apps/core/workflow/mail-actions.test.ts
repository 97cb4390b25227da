import assert from 'node:assert/strict'
import { test } from 'node:test'
import { documentForm } from '#kernel/documents/cast.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { insert } from '#kernel/documents/save.ts'
import { setValue } from '#kernel/documents/values.ts'
import { Worker } from '#kernel/jobs/worker.ts'
import { list } from '#kernel/query/list.ts'
import { applyWorkflow } from '#kernel/workflow/apply.ts'
import { testServer } from '#testing/server.ts'

const confirm = '/api/method/frappe.workflow.doctype.workflow_action.workflow_action.confirm_action'

test('a mail asks those who can act, each by links that work once, for a while, and only when somebody means it', async () => {
  let now = Date.parse('2026-11-20T10:00:00Z')
  const site = await testServer({ clock: { now: () => now } })
  for (const role of ['Asker', 'Approver']) await site.make('Role', { role_name: role })
  await site.user('ann@example.com', ['Asker'])
  await site.user('cho@example.com', ['Approver'])
  await site.user('dan@example.com', ['Approver'])
  await site.make('DocType', {
    name: 'Trip',
    module: 'Custom',
    custom: 1,
    autoname: 'hash',
    fields: [{ fieldname: 'goal', fieldtype: 'Data', label: 'Goal' }],
    permissions: [
      { role: 'Asker', read: 1, write: 1, create: 1 },
      { role: 'Approver', read: 1, write: 1 },
    ],
  })
  for (const name of ['New', 'Good', 'Bad']) await site.make('Workflow State', { workflow_state_name: name })
  for (const name of ['Allow', 'Refuse']) await site.make('Workflow Action Master', { workflow_action_name: name })
  await site.make('Workflow', {
    workflow_name: 'Trips',
    document_type: 'Trip',
    is_active: 1,
    send_email_alert: 1,
    states: ['New', 'Good', 'Bad'].map((state) => ({ state, doc_status: '0', allow_edit: 'Asker' })),
    transitions: [
      { state: 'New', action: 'Allow', next_state: 'Good', allowed: 'Approver' },
      { state: 'New', action: 'Refuse', next_state: 'Bad', allowed: 'Approver', require_comment: 1 },
    ],
  })
  const ask = async (): Promise<{ trip: string; links: Map<string, string[]> }> => {
    const trip = String((await site.as('ann@example.com', (ctx) => insert(ctx, 'Trip', { goal: 'Oslo' }))).name)
    await new Worker({ sites: async () => [site.site], pollMs: 20 }).drain()
    const links = new Map<string, string[]>()
    await site.asSystem(async (ctx) => {
      const { rows } = await list(ctx, 'Email Queue', {
        fields: ['name'],
        filters: [['subject', '=', `Trip ${trip}: New`]] as never,
        wire: documentForm,
      })
      for (const { name } of rows) {
        const mail = await getDocument(ctx, 'Email Queue', String(name))
        const tokens = [...String(mail.message).matchAll(/token=([\w-]+)/g)].map((match) => String(match[1]))
        links.set(String((mail.recipients as { recipient: string }[])[0]?.recipient), tokens)
      }
    })
    return { trip, links }
  }
  const stateOf = async (trip: string) => (await site.asSystem((ctx) => getDocument(ctx, 'Trip', trip))).workflow_state
  const post = (token: string | undefined, comment?: string) => site.call('POST', confirm, { as: '', body: { token, comment } })

  const first = await ask()
  assert.deepEqual([...first.links.keys()].sort(), ['cho@example.com', 'dan@example.com'])
  const [allow, refuse] = first.links.get('cho@example.com') ?? []
  for (let scan = 0; scan < 2; scan++) {
    const page = await site.call('GET', `/workflow-action?token=${allow}`, { as: '' })
    assert.equal(page.status, 200)
    assert.match(page.text, /<button>Allow<\/button>/)
    assert.equal(page.headers.get('referrer-policy'), 'no-referrer')
  }
  assert.equal((await site.call('GET', `${confirm}?token=${allow}`, { as: '' })).status, 403)
  assert.equal(await stateOf(first.trip), 'New')
  // What is refused does not use the link up.
  assert.equal((await post(refuse)).status, 417)
  assert.equal((await post(refuse, 'Too far')).json.message.state, 'Bad')
  assert.equal(await stateOf(first.trip), 'Bad')
  assert.equal((await site.asSystem((ctx) => getDocument(ctx, 'Trip', first.trip))).modified_by, 'cho@example.com')
  assert.equal((await post(refuse, 'again')).status, 410)
  assert.equal((await post('made-up')).status, 410)
  assert.equal((await post(first.links.get('dan@example.com')?.[0])).status, 409)
  assert.match((await site.call('GET', `/workflow-action?token=${refuse}`, { as: '' })).text, /used already/)

  // The rights are those of the moment.
  const second = await ask()
  await site.asSystem((ctx) => setValue(ctx, 'User', 'dan@example.com', { enabled: 0 }))
  assert.ok((await post(second.links.get('dan@example.com')?.[0])).status >= 400)
  await site.asSystem((ctx) => setValue(ctx, 'User', 'cho@example.com', { roles: [] }))
  assert.equal((await post(second.links.get('cho@example.com')?.[0])).status, 403)
  assert.equal(await stateOf(second.trip), 'New')

  await site.asSystem((ctx) => setValue(ctx, 'User', 'cho@example.com', { roles: [{ role: 'Approver' }] }))
  now += 8 * 86_400_000
  assert.equal((await post(second.links.get('cho@example.com')?.[0])).status, 410)
  assert.equal(await stateOf(second.trip), 'New')
  await site.as('cho@example.com', (ctx) => applyWorkflow(ctx, 'Trip', second.trip, 'Allow'))
})
