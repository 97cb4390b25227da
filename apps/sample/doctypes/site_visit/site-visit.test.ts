import assert from 'node:assert/strict'
import { test } from 'node:test'
import { getDocument } from '#kernel/documents/load.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { testSite } from '#testing/site.ts'

test('a technician opens their own visit and is refused another one’s', async () => {
  const { as, make, user } = await testSite({ apps: ['sample'] })
  await make('Organization', { organization_name: 'North', abbr: 'N' })
  const [tim, tara] = [await user('tim@example.com', ['Technician']), await user('tara@example.com', ['Technician'])]
  for (const technician of [tim, tara]) await make('User Permission', { user: technician, allow: 'Organization', for_value: 'North' })
  const request = await make('Service Request', { subject: 'Leaking tap', organization: 'North' })
  const visit = await make('Site Visit', { service_request: request, technician: tim, starts_at: '2026-12-01 09:00:00' })
  const open = (who: string) => as(who, (ctx) => getDocument(ctx, 'Site Visit', visit))
  assert.equal((await open(tim)).organization, 'North', 'taken from the request')
  await assert.rejects(open(tara), PermissionDenied.is)
})
