import assert from 'node:assert/strict'
import { test } from 'node:test'
import { never, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { field, permissionSite, row, type PermissionSiteOptions } from '#testing/permission-site.ts'
import { PermissionDenied } from './errors.ts'
import { type Action, actions } from './grant.ts'
import { can, demand, grantFor, grantForChild } from './grants.ts'
import { rowMatches } from './row-matches.ts'

const organization = { name: 'Organization', fields: [field('title')], permissions: [row('Clerk', 'read write create')] }
const lead = {
  name: 'Lead',
  fields: [field('title'), field('organization', 'Link', { options: 'Organization' })],
  permissions: [row('Clerk', 'read write create delete report print share')],
}

function leadSite(more: Partial<PermissionSiteOptions> = {}) {
  const site = permissionSite({ doctypes: [organization, lead], ...more })
  return {
    site,
    first: site.add('Lead', { name: 'L1', organization: 'North' }),
    second: site.add('Lead', { name: 'L2', organization: 'South', owner: 'ann' }),
  }
}

async function visible(ctx: Context, action: Action, documents: readonly AnyDocument[]): Promise<string[]> {
  const names: string[] = []
  for (const document of documents) if (await can(ctx, action, document.doctype, document)) names.push(document.name)
  return names
}

test('a DocType without permission rows is closed for everybody but those with full rights', async () => {
  const site = permissionSite({ doctypes: [{ name: 'Secret' }] })
  const document = site.add('Secret', { name: 'S1' })
  for (const action of actions) {
    assert.equal(await can(site.as('ann', ['Clerk', 'System Manager']), action, 'Secret', document), false)
    assert.equal(await can(site.as('Administrator', [], { unrestricted: true }), action, 'Secret', document), true)
  }
})

test('a right belongs to the roles whose rows name it', async () => {
  const { site, first } = leadSite()
  assert.equal(await can(site.as('ann', ['Clerk']), 'write', 'Lead', first), true)
  assert.equal(await can(site.as('ann', ['Clerk']), 'export', 'Lead', first), false)
  assert.equal(await can(site.as('ann', ['Nurse']), 'read', 'Lead', first), false)
  assert.equal(await can(site.as('Guest'), 'read', 'Lead', first), false)
})

test('refusals say the same whether the document is there or not', async () => {
  const { site, first } = leadSite()
  const refused = (document?: AnyDocument) =>
    demand(site.as('ann', ['Nurse']), 'read', 'Lead', document).then(
      () => '',
      (error: unknown) => {
        assert.ok(PermissionDenied.is(error))
        assert.deepEqual([error.status, error.excType], [403, 'PermissionError'])
        return error.message
      },
    )
  assert.equal(await refused(first), await refused())
  assert.ok(!(await refused(first)).includes('L1'))
})

test('select comes with read, and alone opens nothing else', async () => {
  const site = permissionSite({ doctypes: [{ name: 'City', permissions: [row('All', 'select'), row('Clerk', 'read')] }] })
  const select = await grantFor(site.as('ann'), 'City', 'select')
  assert.deepEqual([select.allowed, select.selectOnly], [true, true])
  assert.equal((await grantFor(site.as('ann'), 'City', 'read')).allowed, false)
  assert.equal((await grantFor(site.as('ann', ['Clerk']), 'City', 'select')).selectOnly, false)
})

test('rights that hand out what a document holds need read beside them', async () => {
  const site = permissionSite({
    doctypes: [{ name: 'Bill', permissions: [row('Printer', 'print report export email'), row('Clerk', 'read', { if_owner: 1 })] }],
  })
  const [own, other] = [site.add('Bill', { name: 'B1', owner: 'ann' }), site.add('Bill', { name: 'B2' })]
  for (const action of ['print', 'report', 'export', 'email'] as const) {
    assert.deepEqual(await visible(site.as('ann', ['Printer']), action, [own, other]), [])
    assert.deepEqual(await visible(site.as('ann', ['Printer', 'Clerk']), action, [own, other]), ['B1'])
  }
})

test('only submittable DocTypes are submitted, only importable ones imported', async () => {
  const rights = row('Clerk', 'read write create submit cancel amend import')
  const site = permissionSite({
    doctypes: [
      { name: 'Plain', permissions: [rights] },
      { name: 'Order', is_submittable: 1, allow_import: 1, permissions: [rights] },
    ],
  })
  for (const action of ['submit', 'cancel', 'amend', 'import'] as const) {
    assert.equal(await can(site.as('ann', ['Clerk']), action, 'Plain'), false)
    assert.equal(await can(site.as('ann', ['Clerk']), action, 'Order'), true)
  }
})

test('a right bound to the owner covers own documents, and creating', async () => {
  const site = permissionSite({ doctypes: [{ name: 'Memo', permissions: [row('All', 'read write create', { if_owner: 1 })] }] })
  const [own, other] = [site.add('Memo', { name: 'M1', owner: 'ann' }), site.add('Memo', { name: 'M2', owner: 'ben' })]
  assert.deepEqual(await visible(site.as('ann'), 'write', [own, other]), ['M1'])
  assert.equal(await can(site.as('ann'), 'create', 'Memo', { doctype: 'Memo', name: '' } as AnyDocument), true)
})

test('what one visitor made is not the own document of the next', async () => {
  const site = permissionSite({ doctypes: [{ name: 'Enquiry', permissions: [row('Guest', 'read create', { if_owner: 1 })] }] })
  const enquiry = site.add('Enquiry', { name: 'E1', owner: 'Guest' })
  assert.equal(await can(site.as('Guest'), 'read', 'Enquiry', enquiry), false)
  assert.equal(await can(site.as('Guest'), 'create', 'Enquiry', enquiry), true)
})

test('whoever administers the system exports what they may read, without a row that says so', async () => {
  const site = permissionSite({
    doctypes: [{ name: 'Bill', permissions: [row('System Manager', 'read'), row('Clerk', 'read')] }, { name: 'Hidden' }],
  })
  assert.equal(await can(site.as('ann', ['System Manager']), 'export', 'Bill'), true)
  assert.equal(await can(site.as('ann', ['Clerk']), 'export', 'Bill'), false)
  assert.equal(await can(site.as('ann', ['System Manager']), 'export', 'Hidden'), false)
})

test('a role row bound to a scope covers documents inside the permitted values only, and none without values', async () => {
  const { site, first, second } = leadSite({
    doctypes: [organization, { ...lead, permissions: [row('Clerk', 'read create', { user_scope: 'Organization' })] }],
  })
  const empty = site.add('Lead', { name: 'L3' })
  assert.deepEqual(await visible(site.as('ann', ['Clerk']), 'read', [first, second, empty]), [])
  site.permit('ben', 'Organization', 'North')
  assert.deepEqual(await visible(site.as('ben', ['Clerk']), 'read', [first, second, empty]), ['L1'])
  assert.equal(await can(site.as('ben', ['Clerk']), 'create', 'Lead', second), false)
})

test('a row bound to a scope that the DocType has no link to gives nothing', async () => {
  const site = permissionSite({ doctypes: [{ name: 'Memo', permissions: [row('Clerk', 'read', { user_scope: 'Organization' })] }] })
  site.permit('ann', 'Organization', 'North')
  assert.deepEqual(await visible(site.as('ann', ['Clerk']), 'read', [site.add('Memo', { name: 'M1' })]), [])
})

test('a tenant shows nothing to a user without one, and nothing without a tenant to anybody', async () => {
  const { site, first, second } = leadSite({ scopes: ['Organization'] })
  const empty = site.add('Lead', { name: 'L3', owner: 'ben' })
  const north = site.add('Organization', { name: 'North' })
  site.permit('ben', 'Organization', 'North')
  for (const action of ['read', 'write', 'delete', 'report'] as const) {
    assert.deepEqual(await visible(site.as('ann', ['Clerk']), action, [first, second, empty]), [])
    assert.deepEqual(await visible(site.as('ben', ['Clerk']), action, [first, second, empty]), ['L1'])
  }
  assert.deepEqual(await visible(site.as('ann', ['Clerk']), 'read', [north]), [])
  assert.deepEqual(await visible(site.as('ben', ['Clerk']), 'read', [north]), ['North'])
  assert.equal(await can(site.as('ben', ['Clerk']), 'create', 'Lead', second), false)
  assert.deepEqual((await grantFor(site.as('ann', ['Clerk']), 'Lead', 'read')).rows, never)
})

test('neither a share nor ownership nor an app reaches across tenants', async () => {
  const { site, second } = leadSite({
    doctypes: [organization, { ...lead, permissions: [row('Clerk', 'read'), row('All', 'read', { if_owner: 1 })] }],
    scopes: ['Organization'],
    hooks: { Lead: { alsoRows: () => where('name', '=', 'L2') } },
  })
  site.permit('ann', 'Organization', 'North')
  site.share('ann', 'Lead', 'L2', ['read', 'write', 'share'])
  for (const action of ['read', 'write', 'share', 'select', 'print'] as const)
    assert.equal(await can(site.as('ann', ['Clerk']), action, 'Lead', second), false)
})

test('a DocType that names its tenant but has no link to it stays closed', async () => {
  const site = permissionSite({
    doctypes: [organization, { name: 'Odd', user_permission_dependant_doctype: 'Organization', permissions: [row('Clerk', 'read')] }],
  })
  site.permit('ann', 'Organization', 'North')
  assert.deepEqual(await visible(site.as('ann', ['Clerk']), 'read', [site.add('Odd', { name: 'O1' })]), [])
})

test('a DocType that names its tenant is confined even where the link ignores User Permissions', async () => {
  const owned = {
    ...lead,
    fields: [field('organization', 'Link', { options: 'Organization', ignore_user_permissions: 1 })],
    user_permission_dependant_doctype: 'Organization',
  }
  const { site, first, second } = leadSite({ doctypes: [organization, owned] })
  site.permit('ann', 'Organization', 'North')
  assert.deepEqual(await visible(site.as('ann', ['Clerk']), 'read', [first, second]), ['L1'])
})

test('a DocType without a link to the tenant is reachable by roles alone', async () => {
  const site = permissionSite({ doctypes: [organization, { name: 'Memo', permissions: [row('Clerk', 'read')] }], scopes: ['Organization'] })
  assert.deepEqual(await visible(site.as('ann', ['Clerk']), 'read', [site.add('Memo', { name: 'M1' })]), ['M1'])
})

test('a User Permission for one DocType confines that one only', async () => {
  const { site, first, second } = leadSite()
  site.permit('ann', 'Organization', 'North', { apply_to_all_doctypes: 0, applicable_for: 'Lead' })
  site.permit('ben', 'Organization', 'North', { apply_to_all_doctypes: 0, applicable_for: 'Deal' })
  assert.deepEqual(await visible(site.as('ann', ['Clerk']), 'read', [first, second]), ['L1'])
  assert.deepEqual(await visible(site.as('ben', ['Clerk']), 'read', [first, second]), ['L1', 'L2'])
})

test('an empty link passes a User Permission unless links are strict', async () => {
  const { site } = leadSite()
  const empty = site.add('Lead', { name: 'L3' })
  site.permit('ann', 'Organization', 'North')
  assert.deepEqual(await visible(site.as('ann', ['Clerk']), 'read', [empty]), ['L3'])
  site.setSetting('apply_strict_user_permissions', '1')
  site.bump('config')
  assert.deepEqual(await visible(site.as('ann', ['Clerk']), 'read', [empty]), [])
})

test('values of one DocType are alternatives, fields must all agree, and the document itself counts', async () => {
  const deal = {
    name: 'Deal',
    fields: [field('seller', 'Link', { options: 'Region' }), field('buyer', 'Link', { options: 'Region' })],
    permissions: [row('Clerk', 'read')],
  }
  const site = permissionSite({ doctypes: [{ name: 'Region', permissions: [row('Clerk', 'read')] }, deal] })
  const deals = [
    site.add('Deal', { name: 'D1', seller: 'East', buyer: 'West' }),
    site.add('Deal', { name: 'D2', seller: 'East', buyer: 'South' }),
    site.add('Deal', { name: 'D3', buyer: 'West' }),
  ]
  const regions = ['East', 'West', 'South'].map((name) => site.add('Region', { name }))
  site.permit('ann', 'Region', 'East')
  site.permit('ann', 'Region', 'West')
  assert.deepEqual(await visible(site.as('ann', ['Clerk']), 'read', deals), ['D1', 'D3'])
  assert.deepEqual(await visible(site.as('ann', ['Clerk']), 'read', regions), ['East', 'West'])
})

test('links in child rows obey User Permissions, whether the document carries its rows or not', async () => {
  const visit = { name: 'Visit', istable: 1 as const, fields: [field('region', 'Link', { options: 'Region' })] }
  const plan = { name: 'Plan', fields: [field('visits', 'Table', { options: 'Visit' })], permissions: [row('Clerk', 'read')] }
  const site = permissionSite({ doctypes: [{ name: 'Region' }, visit, plan] })
  const plans = [
    site.add('Plan', { name: 'P1', visits: [{ region: 'East' }, {}] }),
    site.add('Plan', { name: 'P2', visits: [{ region: 'East' }, { region: 'West' }] }),
    site.add('Plan', { name: 'P3' }),
  ]
  site.permit('ann', 'Region', 'East')
  assert.deepEqual(await visible(site.as('ann', ['Clerk']), 'read', plans), ['P1', 'P3'])
  const bare = plans.map(({ doctype, name, owner }) => ({ doctype, name, owner }) as AnyDocument)
  assert.deepEqual(await visible(site.as('ann', ['Clerk']), 'read', bare), ['P1', 'P3'])
})

test('a permitted tree document brings what lies below it, unless told not to', async () => {
  const region = { name: 'Region', is_tree: 1 as const, nsm_parent_field: 'parent_region', permissions: [row('Clerk', 'read')] }
  const site = permissionSite({ doctypes: [region] })
  const tree = [
    site.add('Region', { name: 'World', lft: 1, rgt: 6 }),
    site.add('Region', { name: 'Europe', lft: 2, rgt: 5, parent_region: 'World', old_parent: 'World' }),
    site.add('Region', { name: 'Berlin', lft: 3, rgt: 4, parent_region: 'Europe', old_parent: 'Europe' }),
    site.add('Region', { name: 'Unplaced', lft: 0, rgt: 0 }),
    site.add('Region', { name: 'Nowhere', lft: 0, rgt: 0 }),
  ]
  site.permit('ann', 'Region', 'Europe')
  site.permit('ben', 'Region', 'Europe', { hide_descendants: 1 })
  site.permit('cas', 'Region', 'Unplaced')
  assert.deepEqual(await visible(site.as('ann', ['Clerk']), 'read', tree), ['Europe', 'Berlin'])
  assert.deepEqual(await visible(site.as('ben', ['Clerk']), 'read', tree), ['Europe'])
  assert.deepEqual(await visible(site.as('cas', ['Clerk']), 'read', tree), ['Unplaced'])
})

test('an owner whom User Permissions block keeps the rights of an owner, but not creating', async () => {
  const rows = [row('Clerk', 'read write create'), row('All', 'read create', { if_owner: 1 })]
  const { site, first, second } = leadSite({ doctypes: [organization, { ...lead, permissions: rows }] })
  site.permit('ann', 'Organization', 'North')
  assert.deepEqual(await visible(site.as('ann', ['Clerk']), 'read', [first, second]), ['L1', 'L2'])
  assert.deepEqual(await visible(site.as('ann', ['Clerk']), 'write', [first, second]), ['L1'])
  assert.equal(await can(site.as('ann', ['Clerk']), 'create', 'Lead', second), false)
})

test('a share opens the named right on its document to a user without a role, and print through read', async () => {
  const { site, first, second } = leadSite()
  site.share('zoe', 'Lead', 'L1', ['read'])
  const zoe = site.as('zoe')
  assert.deepEqual(await visible(zoe, 'read', [first, second]), ['L1'])
  assert.deepEqual(await visible(zoe, 'print', [first, second]), ['L1'])
  for (const action of ['write', 'delete', 'report', 'export', 'create', 'share'] as const)
    assert.deepEqual(await visible(zoe, action, [first]), [])
  assert.equal((await grantFor(zoe, 'Lead', 'read')).allowed, true)
  assert.equal((await grantFor(site.as('yan'), 'Lead', 'read')).allowed, false)
})

test('what is shared with everybody is open to those who signed in, not to Guest', async () => {
  const { site, first } = leadSite()
  site.share(undefined, 'Lead', 'L1', ['read'])
  assert.equal(await can(site.as('zoe'), 'read', 'Lead', first), true)
  assert.equal(await can(site.as('Guest'), 'read', 'Lead', first), false)
})

test('a share passes User Permissions and app conditions', async () => {
  const { site, second } = leadSite({ hooks: { Lead: { rows: () => where('name', '=', 'L1'), check: () => false } } })
  site.permit('ann', 'Organization', 'North')
  assert.equal(await can(site.as('ann', ['Clerk']), 'read', 'Lead', second), false)
  site.share('ann', 'Lead', 'L2', ['read'])
  assert.equal(await can(site.as('ann', ['Clerk']), 'read', 'Lead', second), true)
  assert.equal(await can(site.as('ann', ['Clerk']), 'write', 'Lead', second), false)
})

test('the share row is looked up only when the answer depends on it', async () => {
  const { site, first, second } = leadSite({ doctypes: [organization, { ...lead, permissions: [row('All', 'read', { if_owner: 1 })] }] })
  const ann = site.as('ann')
  const grant = await grantFor(ann, 'Lead', 'read')
  const before = site.statements
  assert.equal(await rowMatches(ann, grant, second), true)
  assert.equal(site.statements, before)
  assert.equal(await rowMatches(ann, grant, first), false)
  assert.equal(site.statements, before + 1)
})

test('an app narrows with rows and check, widens with alsoRows, and never grants without a role', async () => {
  const hooks = {
    Lead: { alsoRows: () => where('name', '=', 'L2'), check: (_ctx: Context, document: AnyDocument) => document.title !== 'closed' },
  }
  const { site, first, second } = leadSite({
    doctypes: [organization, { ...lead, permissions: [row('All', 'read', { if_owner: 1 })] }],
    hooks,
  })
  const third = site.add('Lead', { name: 'L3', owner: 'zoe', title: 'closed' })
  assert.deepEqual(await visible(site.as('zoe'), 'read', [first, second, third]), ['L2'])
  assert.deepEqual(await visible(site.as('Guest'), 'read', [first, second, third]), [])
})

test('a check that answers anything but true refuses', async () => {
  for (const answer of [undefined, 1, 'yes', null]) {
    const { site, first } = leadSite({ hooks: { '*': { check: () => answer as unknown as boolean } } })
    assert.equal(await can(site.as('ann', ['Clerk']), 'read', 'Lead', first), false)
  }
})

test('a permission hook that gives something that is no condition opens nothing', async () => {
  const { site } = leadSite({ hooks: { Lead: { rows: () => true as never } } })
  await assert.rejects(grantFor(site.as('ann', ['Clerk']), 'Lead', 'read'), TypeError)
})

test('what an app decides is asked again for each request', async () => {
  let mine = 'L1'
  const { site, first, second } = leadSite({ hooks: { Lead: { rows: () => where('name', '=', mine) } } })
  assert.deepEqual(await visible(site.as('ann', ['Clerk']), 'read', [first, second]), ['L1'])
  mine = 'L2'
  assert.deepEqual(await visible(site.as('ann', ['Clerk']), 'read', [first, second]), ['L2'])
})

test('child rows have no rights of their own but those of the document around them', async () => {
  const visit = { name: 'Visit', istable: 1 as const, fields: [field('note')], permissions: [row('Clerk', 'read')] }
  const plan = { name: 'Plan', fields: [field('visits', 'Table', { options: 'Visit' })], permissions: [row('Clerk', 'read')] }
  const site = permissionSite({ doctypes: [visit, plan, { name: 'Other', permissions: [row('Clerk', 'read')] }] })
  const ann = site.as('ann', ['Clerk'])
  assert.equal((await grantFor(ann, 'Visit', 'read')).allowed, false)
  assert.deepEqual(await grantForChild(ann, 'Visit', 'Plan', 'read'), await grantFor(ann, 'Plan', 'read'))
  assert.equal((await grantForChild(ann, 'Visit', 'Other', 'read')).allowed, false)
  assert.equal((await grantForChild(ann, 'Plan', 'Plan', 'read')).allowed, false)
})

test('a Single has no rows to filter, so rights bound to rows do not count there', async () => {
  const settings = (rows: ReturnType<typeof row>[]) => ({
    name: 'Preferences',
    issingle: 1 as const,
    fields: [field('organization', 'Link', { options: 'Organization' })],
    permissions: rows,
  })
  const open = permissionSite({ doctypes: [organization, settings([row('Clerk', 'read')])], scopes: ['Organization'] })
  assert.equal(
    await can(open.as('ann', ['Clerk']), 'read', 'Preferences', { doctype: 'Preferences', name: 'Preferences' } as AnyDocument),
    true,
  )
  const bound = permissionSite({ doctypes: [organization, settings([row('Clerk', 'read', { if_owner: 1 })])] })
  assert.equal(await can(bound.as('ann', ['Clerk']), 'read', 'Preferences'), false)
})

test('the scopes of an API key narrow what its user may do, and grant nothing', async () => {
  const { site, first } = leadSite()
  const allowed = async (scopes: string[], more = {}) => {
    const ctx = site.as('ann', ['Clerk'], { scopes, ...more })
    const names: string[] = []
    for (const action of ['read', 'write', 'delete', 'export'] as const) if (await can(ctx, action, 'Lead', first)) names.push(action)
    return names.join(' ')
  }
  assert.equal(await allowed(['read']), 'read')
  assert.equal(await allowed(['write']), 'read write delete')
  assert.equal(await allowed(['doctype:Lead']), 'read write delete')
  assert.equal(await allowed(['doctype:Lead:read']), 'read')
  assert.equal(await allowed(['doctype:Lead:delete']), 'delete')
  assert.equal(await allowed(['doctype:Lead Source', 'method:x', 'nonsense']), '')
  assert.equal(await allowed([]), '')
  assert.equal(await allowed(['read'], { unrestricted: true }), 'read export')
})

test('elevation is not held back by the key that asked', async () => {
  const { site, first } = leadSite()
  const ctx = site.as('ann', ['Clerk'], { scopes: [] })
  assert.equal(await can(ctx.asSystem('test'), 'delete', 'Lead', first), true)
})

test('a document of another DocType is not covered by a grant', async () => {
  const { site } = leadSite()
  assert.equal(await can(site.as('ann', ['Clerk']), 'read', 'Lead', { doctype: 'Organization', name: 'North' } as AnyDocument), false)
})

test('a warm grant costs no statement, and a change of rights is seen at once', async () => {
  const { site, first, second } = leadSite()
  await grantFor(site.as('ann', ['Clerk']), 'Lead', 'read')
  const before = site.statements
  await grantFor(site.as('ann', ['Clerk']), 'Lead', 'read')
  await grantFor(site.as('ann', ['Clerk']), 'Lead', 'write')
  assert.equal(site.statements, before)
  site.permit('ann', 'Organization', 'North')
  site.bump('access')
  assert.deepEqual(await visible(site.as('ann', ['Clerk']), 'read', [first, second]), ['L1'])
})

test('a request that still holds a role taken away meanwhile leaves nothing of it behind', async () => {
  const { site, first } = leadSite()
  const old = site.as('ann', ['Clerk'])
  site.bump('access')
  assert.equal(await can(old, 'read', 'Lead', first), true)
  assert.equal(await can(site.as('ann', []), 'read', 'Lead', first), false)
})

test('what a transaction may still take back does not stay behind for others', async () => {
  const { site, first, second } = leadSite({ isServer: true })
  site.isWriting = true
  site.permit('ann', 'Organization', 'North')
  assert.deepEqual(await visible(site.as('ann', ['Clerk']), 'read', [first, second]), ['L1'])
  site.remove('tabUser Permission', 'true')
  site.isWriting = false
  assert.deepEqual(await visible(site.as('ann', ['Clerk']), 'read', [first, second]), ['L1', 'L2'])
})

test('the access of at most a thousand users is kept, and the others are none the worse', async () => {
  const { site, first } = leadSite()
  for (let at = 0; at < 1100; at++) assert.equal(await can(site.as(`user${at}`, ['Clerk']), 'read', 'Lead', first), true)
  const kept = site.as('user0').site.cache.access.get('permissions') as { accesses: Map<string, unknown> }
  assert.equal(kept.accesses.size, 1000)
})
