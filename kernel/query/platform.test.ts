import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testDatabases } from '#testing/services.ts'
import { testSite } from '#testing/site.ts'
import { count } from './count.ts'
import { list } from './list.ts'
import { searchLink } from './search-link.ts'

const wire = { version: 2, zone: 'Europe/Berlin' } as const

for (const { name: database } of testDatabases()) {
  test(`every DocType of the platform can be listed with all its fields on ${database}`, { timeout: 120_000 }, async () => {
    const site = await testSite({ database })
    await site.user('reader@example.com', ['System Manager'])
    await site.asSystem(async (ctx) => {
      for (const doctype of await ctx.site.meta.names()) {
        const meta = await ctx.site.meta.get(doctype)
        if (meta.isSingle || meta.isVirtual) continue
        const { rows } = await list(ctx, doctype, { fields: ['*'], limit: 0, wire })
        assert.equal(rows.length, await count(ctx, doctype, { wire }), doctype)
      }
    })
    await site.as('reader@example.com', async (ctx) => {
      const { rows } = await list(ctx, 'User', { fields: ['name', { roles: ['role'] }], filters: { name: 'reader@example.com' }, wire })
      assert.deepEqual(rows, [{ name: 'reader@example.com', roles: [{ role: 'System Manager' }] }])
      assert.deepEqual(
        (await searchLink(ctx, { doctype: 'User', txt: 'reader@', wire })).map((one) => one.value),
        ['reader@example.com'],
      )
    })
  })
}
