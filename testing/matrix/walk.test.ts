import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Area, businessApps, differences, levelOf, roleMatrix, rowsOfTable } from './matrix.ts'
import { openStage, sides } from './stage.ts'
import { seesNothingElsewhere, walk, walkTable } from './walk.ts'

/**
 * Walks every cell of the matrix over HTTP, as somebody who holds that one role, in either of two organizations: list, read, search,
 * report, export, create, write, submit, delete. rows.test.ts sees to it that the permission rows are those of the matrix; here each answer
 * must be what the rows say, and nothing of the other organization may stand in any.
 */
const stage = await openStage([...businessApps(), 'leaky'], [join(import.meta.dirname, 'apps')])
const { site } = stage
const installed = new Set(site.apps.all.map((app) => app.name))

for (const area of roleMatrix.areas.filter(({ app }) => installed.has(app)))
  for (const doctype of area.doctypes)
    test(`${doctype}: each role finds, reads and changes what its rows say, and nothing of another organization`, async () => {
      assert.ok(await site.meta.exists(doctype), `The app ${area.app} is installed, and has no DocType ${doctype}.`)
      const meta = await site.meta.get(doctype)
      for (const role of Object.keys(area.roles)) {
        const { must, may } = levelOf(area, role)
        // Who has no right anywhere has none in the other organization either.
        for (const side of must.length + may.length > 0 ? sides : sides.slice(0, 1))
          await (meta.isTable ? walkTable : walk)(stage, area, meta, role, side)
      }
    })

/** Other DocTypes of the same apps are not in the matrix; that nothing crosses between organizations holds for them all the same. */
for (const app of site.apps.all.filter(({ name }) => businessApps().includes(name)))
  test(`${app.name}: no DocType shows anything of another organization, to whatever role has rows there`, {
    timeout: 240_000,
  }, async () => {
    const inMatrix = new Set(roleMatrix.areas.flatMap((area) => area.doctypes))
    for (const { name } of app.doctypes) {
      const meta = await site.meta.get(name)
      if (inMatrix.has(name) || name in roleMatrix.siteWide || meta.isTable || meta.isSingle || meta.isVirtual) continue
      for (const role of rolesToTry((meta.definition.permissions ?? []).filter((row) => (row.permlevel ?? 0) === 0).map((row) => row.role)))
        await seesNothingElsewhere(stage, meta, await stage.holder(role, sides[0]))
    }
  })

/** Two at most, so that the walk stays short; System Managers last, who have rows nearly everywhere. */
function rolesToTry(roles: readonly string[]): string[] {
  const people = [...new Set(roles)].filter((role) => role !== 'Guest' && role !== 'Administrator')
  const isManager = (role: string) => Number(role === 'System Manager')
  return people.sort((a, b) => isManager(a) - isManager(b)).slice(0, 2)
}

/** The walk is worth nothing if it passes by an open door: a DocType whose link to the organization confines nobody. */
test('the walk notices a DocType that shows another organization’s documents', async () => {
  const leaky = await site.meta.get('Leaky Note')
  const area: Area = { area: 'Leaks', source: 'a test', app: 'leaky', doctypes: ['Leaky Note'], roles: { Dispatcher: 'R' } }
  await assert.rejects(walk(stage, area, leaky, 'Dispatcher', sides[0]), { code: 'ERR_ASSERTION' })
  await assert.rejects(seesNothingElsewhere(stage, leaky, await stage.holder('Dispatcher', sides[0])), /shows|names it/)
})

test('the walk notices a role whose rows give what they should not', async () => {
  const area: Area = {
    area: 'Leaks',
    source: 'a test',
    app: 'leaky',
    doctypes: ['Leaky Note'],
    roles: { Dispatcher: 'R', Supervisor: 'RW' },
  }
  const leaky = await site.meta.get('Leaky Note')
  const rows = leaky.definition.permissions ?? []
  assert.deepEqual(differences(area, 'Dispatcher', rows, leaky), ['Dispatcher must not have write'])
  assert.deepEqual(differences(area, 'Supervisor', rows, leaky), [
    'Supervisor must have read',
    'Supervisor must have write',
    'Supervisor must have create',
  ])
})

test('a table on a level of its own is walked by the rows of that level', async () => {
  const lines = await site.meta.get('Leaky Chart Line')
  const roles = { 'Medical Staff': 'RW', Dispatcher: '-' }
  const area: Area = { area: 'Charts', source: 'a test', app: 'leaky', doctypes: ['Leaky Chart Line'], roles }
  for (const role of Object.keys(roles)) for (const side of sides) await walkTable(stage, area, lines, role, side)
  const rows = rowsOfTable(await site.meta.get('Leaky Chart'), 'Leaky Chart Line')
  assert.deepEqual(differences(area, 'Medical Staff', rows, lines), ['Medical Staff must have write'])
  assert.deepEqual(differences(area, 'Dispatcher', rows, lines), [])
})
