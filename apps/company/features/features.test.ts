import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openForWrite, save } from '#kernel/documents/save.ts'
import { testServer } from '#testing/server.ts'
import { ValueRefused } from '../errors.ts'
import { isEnabled } from './is-enabled.ts'

const { as, asSystem, call, keyOf, make, user } = await testServer()
for (const organization_name of ['North', 'South']) await make('Organization', { organization_name })
const member = async (email: string, organization: string, ...roles: string[]) => {
  await user(email, roles)
  await make('User Permission', { user: email, allow: 'Organization', for_value: organization })
  return email
}
const dora = await member('dora@example.com', 'North', 'Dispatcher')
const tim = await member('tim@example.com', 'North', 'Field Technician')
const sven = await member('sven@example.com', 'South', 'Dispatcher')
const manager = await user('manager@example.com', ['System Manager'])
const on = (who: string, flag: string, organization?: string) => as(who, (ctx) => isEnabled(ctx, flag, organization))

test('a feature is on for the role and the organization that a rule names, at once, and off where nothing speaks', async () => {
  assert.equal(await on(dora, 'dispatch.board'), false)
  const name = await make('Feature Flag', {
    flag: 'dispatch.board',
    rules: [{ organization: 'North', role: 'Dispatcher', percentage: 100 }],
  })
  assert.deepEqual([await on(dora, name), await on(tim, name), await on(sven, name)], [true, false, false])
  await asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'Feature Flag', name), { on_by_default: 1 }))
  assert.deepEqual([await on(dora, name), await on(tim, name), await on(sven, name)], [true, true, true])
  await asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'Feature Flag', name), { enabled: 0 }))
  assert.deepEqual([await on(dora, name), await on(tim, name), await on(sven, name)], [false, false, false])
})

test('asking about an organization of others answers as for none', async () => {
  await make('Feature Flag', { flag: 'only.south', rules: [{ organization: 'South', percentage: 100 }] })
  assert.equal(await on(sven, 'only.south', 'South'), true)
  assert.equal(await on(dora, 'only.south', 'South'), false)
})

test('screens ask for all features at once; the rules themselves are for System Managers', async () => {
  const key = await keyOf(sven)
  const all = await call('GET', '/api/method/orchestrator.company.feature_flags', { as: key })
  assert.equal(all.json.message['only.south'], true)
  const one = await call('GET', '/api/method/orchestrator.company.is_feature_enabled?flag=nobody.made.it', { as: key })
  assert.equal(one.json.message, false)
  assert.equal((await call('GET', '/api/method/orchestrator.company.feature_flags', { as: '' })).status, 403)
  const explain = '/api/method/orchestrator.company.explain_feature?flag='
  assert.equal((await call('GET', `${explain}only.south`, { as: key })).status, 403)
  assert.deepEqual((await call('GET', `${explain}only.south`, { as: await keyOf(manager) })).json.message, { on: false, by: 'default' })
  const unknown = await call('GET', `${explain}nothing`, { as: await keyOf(manager) })
  assert.equal(unknown.status, 404)
})

test('a name that code could not use, or a share beyond the whole, is refused with its field', async () => {
  const refused = async (values: Record<string, unknown>, field: string) =>
    assert.rejects(make('Feature Flag', values), (error) => ValueRefused.is(error) && (error as { field: string }).field === field)
  await refused({ flag: 'With Spaces' }, 'flag')
  await refused({ flag: 'fine', rules: [{ percentage: 50 }, { percentage: 101 }] }, 'rules[1].percentage')
})
