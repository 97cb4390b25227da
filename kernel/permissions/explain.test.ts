import assert from 'node:assert/strict'
import { test } from 'node:test'
import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { field, permissionSite, type PermissionSiteOptions, row } from '#testing/permission-site.ts'
import { explain } from './explain.ts'

const lead = {
  name: 'Lead',
  fields: [field('organization', 'Link', { options: 'Organization' }), field('region', 'Link', { options: 'Region' })],
  permissions: [row('Clerk', 'read'), row('All', 'read write', { if_owner: 1 }), row('Nurse', 'read', { user_scope: 'Region' })],
}

/** The principal comes from the cache in which identity keeps it, so no User rows are needed. */
function site(more: Partial<PermissionSiteOptions> = {}) {
  const made = permissionSite({ doctypes: [{ name: 'Organization' }, { name: 'Region' }, lead], scopes: ['Organization'], ...more })
  made.add('Lead', { name: 'L1', organization: 'North', region: 'East', owner: 'ann' })
  made.add('Lead', { name: 'L2', organization: 'South' })
  const asker = made.as('Administrator', [], { unrestricted: true })
  const introduce = (user: string, roles: string[], more = {}): void => {
    asker.site.cache.access.set(`identity:principal:${user}`, made.as(user, roles, more).user)
  }
  introduce('ann', [])
  introduce('ben', ['Clerk'])
  introduce('nur', ['Nurse'])
  introduce('key', ['Clerk'], { scopes: ['doctype:Other'] })
  introduce('boss', [], { unrestricted: true })
  for (const user of ['ann', 'ben', 'nur', 'key']) made.permit(user, 'Organization', 'North')
  return { made, asker }
}

async function reason(asker: Context, user: string, action: 'read' | 'write' | 'submit', name?: string): Promise<string> {
  const told = await explain(asker, { user, doctype: 'Lead', action, ...(name && { name }) })
  assert.equal(told.verdict.startsWith(`${user} ${told.allowed ? 'may' : 'may not'} `), true)
  return `${told.allowed ? 'yes' : 'no'}: ${told.decidedBy}`
}

test('the rule that decided is named', async () => {
  const { made, asker } = site()
  assert.equal(await reason(asker, 'ben', 'read', 'L1'), 'yes: role')
  assert.equal(await reason(asker, 'ben', 'read', 'L2'), 'no: scope')
  assert.equal(await reason(asker, 'ann', 'write', 'L1'), 'yes: owner')
  assert.equal(await reason(asker, 'ben', 'write', 'L1'), 'no: owner')
  assert.equal(await reason(asker, 'nur', 'read', 'L1'), 'no: role')
  assert.equal(await reason(asker, 'key', 'read', 'L1'), 'no: key-scope')
  assert.equal(await reason(asker, 'boss', 'write', 'L2'), 'yes: administrator')
  assert.equal(await reason(asker, 'ben', 'submit', 'L1'), 'no: default')
  assert.equal(await reason(asker, 'ben', 'read', 'L9'), 'no: default')
  assert.equal(await reason(asker, 'ben', 'read'), 'yes: role')
  made.share('ben', 'Lead', 'L1', ['write'])
  assert.equal(await reason(asker, 'ben', 'write', 'L1'), 'yes: share')
})

test('User Permissions and apps are named when they are what refuses', async () => {
  const { made, asker } = site()
  made.permit('ben', 'Region', 'West')
  assert.equal(await reason(asker, 'ben', 'read', 'L1'), 'no: user-permission')
  assert.equal(
    await reason(site({ hooks: { Lead: { rows: () => where('name', '=', 'L2') } } }).asker, 'ben', 'read', 'L1'),
    'no: app-condition',
  )
  assert.equal(await reason(site({ hooks: { Lead: { check: () => false } } }).asker, 'ben', 'read', 'L1'), 'no: app-check')
})

test('an owner whom User Permissions block is told that ownership opened the document', async () => {
  const { made, asker } = site()
  made.permit('ann', 'Region', 'West')
  assert.equal(await reason(asker, 'ann', 'read', 'L1'), 'yes: owner')
})
