import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { sql } from '#kernel/database/sql.ts'
import { insert } from '#kernel/documents/save.ts'
import { fileStoreOf } from '#kernel/files/file-store.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { Worker } from '#kernel/jobs/worker.ts'
import { testSite } from '#testing/site.ts'

const script = join(import.meta.dirname, '../../../testing/kill/run-jobs.ts')
const apps = join(import.meta.dirname, '../..')
const total = 6000

test('an import whose workers are killed stores every row once', { timeout: 60_000 }, async () => {
  const world = await testSite()
  const { site } = world
  await world.make('DocType', {
    name: 'Killed Row',
    module: 'Core',
    custom: 1,
    allow_import: 1,
    autoname: 'hash',
    fields: [{ fieldname: 'title', fieldtype: 'Data', label: 'Title', reqd: 1 }],
    permissions: [{ role: 'System Manager', read: 1, create: 1, import: 1 }],
  })
  const local = join(site.folder, 'rows.csv')
  // One row of a hundred is refused, so that refusals are met on both sides of a kill.
  await writeFile(
    local,
    `Title,ID\n${Array.from({ length: total }, (_, row) => `${row % 100 === 99 ? '' : `row ${row}`},k${row}\n`).join('')}`,
  )
  await fileStoreOf(site).place({ name: 'rows.csv', isPrivate: true }, local)
  await world.make('File', { file_name: 'rows.csv', file_url: '/private/files/rows.csv', is_private: 1 })
  const data_import = await world.make('Data Import', {
    reference_doctype: 'Killed Row',
    import_type: 'Insert New Records',
    import_file: '/private/files/rows.csv',
  })
  const { id } = await world.as('Administrator', (ctx) => enqueue(ctx, 'core.import-data', { data_import }))
  const one = async (fragment: ReturnType<typeof sql>): Promise<Record<string, unknown>> =>
    (await site.database.query<Record<string, unknown>>(site.database.dialect.compile(fragment)))[0] ?? {}
  const stored = async () => Number((await one(sql`select count(*) as n from ${sql.id('tabKilled Row')}`)).n)

  for (let kill = 0; kill < 2; kill++) {
    const before = await stored()
    const child = spawn(process.execPath, [script, world.runtime.sitesFolder, site.host, '1500', apps], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    try {
      await once(child.stdout, 'data')
      while ((await stored()) === before && child.exitCode === null) await pause(5)
    } finally {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  }
  const between = await stored()
  assert.ok(between > 0 && between < total * 0.99, `killed in the middle of it, after ${between} rows`)
  const worker = new Worker({ sites: async () => [site], leaseMs: 1500, pollMs: 50 }).start()
  while (!['finished', 'failed'].includes(String((await one(sql`select state from ${sql.id('__Job')} where id = ${id}`)).state)))
    await pause(50)
  await worker.stop()
  const { state, error } = await one(sql`select state, error from ${sql.id('__Job')} where id = ${id}`)
  assert.deepEqual([state, error ?? ''], ['finished', ''])

  const good = total * 0.99
  const counts = await one(sql`select count(*) as n, count(distinct title) as titles from ${sql.id('tabKilled Row')}`)
  assert.deepEqual([Number(counts.n), Number(counts.titles)], [good, good])
  const log = await one(
    sql`select count(*) as n, count(distinct log_index) as places, sum(success) as good from ${sql.id('tabData Import Log')} where data_import = ${data_import}`,
  )
  assert.deepEqual([Number(log.n), Number(log.places), Number(log.good)], [total, total, good])
  const audited = await one(sql`select count(*) as n from ${sql.id('tabAudit Entry')} where ref_doctype = ${'Killed Row'}`)
  assert.equal(Number(audited.n), good)
  assert.equal((await one(sql`select status from ${sql.id('tabData Import')} where name = ${data_import}`)).status, 'Partial Success')
  await world.asSystem((ctx) => insert(ctx, 'Killed Row', { title: 'the site goes on' }))
})
