import assert from 'node:assert/strict'
import { test } from 'node:test'
import { remove } from '#kernel/documents/remove.ts'
import { exists } from '#kernel/documents/load.ts'
import { openForWrite, save } from '#kernel/documents/save.ts'
import { testServer } from '#testing/server.ts'
import { ValueRefused } from '../errors.ts'

const { as, asSystem, call, keyOf, make, user } = await testServer()
const path = '/api/method/orchestrator.company.get_organization_settings?organization='
await make('Organization', { organization_name: 'North', time_zone: 'Europe/Oslo' })
await make('Organization', { organization_name: 'South' })
const nina = await user('nina@example.com', ['Super Admin'])
await make('User Permission', { user: nina, allow: 'Organization', for_value: 'North' })

test('what the organization leaves open the site decides, and a change is seen at once', async () => {
  const key = await keyOf(nina)
  const ask = async () => (await call('GET', `${path}North`, { as: key })).json.message
  assert.equal((await ask()).time_zone, 'Europe/Oslo')
  assert.equal((await ask()).sender_name, 'North')
  assert.equal((await ask()).healthcare_mode, false)
  await make('Organization Settings', { organization: 'North', time_zone: 'America/Lima', healthcare_mode: 1 })
  assert.equal((await ask()).time_zone, 'America/Lima')
  assert.equal((await ask()).healthcare_mode, true)
  await as(nina, async (ctx) => save(ctx, await openForWrite(ctx, 'Organization Settings', 'North'), { sender_name: 'North & Co' }))
  assert.equal((await ask()).sender_name, 'North & Co')
})

test('nobody is told how another organization works, nor whether there is one', async () => {
  const key = await keyOf(nina)
  const [other, none] = [await call('GET', `${path}South`, { as: key }), await call('GET', `${path}Nowhere`, { as: key })]
  assert.equal(other.status, 403)
  assert.equal(other.text.replaceAll('South', ''), none.text.replaceAll('Nowhere', ''))
})

test('a zone that does not exist is refused with its field', async () => {
  const refused = (doctype: string, values: Record<string, unknown>) =>
    assert.rejects(make(doctype, values), (error) => ValueRefused.is(error) && (error as { field: string }).field === 'time_zone')
  await refused('Organization', { organization_name: 'West', time_zone: 'Nowhere/Town' })
  await refused('Organization Settings', { organization: 'South', time_zone: 'CET+1' })
})

test('an organization without members and documents goes, and takes its settings along', async () => {
  await make('Organization', { organization_name: 'Brief' })
  await make('Organization Settings', { organization: 'Brief' })
  await asSystem((ctx) => remove(ctx, 'Organization', 'Brief'))
  assert.equal(await asSystem((ctx) => exists(ctx, 'Organization Settings', 'Brief')), false)
})
