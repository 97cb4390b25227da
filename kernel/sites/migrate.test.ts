import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import pino from 'pino'
import { load } from '#kernel/documents/load.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { createSite, installApp, uninstallApp } from './create-site.ts'
import { migrateSite, planMigration } from './migrate.ts'
import type { OpenSite } from './open-site.ts'
import { openRuntime, type Runtime } from './runtime.ts'

const mark = (name: string): string =>
  `(ctx) => ctx.db.execute({ sql: "insert into tabSeries (name, current) values ('${name}', 1) on conflict (name) do update set current = current + 1", parameters: [] })`

/** The app as it was first released. */
const first = `{
  name: 'shop', title: 'Shop', version: '1.0.0', roles: ['Keeper', { name: 'Buyer', desk: false }],
  fixtures: [
    { doctype: 'Custom Field', documents: [{ name: 'Note-aisle', dt: 'Note', fieldname: 'aisle', label: 'Aisle', fieldtype: 'Data', is_system_generated: 1 }] },
    { doctype: 'Note', documents: [{ name: 'House rules', title: 'House rules', public: 1, aisle: '7', seen_by: [{ user: 'Administrator' }] }] },
    { doctype: 'Shop Settings', documents: [{ open: 1, motto: 'welcome' }] },
  ],
  patches: [{ id: '2026-01-01-old', when: 'after-sync', run: ${mark('patch-old')} }],
  afterInstall: ${mark('after-install')}, beforeUninstall: ${mark('before-uninstall')}, afterMigrate: ${mark('after-migrate')},
}`
/** A year later: a field more, one renamed by a patch, another fixture. */
const second = first
  .replace(`motto: 'welcome'`, `motto: 'come in'`)
  .replace('patches: [', `patches: [{ id: '2027-01-01-before', when: 'before-sync', run: ${mark('patch-before')} }, { id: '2027-01-01-after', when: 'after-sync', run: async (ctx) => {
      await ctx.db.execute({ sql: "update tabShelf set label = 'filled by a patch'", parameters: [] }); await (${mark('patch-after')})(ctx) } }, `)
const failing = second.replace('patches: [', `patches: [{ id: '2028-01-01-fails', when: 'after-sync', run: async (ctx) => { await (${mark('patch-fails')})(ctx); throw new Error('bad data') } }, `)

const shelf = (fields: object[]) => ({ doctype: 'DocType', name: 'Shelf', module: 'Shop', autoname: 'prompt', fields, permissions: [{ role: 'Keeper', read: 1 }] })
const settings = { doctype: 'DocType', name: 'Shop Settings', module: 'Shop', issingle: 1, fields: [{ fieldname: 'open', fieldtype: 'Check' }, { fieldname: 'motto', fieldtype: 'Data' }] }
const title = { fieldname: 'title', fieldtype: 'Data', length: 20 }
const label = { fieldname: 'label', fieldtype: 'Data', search_index: 1 }

suite('migrating a site', () => {
  const host = 'shop.localhost'
  let folder: string
  let runtime: Runtime
  let site: OpenSite
  const runtimes: Runtime[] = []

  /** Starts "another release": a runtime whose apps folder holds the shop as given. */
  async function release(name: string, app: string, fields: object[]): Promise<Runtime> {
    const shop = join(folder, name, 'shop')
    for (const [one, definition] of [['shelf', shelf(fields)], ['shop_settings', settings]] as const) {
      await mkdir(join(shop, 'doctypes', one), { recursive: true })
      await writeFile(join(shop, 'doctypes', one, `${one}.json`), JSON.stringify(definition))
    }
    await writeFile(join(shop, 'app.ts'), `export default ${app}`)
    const opened = await openRuntime({ sitesFolder: join(folder, 'sites'), appFolders: [join(import.meta.dirname, '../../apps'), join(folder, name)], log: pino({ level: 'silent' }) })
    runtimes.push(opened)
    return opened
  }
  const marks = async (): Promise<Record<string, number>> =>
    Object.fromEntries((await site.database.query<{ name: string; current: number }>({ sql: "select name, current from tabSeries where name like '%-%' and name not like 'lock:%' order by name", parameters: [] })).map((row) => [row.name, row.current]))
  const read = (doctype: string, name: string) => site.asSystem('test', async (ctx) => load(ctx, await ctx.site.meta.get(doctype), name))
  const count = async (table: string) => (await site.database.query({ sql: `select name from "${table}"`, parameters: [] })).length

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'orc-migrate-'))
    runtime = await release('v1', first, [title])
    site = (await createSite(runtime, { host, adminPassword: 'fake-pass-of-the-test-1', config: { durable: false }, installApps: [] })).site
  })
  after(async () => {
    for (const one of runtimes) await one.close()
    await rm(folder, { recursive: true, force: true })
  })

  test('an app that is not installed is not there', async () => {
    assert.equal(await site.meta.exists('Shelf'), false)
    assert.equal(site.apps.has('shop'), false)
  })

  test('installing brings DocTypes, roles, fixtures and the app’s own steps, once', async () => {
    assert.deepEqual(await installApp(runtime, host, 'shop'), ['shop'])
    assert.deepEqual(await installApp(runtime, host, 'shop'), [])
    assert.deepEqual(await marks(), { 'after-install': 1, 'after-migrate': 1 })
    assert.deepEqual([(await read('Role', 'Keeper')).desk_access, (await read('Role', 'Buyer')).desk_access], [1, 0])
    const rules = await read('Note', 'House rules')
    assert.deepEqual([rules.aisle, rules.public, (rules.seen_by as { user: string }[]).map(({ user }) => user)], ['7', 1, ['Administrator']])
    assert.equal((await read('Shop Settings', 'Shop Settings')).motto, 'welcome')
    await assert.rejects(installApp(runtime, host, 'nothing'), { code: 'apps/missing' })
  })

  test('migrating again changes nothing', async () => {
    const before = [await count('tabVersion'), await count('tabAudit Entry'), (await read('Note', 'House rules')).modified]
    assert.deepEqual(await planMigration(site), { definitions: [], schema: [], patches: [] })
    assert.deepEqual(await migrateSite(site), { definitions: [], schema: [], patches: [] })
    assert.deepEqual([await count('tabVersion'), await count('tabAudit Entry'), (await read('Note', 'House rules')).modified], before)
    assert.deepEqual(await planMigration(site), { definitions: [], schema: [], patches: [] })
  })

  test('fixtures that somebody changed are put back', async () => {
    await site.asSystem('test', async (ctx) => save(ctx, await openForWrite(ctx, 'Note', 'House rules'), { public: 0, seen_by: [] }))
    await migrateSite(site)
    const rules = await read('Note', 'House rules')
    assert.deepEqual([rules.public, (rules.seen_by as object[]).length], [1, 1])
  })

  test('a new release changes tables, runs its patches once and updates fixtures; the plan tells beforehand', async () => {
    await site.asSystem('test', (ctx) => insert(ctx, 'Shelf', { name: 's1', title: 'kept' }))
    const next = await release('v2', second, [{ ...title, length: 200 }, label])
    site = await next.site(host)
    const plan = await planMigration(site)
    assert.deepEqual(plan.definitions, ['Shelf'])
    assert.ok(plan.schema.some((line) => line.includes('add column label')), plan.schema.join('\n'))
    const done = await migrateSite(site)
    assert.deepEqual(done.definitions, plan.definitions)
    assert.deepEqual(done.schema, plan.schema)
    assert.deepEqual(done.patches, ['shop: 2027-01-01-before', 'shop: 2027-01-01-after'])
    const now = await marks()
    assert.deepEqual([now['patch-before'], now['patch-after'], now['patch-old']], [1, 1, undefined], 'a patch older than the installation is skipped')
    const kept = await read('Shelf', 's1')
    assert.deepEqual([kept.title, kept.label], ['kept', 'filled by a patch'])
    assert.equal((await read('Shop Settings', 'Shop Settings')).motto, 'come in')
    assert.deepEqual(await migrateSite(site), { definitions: [], schema: [], patches: [] })
    assert.deepEqual([(await marks())['patch-before'], (await marks())['patch-after']], [1, 1])
  })

  test('a process that runs meanwhile sees what was migrated', async () => {
    const old = await runtime.site(host)
    await old.freshen()
    assert.ok((await old.meta.get('Shelf')).field.has('label'))
  })

  test('a patch that fails leaves no trace of itself, is named, and runs again next time', async () => {
    const broken = await (await release('v3', failing, [{ ...title, length: 200 }, label])).site(host)
    for (let round = 0; round < 2; round++) await assert.rejects(migrateSite(broken), (error: Error) => /2028-01-01-fails/.test(error.message) && /bad data/.test(error.message))
    assert.equal((await marks())['patch-fails'], undefined)
    assert.deepEqual(await migrateSite(site), { definitions: [], schema: [], patches: [] })
  })

  test('two processes that migrate at once do the work once', async () => {
    const [a, b] = await Promise.all([release('v4a', second.replaceAll('2027', '2029').replaceAll('patch-after', 'patch-once'), [title, label, { fieldname: 'more', fieldtype: 'Int' }]), release('v4b', second.replaceAll('2027', '2029').replaceAll('patch-after', 'patch-once'), [title, label, { fieldname: 'more', fieldtype: 'Int' }])])
    const sites = await Promise.all([a.site(host), b.site(host)])
    const done = await Promise.all(sites.map((one) => migrateSite(one)))
    assert.deepEqual(done.map((one) => one.patches.length).sort(), [0, 2])
    assert.equal((await marks())['patch-once'], 1)
  })

  test('uninstalling keeps the data and is refused while another app needs the app', async () => {
    await assert.rejects(uninstallApp(runtime, host, 'core'), { code: 'apps/in-use' })
    await assert.rejects(uninstallApp(runtime, host, 'nothing'), { code: 'apps/missing' })
    await uninstallApp(runtime, host, 'shop')
    assert.equal((await marks())['before-uninstall'], 1)
    const elsewhere = await runtimes[1]?.site(host)
    await elsewhere?.freshen()
    assert.equal(elsewhere?.apps.has('shop'), false, 'other processes know it too')
    assert.equal(await count('tabShelf'), 1)
    await installApp(runtimes[1] as Runtime, host, 'shop')
    site = await (runtimes[1] as Runtime).site(host)
    assert.equal((await read('Shelf', 's1')).title, 'kept')
  })
})
