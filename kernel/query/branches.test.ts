import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { field, querySite, type QuerySite, row } from '#testing/query-site.ts'
import { documentForm } from '#kernel/documents/cast.ts'
import { list } from './list.ts'
import type { ListOptions } from './options.ts'

let site: QuerySite
const wire = documentForm
const everything: ListOptions = { filters: { branch: ['in', ['North', 'South', 'West']] }, wire }

before(async () => {
  site = await querySite(
    { name: 'sqlite' },
    {
      doctypes: [
        { name: 'Branch', fields: [field('title')], permissions: [row('Staff', 'read')] },
        {
          name: 'Task',
          sort_field: 'rank',
          fields: [field('rank', 'Int'), field('state'), { fieldname: 'branch', fieldtype: 'Link', options: 'Branch' }],
          permissions: [row('Staff', 'read')],
        },
      ],
    },
  )
  // What an app's `scopes` says.
  ;(site.system.site.apps.scopes as Set<string>).add('Branch')
  const names = ['North', 'South', 'West', 'East']
  await site.add('Branch', ...names.map((name) => ({ name, title: `The ${name}` })))
  const tasks = Array.from({ length: 200 }, (_, n) => ({
    name: `T${n}`,
    rank: (n * 37) % 50,
    state: n % 3 ? 'Open' : 'Done',
    branch: names[(n * 7) % 5],
  }))
  await site.add('Task', ...tasks)
  const permitted = ['North', 'South', 'West'].map((name, n) => ({
    name: `P${n}`,
    user: 'sam@x',
    allow: 'Branch',
    for_value: name,
    apply_to_all_doctypes: 1,
  }))
  await site.add('User Permission', ...permitted)
})
after(() => site.drop())

const asSam = () => site.as('sam@x', ['Staff'])
const names = async (ctx: ReturnType<typeof asSam>, options: ListOptions) => (await list(ctx, 'Task', options)).rows.map((one) => one.name)

for (const [what, options] of Object.entries({
  'in the default order': {},
  'in two directions': { orderBy: 'state desc, rank asc' },
  'by a field of the link': { orderBy: 'branch.title asc', fields: ['name', 'branch.title'] },
  'with conditions on the link': {
    orFilters: [
      ['branch.title', '=', 'The South'],
      ['state', '=', 'Done'],
    ],
  },
  'from a row on': { start: 30, limit: 15 },
}))
  test(`Somebody confined to three tenants sees the rows that a filter for them gives, ${what}`, async () => {
    site.takeStatements()
    const mine = await names(asSam(), { ...options, wire })
    assert.equal(
      site.takeStatements().some(({ sql }) => sql.includes('union all')),
      true,
    )
    assert.deepEqual(mine, await names(site.system, { ...everything, ...options }))
    assert.equal(mine.length, options.limit ?? 20)
  })

test('Pages by cursor through three tenants give every row once, in order', async () => {
  const seen: unknown[] = []
  for (let after: string | undefined, first = true; first || after; first = false) {
    const { rows, cursor } = await list(asSam(), 'Task', { filters: { state: 'Open' }, limit: 7, ...(after && { after }), wire })
    seen.push(...rows.map((one) => one.name))
    after = cursor
  }
  const all = await names(site.system, { ...everything, filters: { ...(everything.filters as object), state: 'Open' }, limit: 0 })
  assert.ok(seen.length > 50)
  assert.deepEqual(seen, all)
})

test('A list too long for branches is read in one piece, with the same rows', async () => {
  site.takeStatements()
  const mine = await names(asSam(), { limit: 0, wire })
  assert.equal(
    site.takeStatements().some(({ sql }) => sql.includes('union all')),
    false,
  )
  assert.deepEqual(mine, await names(site.system, { ...everything, limit: 0 }))
})
