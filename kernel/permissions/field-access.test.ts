import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AnyDocument } from '#kernel/documents/document.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { field, permissionSite, row } from '#testing/permission-site.ts'
import { type FieldAccess, fieldAccess, restoreForbidden } from './field-access.ts'

const person = {
  name: 'Person',
  title_field: 'title',
  search_fields: 'city, salary',
  fields: [
    field('title'),
    field('city'),
    field('salary', 'Currency', { permlevel: 1 }),
    field('phone', 'Data', { mask: 1 }),
    field('jobs', 'Table', { options: 'Job' }),
    field('cases', 'Table', { options: 'Job', permlevel: 2 }),
  ],
}
const job = {
  name: 'Job',
  istable: 1 as const,
  fields: [field('employer'), field('wage', 'Currency', { permlevel: 1 }), field('code', 'Data', { mask: 1 })],
}

function personSite(...permissions: ReturnType<typeof row>[]) {
  return permissionSite({ doctypes: [{ ...person, permissions }, job] })
}

function which(meta: Meta, test: FieldAccess['canRead']): string {
  return meta.fields
    .filter(test)
    .map((one) => one.fieldname)
    .join(' ')
}

test('a field above level 0 needs a row at its level beside one at level 0', async () => {
  const site = personSite(row('Clerk', 'read write'), row('Boss', 'read', { permlevel: 1 }))
  const meta = site.meta('Person')
  const clerk = await fieldAccess(site.as('ann', ['Clerk']), meta)
  assert.equal(which(meta, clerk.canRead), 'title city phone jobs')
  const both = await fieldAccess(site.as('ben', ['Clerk', 'Boss']), meta)
  assert.equal(which(meta, both.canRead), 'title city salary phone jobs')
  assert.equal(which(meta, both.canWrite), 'title city jobs')
  const boss = await fieldAccess(site.as('cas', ['Boss']), meta)
  assert.equal(which(meta, boss.canRead), '')
  assert.equal(which(meta, boss.canWrite), '')
})

test('a level row bound to own documents opens the level on none, because levels hold for all documents alike', async () => {
  const site = personSite(row('Clerk', 'read'), row('Clerk', 'read', { permlevel: 1, if_owner: 1 }))
  const access = await fieldAccess(site.as('ann', ['Clerk']), site.meta('Person'))
  assert.ok(!which(site.meta('Person'), access.canRead).includes('salary'))
})

test('a masked field is seen in full with a mask row at its level, and is written by nobody else', async () => {
  const site = personSite(row('Clerk', 'read write'), row('Boss', 'read write mask'))
  const meta = site.meta('Person')
  assert.equal(which(meta, (await fieldAccess(site.as('ann', ['Clerk']), meta)).isMasked), 'phone')
  assert.ok(!which(meta, (await fieldAccess(site.as('ann', ['Clerk']), meta)).canWrite).includes('phone'))
  assert.equal(which(meta, (await fieldAccess(site.as('ben', ['Boss']), meta)).isMasked), '')
})

test('with select alone only name, title and search fields are readable, levels respected', async () => {
  const site = personSite(row('All', 'select'))
  const meta = site.meta('Person')
  assert.equal(which(meta, (await fieldAccess(site.as('ann'), meta)).canRead), 'title city')
})

test('the fields of a child table follow the levels of the document around it', async () => {
  const site = personSite(row('Clerk', 'read write'), row('Boss', 'read', { permlevel: 1 }))
  const [ctx, jobs] = [site.as('ann', ['Clerk', 'Boss']), site.meta('Job')]
  assert.equal(which(jobs, (await fieldAccess(ctx, jobs, site.meta('Person'))).canRead), 'employer wage code')
  assert.equal(which(jobs, (await fieldAccess(site.as('ben', ['Clerk']), jobs, site.meta('Person'))).canRead), 'employer code')
  assert.equal(which(jobs, (await fieldAccess(ctx, jobs)).canRead), '')
})

test('a share opens level 0, to write only when it says so', async () => {
  const site = personSite(row('Clerk', 'read write'))
  const meta = site.meta('Person')
  site.share('zoe', 'Person', 'P1', ['read'])
  const read = await fieldAccess(site.as('zoe'), meta)
  assert.deepEqual([which(meta, read.canRead), which(meta, read.canWrite)], ['title city phone jobs', ''])
  site.share('zoe', 'Person', 'P1', ['write'])
  assert.ok(which(meta, (await fieldAccess(site.as('zoe'), meta)).canWrite).includes('title'))
})

test('whoever may only create may fill level 0', async () => {
  const site = personSite(row('All', 'create'))
  const access = await fieldAccess(site.as('ann'), site.meta('Person'))
  assert.deepEqual([which(site.meta('Person'), access.canRead), which(site.meta('Person'), access.canWrite)], ['', 'title city jobs'])
})

test('full rights open everything, and a reading key of theirs everything to read', async () => {
  const site = personSite()
  const meta = site.meta('Person')
  assert.equal((await fieldAccess(site.as('Administrator', [], { unrestricted: true }), meta)).all, true)
  const key = await fieldAccess(site.as('Administrator', [], { unrestricted: true, scopes: ['read'] }), meta)
  assert.deepEqual([which(meta, key.canRead).split(' ').length, which(meta, key.canWrite), key.all], [6, '', false])
})

test('what may not be changed is put back, or left to defaults where it is new, in child rows and whole tables too', async () => {
  const site = personSite(row('Clerk', 'read write'))
  const meta = site.meta('Person')
  const before = {
    doctype: 'Person',
    name: 'P1',
    title: 'Ann',
    salary: 10,
    phone: '12',
    jobs: [{ name: 'j1', employer: 'A', wage: 5, code: 'x' }],
    cases: [{ name: 'c1' }],
  } as unknown as AnyDocument
  const document = {
    ...before,
    title: 'Anna',
    salary: 99,
    phone: '00',
    cases: [],
    jobs: [
      { name: 'j1', employer: 'B', wage: 6, code: 'y' },
      { name: 'new', employer: 'C', wage: 7, code: 'z' },
    ],
  } as unknown as AnyDocument
  await restoreForbidden(site.as('ann', ['Clerk']), meta, document, before)
  assert.deepEqual(
    { ...document },
    {
      ...before,
      title: 'Anna',
      jobs: [
        { name: 'j1', employer: 'B', wage: 5, code: 'x' },
        { name: 'new', employer: 'C', wage: undefined, code: undefined },
      ],
    },
  )
})

test('warm field access costs no statement', async () => {
  const site = personSite(row('Clerk', 'read write'))
  await fieldAccess(site.as('ann', ['Clerk']), site.meta('Person'))
  const before = site.statements
  await fieldAccess(site.as('ann', ['Clerk']), site.meta('Person'))
  assert.equal(site.statements, before)
})
