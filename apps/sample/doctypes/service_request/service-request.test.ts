import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { DocumentNotFound } from '#kernel/documents/errors.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { toWire } from '#kernel/documents/wire.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { LinkNotFound, PermissionDenied } from '#kernel/permissions/errors.ts'
import { list } from '#kernel/query/list.ts'
import { testSite } from '#testing/site.ts'
import { RequestHasOpenVisits } from '../../errors.ts'
import type ServiceRequest from './service-request.ts'

const wire = { version: 1, zone: 'UTC' } as const

/** A site with two organisations; Cora coordinates and Tim works in the first, Tara works there too, Otto coordinates the second. */
async function town() {
  const site = await testSite({ apps: ['sample'] })
  await site.make('Organization', { organization_name: 'North', abbr: 'N' })
  await site.make('Organization', { organization_name: 'South', abbr: 'S' })
  const person = async (name: string, role: string, organization: string): Promise<string> => {
    const user = await site.user(`${name}@example.com`, [role])
    await site.make('User Permission', { user, allow: 'Organization', for_value: organization })
    return user
  }
  return {
    ...site,
    cora: await person('cora', 'Coordinator', 'North'),
    tim: await person('tim', 'Technician', 'North'),
    tara: await person('tara', 'Technician', 'North'),
    vera: await person('vera', 'Viewer', 'North'),
    otto: await person('otto', 'Coordinator', 'South'),
  }
}

const { as, make, cora, tim, tara, vera, otto } = await town()
const request = (values: Record<string, unknown> = {}) =>
  make('Service Request', { subject: 'Leaking tap', organization: 'North', ...values })
const namesSeenBy = (user: string): Promise<unknown[]> =>
  as(user, async (ctx) => (await list(ctx, 'Service Request', { wire, limit: 0 })).rows.map((row) => row.name))

test('the estimate is the exact sum of the items', async () => {
  const name = await request({
    items: [
      { description: 'Pipe', quantity: 3, rate: '0.1' },
      { description: 'Work', quantity: 1.5, rate: '70.33' },
    ],
  })
  const made = await as(cora, (ctx) => getDocument(ctx, 'Service Request', name))
  assert.equal(String((made as AnyDocument).estimated_cost), '105.8')
})

test('a coordinator of another organisation neither finds nor opens a request, and cannot make one there', async () => {
  const name = await request()
  assert.ok(!(await namesSeenBy(otto)).includes(name))
  // Not even that it exists is told.
  await assert.rejects(
    as(otto, (ctx) => getDocument(ctx, 'Service Request', name)),
    DocumentNotFound.is,
  )
  await assert.rejects(
    as(otto, (ctx) => insert(ctx, 'Service Request', { subject: 'Not mine', organization: 'North' })),
    (error) => PermissionDenied.is(error) || LinkNotFound.is(error),
  )
})

test('a technician sees what is theirs or nobody’s, and not what another one does', async () => {
  const [free, mine, other] = [await request(), await request({ technician: tim }), await request({ technician: tara })]
  const seen = await namesSeenBy(tim)
  assert.deepEqual(
    [free, mine, other].map((name) => seen.includes(name)),
    [true, true, false],
  )
  await assert.rejects(
    as(tim, (ctx) => getDocument(ctx, 'Service Request', other)),
    PermissionDenied.is,
  )
})

test('internal notes are for those who coordinate', async () => {
  const name = await request({ internal_notes: 'pays late' })
  const notesSeenBy = (user: string) =>
    as(user, async (ctx) => (await toWire(ctx, await getDocument(ctx, 'Service Request', name), wire)).internal_notes)
  assert.equal(await notesSeenBy(cora), 'pays late')
  assert.equal(await notesSeenBy(tim), undefined)
})

test('a viewer changes nothing', async () => {
  const name = await request()
  await assert.rejects(
    as(vera, (ctx) => openForWrite(ctx, 'Service Request', name)),
    PermissionDenied.is,
  )
})

test('a request with a planned visit cannot be resolved until the visit is done', async () => {
  const name = await request()
  const visit = await as(cora, async (ctx) => {
    const document = (await openForWrite(ctx, 'Service Request', name)) as unknown as ServiceRequest
    return (await document.schedule(ctx, { technician: tim, starts_at: '2026-12-01 09:00:00' })).name
  })
  const resolve = () =>
    as(tim, async (ctx) => ((await openForWrite(ctx, 'Service Request', name)) as unknown as ServiceRequest).resolve(ctx))
  await assert.rejects(resolve(), RequestHasOpenVisits.is)
  await as(tim, async (ctx) => save(ctx, await openForWrite(ctx, 'Site Visit', visit), { status: 'Done', report: 'New washer.' }))
  await resolve()
  const after = await as(cora, (ctx) => getDocument(ctx, 'Service Request', name))
  assert.equal((after as AnyDocument).status, 'Resolved')
})
