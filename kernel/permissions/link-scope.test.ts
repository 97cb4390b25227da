import assert from 'node:assert/strict'
import { test } from 'node:test'
import { where } from '#client/rules/predicate.ts'
import type { MetaField } from '#kernel/meta/meta.ts'
import { field, permissionSite, row } from '#testing/permission-site.ts'
import { defaultFor } from './defaults.ts'
import { LinkNotFound } from './errors.ts'
import { demandLinkable } from './link-scope.ts'

const site = permissionSite({
  doctypes: [
    { name: 'Organization' },
    { name: 'Region' },
    {
      name: 'Customer',
      fields: [field('organization', 'Link', { options: 'Organization' }), field('region', 'Link', { options: 'Region' })],
    },
    {
      name: 'Deal',
      fields: [
        field('customer', 'Link', { options: 'Customer' }),
        field('referrer', 'Link', { options: 'Customer', ignore_user_permissions: 1 }),
        field('partner', 'Link', { options: 'Organization', ignore_user_permissions: 1 }),
        field('home', 'Link', { options: 'Organization' }),
      ],
      permissions: [row('Clerk', 'read write create')],
    },
  ],
  scopes: ['Organization'],
})
site.add('Organization', { name: 'North' })
site.add('Organization', { name: 'South' })
site.add('Customer', { name: 'near', organization: 'North', region: 'East' })
site.add('Customer', { name: 'elsewhere', organization: 'North', region: 'West' })
site.add('Customer', { name: 'foreign', organization: 'South', region: 'East' })
site.permit('ann', 'Organization', 'North')
site.permit('ann', 'Region', 'East')

async function linkable(user: string, fieldname: string, target: string, name: string): Promise<boolean> {
  const meta = site.meta('Deal')
  const ctx = site.as(user, ['Clerk'], user === 'Administrator' ? { unrestricted: true } : {})
  const link = meta.field.get(fieldname)
  assert.ok(link)
  try {
    await demandLinkable(ctx, meta, link, target, name)
    return true
  } catch (error) {
    assert.ok(LinkNotFound.is(error))
    assert.deepEqual([error.status, error.excType, error.field], [417, 'LinkValidationError', fieldname])
    return false
  }
}

test('a link stays inside the tenants and User Permissions of whoever makes it, and a refusal looks like a missing document', async () => {
  assert.equal(await linkable('ann', 'customer', 'Customer', 'near'), true)
  for (const name of ['elsewhere', 'foreign', 'missing']) assert.equal(await linkable('ann', 'customer', 'Customer', name), false)
  assert.equal(await linkable('ann', 'home', 'Organization', 'North'), true)
  assert.equal(await linkable('ann', 'home', 'Organization', 'South'), false)
})

test('a link that ignores User Permissions may name any tenant, but nothing inside another one', async () => {
  assert.equal(await linkable('ann', 'referrer', 'Customer', 'elsewhere'), true)
  assert.equal(await linkable('ann', 'referrer', 'Customer', 'foreign'), false)
  assert.equal(await linkable('ann', 'partner', 'Organization', 'South'), true)
})

test('a user without a tenant can point at nothing inside one; full rights can point anywhere', async () => {
  assert.equal(await linkable('zoe', 'customer', 'Customer', 'near'), false)
  assert.equal(await linkable('Administrator', 'customer', 'Customer', 'foreign'), true)
})

test('a new document starts with the default permitted value, or the only one', async () => {
  site.permit('ben', 'Organization', 'North')
  site.permit('ben', 'Organization', 'South', { is_default: 1 })
  site.permit('cas', 'Organization', 'North')
  site.permit('cas', 'Organization', 'South')
  site.permit('dan', 'Organization', 'North', { apply_to_all_doctypes: 0, applicable_for: 'Deal' })
  assert.equal(await defaultFor(site.as('ann'), 'Organization'), 'North')
  assert.equal(await defaultFor(site.as('ben'), 'Organization'), 'South')
  assert.equal(await defaultFor(site.as('cas'), 'Organization'), undefined)
  assert.equal(await defaultFor(site.as('dan'), 'Organization', 'Deal'), 'North')
  assert.equal(await defaultFor(site.as('dan'), 'Organization', 'Lead'), undefined)
})

test('what an app says about where links may lead holds for links too, those that ignore User Permissions included', async () => {
  const hidden = permissionSite({
    doctypes: [
      { name: 'Guide', fields: [field('is_secret', 'Check')] },
      {
        name: 'Tour',
        fields: [field('guide', 'Link', { options: 'Guide' }), field('stand_in', 'Link', { options: 'Guide', ignore_user_permissions: 1 })],
      },
    ],
    hooks: { Guide: { linkRows: ({ user }) => (user.roles.has('Chief') ? undefined : where('is_secret', '=', 0)) } },
  })
  hidden.add('Guide', { name: 'open', is_secret: 0 })
  hidden.add('Guide', { name: 'secret', is_secret: 1 })
  const meta = hidden.meta('Tour')
  const point = (roles: string[], fieldname: string, name: string) =>
    demandLinkable(hidden.as('ann', roles), meta, meta.field.get(fieldname) as MetaField, 'Guide', name)
  for (const fieldname of ['guide', 'stand_in']) {
    await point(['Clerk'], fieldname, 'open')
    await assert.rejects(point(['Clerk'], fieldname, 'secret'), LinkNotFound.is)
    await point(['Chief'], fieldname, 'secret')
  }
})
