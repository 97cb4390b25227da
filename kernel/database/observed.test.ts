import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { databaseContract } from '#testing/contracts/database.ts'
import { ObservedDatabase } from './observed.ts'
import { openDatabase } from './open.ts'
import { sql } from './sql.ts'

const nobody = { ran: () => undefined, waited: () => undefined }

databaseContract('sqlite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'orc-observed-'))
  const another = async () =>
    new ObservedDatabase(await openDatabase({ type: 'sqlite', file: join(folder, 'site.db'), durable: false }), nobody)
  const db = await another()
  const drop = async () => {
    await db.close()
    rmSync(folder, { recursive: true })
  }
  return { db, another, drop }
})

test('a watch hears of reads, writes and commits, of failures too, and of the wait for the turn', async () => {
  const heard: string[] = []
  const watch = {
    ran: (operation: string, seconds: number) => void heard.push(`${operation} ${seconds >= 0}`),
    waited: () => void heard.push('wait'),
  }
  const db = new ObservedDatabase(await openDatabase({ type: 'sqlite', file: ':memory:', durable: false }), watch)
  const query = (text: string) => db.dialect.compile(sql`${sql.raw(text)}`)
  await db.query(query('select 1'))
  await db.transaction(async (tx) => {
    await tx.execute(query('create table t (a int)'))
    await assert.rejects(tx.query(query('select nothing from nowhere')))
  })
  await db.close()
  assert.deepEqual(heard, ['read true', 'wait', 'write true', 'read true', 'commit true'])
})
