import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import pino from 'pino'
import { Deadlocked } from '#kernel/database/errors.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { testDatabases } from '#testing/services.ts'
import { writeConfig } from './config-file.ts'
import { createSite, dropSite, type NewSite } from './create-site.ts'
import { bumpEpoch } from './epoch.ts'
import type { OpenSite } from './open-site.ts'
import { isHostName, openRuntime, type Runtime } from './runtime.ts'

const adminPassword = 'fake-pass-of-the-test-1'

suite('sites', () => {
  let folder: string
  let runtime: Runtime
  let site: OpenSite
  const make = (host: string, more: Partial<NewSite> = {}) => createSite(runtime, { host, adminPassword, config: { durable: false }, ...more })
  const open = () => openRuntime({ sitesFolder: folder, log: pino({ level: 'silent' }) })

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'orc-sites-'))
    runtime = await open()
    site = (await make('one.localhost')).site
  })
  after(async () => {
    await runtime.close()
    await rm(folder, { recursive: true, force: true })
  })

  test('a site is a folder with a private configuration, and is found by its host', async () => {
    assert.deepEqual(runtime.hosts(), ['one.localhost'])
    assert.equal(await runtime.site('one.localhost'), site)
    const file = join(folder, 'one.localhost', 'site_config.json')
    assert.equal((await stat(file)).mode & 0o777, 0o600)
    const config = JSON.parse(await readFile(file, 'utf8')) as { encryption_key: string; installed_apps: string[] }
    assert.equal(Buffer.from(config.encryption_key, 'base64').length, 32)
    assert.deepEqual(config.installed_apps, ['core', 'company'])
  })

  test('hosts that are no host names reach no folder', async () => {
    for (const host of ['', '.', '..', '../one.localhost', 'one.localhost/', 'a/b', 'a\\b', 'a\0', '-a', 'a..b', 'a.', ' a', 'ä.de', 'x'.repeat(254), '__proto__'])  {
      assert.equal(isHostName(host), false, host)
      await assert.rejects(runtime.site(host), { code: 'sites/not-found', status: 404 })
      await assert.rejects(make(host), { code: 'sites/name-invalid', field: 'host' })
    }
    await assert.rejects(runtime.site('two.localhost'), { code: 'sites/not-found' })
    assert.deepEqual((await readdir(folder)).sort(), ['one.localhost'])
  })

  test('a site is not made over another, and one that fails half-way leaves nothing', async () => {
    await assert.rejects(make('one.localhost'), { code: 'sites/exists', status: 409 })
    await assert.rejects(make('bad.localhost', { installApps: ['no-such-app'] }), { code: 'apps/missing' })
    await assert.rejects(make('bad.localhost', { dbType: 'postgres', dbUrl: 'postgres://nobody:x@127.0.0.1:1/none' }), { status: 503 })
    await mkdir(join(folder, 'half'), { recursive: true })
    await assert.rejects(make('bad.localhost', { dbName: join(folder, 'half') }))
    await rm(join(folder, 'half'), { recursive: true })
    assert.equal(existsSync(join(folder, 'bad.localhost')), false)
    assert.deepEqual(runtime.hosts(), ['one.localhost'])
  })

  for (const engine of testDatabases())
    if ('url' in engine)
      test(`on ${engine.name} a site gets a database of its own, and takes it along`, async () => {
        const { site: made } = await make(`own-${engine.name}.localhost`, { dbType: engine.name, dbUrl: engine.url })
        assert.ok(made.config.db_url && made.config.db_url !== engine.url)
        await made.asSystem('test', (ctx) => insert(ctx, 'ToDo', { description: 'x' }))
        await dropSite(runtime, made.host)
        assert.equal(existsSync(join(folder, made.host)), false)
        await assert.rejects(make(`own-${engine.name}.localhost`, { dbType: engine.name, dbUrl: engine.url, installApps: ['no-such-app'] }), { code: 'apps/missing' })
      })

  test('two sites know nothing of each other', async () => {
    const { site: two } = await make('two.localhost')
    await two.asSystem('test', (ctx) => insert(ctx, 'Note', { title: 'only here' }))
    const notes = (one: OpenSite) => one.database.query({ sql: 'select name from tabNote', parameters: [] })
    assert.deepEqual([(await notes(site)).length, (await notes(two)).length], [0, 1])
    assert.notEqual(two.config.encryption_key, site.config.encryption_key)
    await dropSite(runtime, 'two.localhost')
    await assert.rejects(runtime.site('two.localhost'), { code: 'sites/not-found' })
    await assert.rejects(dropSite(runtime, 'two.localhost'), { code: 'sites/not-found' })
  })

  test('a site dropped and made anew elsewhere is opened anew; one whose configuration was written again stays open', async () => {
    const other = await open()
    const { site: first } = await make('again.localhost')
    assert.equal((await other.site('again.localhost')).config.encryption_key, first.config.encryption_key)
    await writeConfig(first.folder, { ...first.config, some_setting: 1 })
    await new Promise((resolve) => setTimeout(resolve, 250))
    assert.equal(await runtime.site('again.localhost'), first)
    await dropSite(other, 'again.localhost')
    const made = await createSite(other, { host: 'again.localhost', adminPassword, config: { durable: false } })
    await new Promise((resolve) => setTimeout(resolve, 250))
    assert.equal((await runtime.site('again.localhost')).config.encryption_key, made.site.config.encryption_key)
    await other.close()
    await dropSite(runtime, 'again.localhost')
  })

  test('a configuration that cannot be read is told, and the next attempt reads again', async () => {
    const broken = join(folder, 'broken.localhost')
    await mkdir(broken)
    await writeFile(join(broken, 'site_config.json'), '{ not json')
    for (let round = 0; round < 2; round++) await assert.rejects(runtime.site('broken.localhost'), { code: 'sites/unreadable' })
    await rm(broken, { recursive: true })
  })

  test('a unit of work commits at its end, or not at all', async () => {
    const count = async () => (await site.database.query({ sql: 'select name from tabNote', parameters: [] })).length
    const before = await count()
    await assert.rejects(site.asSystem('test', async (ctx) => {
      await insert(ctx, 'Note', { title: 'gone' })
      throw new Error('no')
    }), /no/)
    await site.run({ ...platform, unrestricted: true }, (ctx) => insert(ctx, 'Note', { title: 'read only' }), { readOnly: true })
    assert.equal(await count(), before)
    await site.asSystem('test', (ctx) => insert(ctx, 'Note', { title: 'kept' }))
    assert.equal(await count(), before + 1)
  })

  test('a victim of a deadlock runs again, on a fresh unit of work, and not for ever', async () => {
    const attempts: number[] = []
    const answer = await site.asSystem('test', async (ctx) => {
      attempts.push((await ctx.db.query({ sql: "select name from tabNote where title = 'deadlocked'", parameters: [] })).length)
      await insert(ctx, 'Note', { title: 'deadlocked' })
      if (attempts.length < 3) throw new Deadlocked({ reason: 'test' })
      return 'done'
    })
    assert.deepEqual([answer, attempts], ['done', [0, 0, 0]])
    let rounds = 0
    await assert.rejects(site.asSystem('test', async () => {
      rounds++
      throw new Deadlocked({ reason: 'always' })
    }), { code: 'database/deadlocked' })
    assert.equal(rounds, 4)
  })

  test('a change of settings reaches another process before its next piece of work', async () => {
    const other = await open()
    const there = await other.site('one.localhost')
    assert.equal(there.timeZone, 'UTC')
    await site.asSystem('test', async (ctx) => {
      await save(ctx, await openForWrite(ctx, 'System Settings', 'System Settings'), { time_zone: 'Asia/Kolkata', date_format: 'yyyy-mm-dd', time_format: 'HH:mm:ss' })
    })
    there.cache.config.set('test', 1)
    assert.equal(await there.asSystem('test', async (ctx) => ctx.site.timeZone), 'Asia/Kolkata')
    assert.equal(there.cache.config.has('test'), false)
    await other.close()
  })

  test('each kind of change empties the caches that depend on it, and no other', async () => {
    const fill = (): void => {
      for (const cache of Object.values(site.cache)) cache.set('test', 1)
    }
    const left = async (kind: 'meta' | 'access' | 'config'): Promise<string[]> => {
      await site.freshen()
      fill()
      await site.asSystem('test', (ctx) => bumpEpoch(ctx, kind))
      await site.freshen()
      return Object.entries(site.cache).filter(([, cache]) => cache.has('test')).map(([name]) => name)
    }
    assert.deepEqual(await left('meta'), ['config'])
    assert.deepEqual(await left('access'), ['meta', 'config'])
    assert.deepEqual(await left('config'), ['meta', 'access'])
    await site.freshen()
    fill()
    await assert.rejects(site.asSystem('test', async (ctx) => {
      await bumpEpoch(ctx, 'meta')
      throw new Error('back')
    }))
    await site.freshen()
    assert.ok(site.cache.meta.has('test'), 'a change that was rolled back is none')
  })
})

const platform = { name: 'Administrator', fullName: 'Administrator', roles: new Set<string>(), userType: 'System User', language: 'en' } as const
