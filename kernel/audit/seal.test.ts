import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Sql, sql } from '#kernel/database/sql.ts'
import { testDatabases } from '#testing/services.ts'
import { testSite } from '#testing/site.ts'
import { recordAudit } from './audit.ts'
import { sealAudit, verifyAudit } from './seal.ts'
import { auditTriggers } from './triggers.ts'

const entries = sql.id('tabAudit Entry')
const seals = sql.id('tabAudit Seal')

for (const { name: engine } of testDatabases()) {
  const clock = { ahead: 0, now: () => Date.now() + clock.ahead }
  const stage = await testSite({ database: engine, clock })
  const { site } = stage
  const run = (statement: Sql) => site.database.transaction((tx) => tx.execute(site.database.dialect.compile(statement)))
  const write = (count: number) =>
    stage.asSystem(async (ctx) => {
      for (let i = 0; i < count; i++)
        await recordAudit(ctx, { action: 'test', doctype: 'ToDo', name: `t-${i}`, changes: { text: ['ä', '"\\ 🔑'] } })
    })
  const lastEntry = async () => {
    const [row] = await site.database.query<{ name: number }>(site.database.dialect.compile(sql`select max(name) as name from ${entries}`))
    return Number(row?.name)
  }
  /** What an owner of the database could do: take the triggers off, change, put them back. */
  const behindTheBack = async (statement: Sql) => {
    const drops = auditTriggers(engine).flatMap((text) => {
      const [, name, table] = /trigger (?:if not exists )?(["`]\w+["`]) .* on (["`][^"`]+["`])/.exec(text) ?? []
      return name ? [`drop trigger ${name}${engine === 'postgres' ? ` on ${table}` : ''}`] : []
    })
    await site.database.alter(drops)
    await run(statement)
    await site.database.alter(auditTriggers(engine))
  }

  test(`${engine}: the database itself refuses to change or delete audit rows`, async () => {
    await write(1)
    await sealAudit(site)
    for (const table of [entries, seals]) {
      await assert.rejects(run(sql`update ${table} set owner = ${'x'}`))
      await assert.rejects(run(sql`delete from ${table}`))
    }
  })

  test(`${engine}: sealing takes each entry once, and a sealed log is whole`, async () => {
    await write(7)
    assert.ok((await sealAudit(site)) >= 7)
    assert.equal(await sealAudit(site), 0)
    await write(3)
    const before = await verifyAudit(site)
    assert.deepEqual([before.pending, before.altered, before.missing, before.inserted, before.brokenSeals], [3, [], [], [], []])
    assert.equal(await sealAudit(site), 3)
    assert.equal((await verifyAudit(site)).pending, 0)
  })

  test(`${engine}: two processes that seal at once do not seal twice`, async () => {
    await write(20)
    const counts = await Promise.all([sealAudit(site), sealAudit(site)])
    assert.equal(
      counts.reduce((sum, count) => sum + count),
      20,
    )
    assert.deepEqual((await verifyAudit(site)).brokenSeals, [])
  })

  test(`${engine}: an entry that is committed late is sealed by a later seal`, async () => {
    // The number is taken first, the row arrives after its successors were sealed.
    const late = (await lastEntry()) + 1
    const [copied] = await site.database.query<{ name: number }>(
      site.database.dialect.compile(sql`select max(name) as name from ${entries}`),
    )
    const columns = sql.raw(
      'at, user_, action, ref_doctype, docname, changes, elevation_reason, request_id, ip, entry_hash'.replace(
        'user_',
        site.database.dialect.quote('user'),
      ),
    )
    const insertAs = (name: number) =>
      run(sql`insert into ${entries} (name, ${columns}) select ${name}, ${columns} from ${entries} where name = ${copied?.name}`)
    await insertAs(late + 1)
    assert.equal(await sealAudit(site), 1)
    await insertAs(late)
    assert.equal(await sealAudit(site), 1)
    assert.deepEqual((await verifyAudit(site)).pending, 0)
    if (engine === 'postgres') {
      await site.database.alter([`select setval(pg_get_serial_sequence('"tabAudit Entry"', 'name'), ${late + 1})`])
    }
  })

  test(`${engine}: altered, removed and slipped-in entries are found, and so is a rewritten seal`, async () => {
    await write(5)
    await sealAudit(site)
    const last = await lastEntry()
    await behindTheBack(sql`update ${entries} set ${sql.id('user')} = ${'somebody-else@example.com'} where name = ${last}`)
    await behindTheBack(sql`delete from ${entries} where name = ${last - 1}`)
    let report = await verifyAudit(site)
    assert.deepEqual([report.altered, report.missing, report.inserted], [[String(last)], [String(last - 1)], []])

    // Whoever also recomputes the entry's own hash is betrayed by the seal.
    await behindTheBack(sql`update ${entries} set entry_hash = ${'forged'} where name = ${last - 2}`)
    report = await verifyAudit(site)
    assert.deepEqual(report.altered, [String(last - 2), String(last)])

    clock.ahead = 3 * 3_600_000
    await write(1)
    await sealAudit(site)
    const old = last - 1
    const columns = sql.raw(
      'at, user_, action, ref_doctype, docname, changes, elevation_reason, request_id, ip, entry_hash'.replace(
        'user_',
        site.database.dialect.quote('user'),
      ),
    )
    await run(sql`insert into ${entries} (name, ${columns}) select ${-1}, ${columns} from ${entries} where name = ${last - 3}`)
    report = await verifyAudit(site)
    assert.deepEqual([report.missing, report.inserted, report.pending], [[String(old)], ['-1'], 0])

    const [seal] = await site.database.query<{ name: number }>(site.database.dialect.compile(sql`select min(name) as name from ${seals}`))
    await behindTheBack(sql`update ${seals} set seal_hash = ${'forged'} where name = ${seal?.name}`)
    assert.ok((await verifyAudit(site)).brokenSeals.length >= 1)
    clock.ahead = 0
  })
}
