import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sellingTown } from '#testing/crm.ts'
import type { AnyDocument } from './document.ts'
import { load } from './load.ts'
import { strayLink } from './tenant-links.ts'

test('a document that moves to another tenant takes none of its old links along', async () => {
  const town = await sellingTown()
  const source = await town.make('Lead Source', { source_name: 'Fair', organization: 'North' })
  const lead = await town.make('Lead', { first_name: 'Ada', organization: 'North', source })
  await town.asSystem(async (ctx) => {
    const stored = await load(ctx, await ctx.site.meta.get('Lead'), lead)
    assert.equal(await strayLink(ctx, stored, stored, 'organization'), undefined)
    assert.equal(await strayLink(ctx, stored, undefined, 'organization'), undefined)
    const moved = { ...stored, organization: 'South' } as AnyDocument
    assert.deepEqual(await strayLink(ctx, moved, stored, 'organization'), { field: 'source', value: source })
  })
})
