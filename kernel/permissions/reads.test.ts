import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { getDocument } from '#kernel/documents/load.ts'
import { insert } from '#kernel/documents/save.ts'
import { list } from '#kernel/query/list.ts'
import { planFor } from '#kernel/query/plan-cache.ts'
import { searchLink } from '#kernel/query/search-link.ts'
import { testApps } from '#testing/documents-world.ts'
import { testSite } from '#testing/site.ts'
import { fault, heard } from '#testing/apps/watching/app.ts'
import { isWatched } from './reads.ts'

const wire = { version: 1, zone: 'UTC' } as const
const watched = await testSite({ apps: ['watching'], appFolders: [testApps] })
const plain = await testSite()
const user = await watched.user('reader@example.com', ['System Manager'])
const names: string[] = []
for (const description of ['one', 'two', 'three']) names.push(await watched.make('ToDo', { description, allocated_to: user }))
const told = () => heard.map(({ name, path, user: who }) => `${who.name} ${path} ${name ?? '-'}`).sort()

beforeEach(() => {
  heard.length = 0
  fault.error = undefined
})

test('who gets a document is told once in a unit of work, however often and on whatever path it was read', async () => {
  await watched.as(user, async (ctx) => {
    await getDocument(ctx, 'ToDo', names[0] as string)
    await getDocument(ctx, 'ToDo', names[0] as string)
    await list(ctx, 'ToDo', { fields: ['description'], wire })
  })
  assert.deepEqual(told(), names.map((name, index) => `${user} ${index === 0 ? 'read' : 'list'} ${name}`).sort())
})

test('a page tells of the documents on it, and of no others', async () => {
  await watched.as(user, (ctx) => list(ctx, 'ToDo', { fields: ['status'], orderBy: 'creation asc', limit: 2, wire }))
  assert.equal(heard.length, 2)
  heard.length = 0
  await watched.as(user, (ctx) => searchLink(ctx, { doctype: 'ToDo', txt: names[2], wire }))
  assert.deepEqual(told(), [`${user} link ${names[2]}`])
})

test('figures tell that there were some, and name no document', async () => {
  await watched.as(user, (ctx) => list(ctx, 'ToDo', { fields: ['status', { COUNT: '*', as: 'n' }], groupBy: 'status', wire }))
  assert.deepEqual(told(), [`${user} list -`])
})

test('what only reads is told too, in a transaction of its own', async () => {
  const { principalOf } = await import('#kernel/identity/principals.ts')
  await watched.site.run(await principalOf(watched.site, user), (ctx) => getDocument(ctx, 'ToDo', names[1] as string), { readOnly: true })
  assert.deepEqual(told(), [`${user} read ${names[1]}`])
})

test('what the platform reads for itself, and what fails, goes to nobody', async () => {
  await watched.asSystem((ctx) => list(ctx, 'ToDo', { wire }))
  await watched.as(user, (ctx) => getDocument(ctx.asSystem('looks'), 'ToDo', names[0] as string))
  await assert.rejects(
    watched.as(user, async (ctx) => {
      await getDocument(ctx, 'ToDo', names[0] as string)
      throw new Error('no answer')
    }),
  )
  assert.deepEqual(told(), [])
})

test('where it cannot be told, nothing leaves and nothing is written', async () => {
  fault.error = new Error('the log is full')
  await assert.rejects(
    watched.as(user, async (ctx) => {
      await insert(ctx, 'ToDo', { description: 'unseen' })
      return list(ctx, 'ToDo', { wire })
    }),
    /the log is full/,
  )
  fault.error = undefined
  const { rows } = await watched.asSystem((ctx) => list(ctx, 'ToDo', { filters: { description: 'unseen' }, wire }))
  assert.deepEqual(rows, [])
})

test('where nobody listens, the statement is the same and nothing is remembered', async () => {
  const statement = (site: typeof plain) =>
    site.site.run(
      { name: 'Administrator', fullName: '', roles: new Set(), userType: 'System User', language: 'en', unrestricted: true },
      async (ctx) => {
        const plan = await planFor(ctx, await ctx.site.meta.get('ToDo'), { fields: ['status'], wire })
        return { text: plan.head.text, watched: plan.watched, listens: isWatched(ctx, 'ToDo') }
      },
    )
  const [quiet, loud] = [await statement(plain), await statement(watched)]
  assert.deepEqual([quiet.watched, quiet.listens, plain.site.apps.watchesReads], [[], false, false])
  assert.deepEqual([loud.watched.length, loud.listens], [1, true])
})
