import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { suite, type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { Transaction } from '../database.ts'
import { DatabaseBusy, DatabaseUnavailable } from '../errors.ts'
import { Connection } from './connection.ts'
import { SqliteDatabase } from './driver.ts'
import { Writer } from './writer.ts'

suite('the SQLite writer', () => {
  test('transactions that arrive together share one COMMIT, and each is acknowledged after it', async (t) => {
    const { writer, ran } = openWriter(t, { batchMs: 5000 })
    let acknowledged = 0
    await Promise.all(
      Array.from({ length: 20 }, async (_, at) => {
        const tx = await writer.begin()
        await insert(tx, `n${at}`)
        await tx.commit()
        assert.equal(ran.filter((text) => text === 'commit').length, 1)
        acknowledged++
      }),
    )
    assert.equal(acknowledged, 20)
  })

  test('a batch takes in 64 transactions at most', async (t) => {
    const { writer, ran } = openWriter(t)
    await Promise.all(
      Array.from({ length: 200 }, async (_, at) => {
        const tx = await writer.begin()
        await insert(tx, `n${at}`)
        await tx.commit()
      }),
    )
    assert.ok(ran.filter((text) => text === 'commit').length >= 4)
  })

  test('turns are taken in the order of arrival', async (t) => {
    const { writer } = openWriter(t)
    const order: number[] = []
    await Promise.all(
      Array.from({ length: 10 }, async (_, at) => {
        const tx = await writer.begin()
        order.push(at)
        if (at % 3 === 0) await new Promise(setImmediate)
        await (at % 2 ? tx.commit() : tx.rollback())
      }),
    )
    assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test('when COMMIT fails every member is told, nothing is kept, and the next batch works', async (t) => {
    const { writer, connection, names } = openWriter(t)
    const run = connection.run.bind(connection)
    connection.run = (text) => {
      if (text === 'commit') throw Object.assign(new Error('database or disk is full'), { errcode: 13 })
      run(text)
    }
    const outcomes = await Promise.allSettled(
      ['a', 'b', 'c'].map(async (name) => {
        const tx = await writer.begin()
        await insert(tx, name)
        await tx.commit()
      }),
    )
    for (const outcome of outcomes) assert.ok(outcome.status === 'rejected' && DatabaseUnavailable.is(outcome.reason))
    connection.run = run
    const tx = await writer.begin()
    await insert(tx, 'd')
    await tx.commit()
    assert.deepEqual(names(), ['d'])
  })

  test('when the engine itself ends the transaction, holder and members fail and nothing runs outside', async (t) => {
    const { writer, connection, names } = openWriter(t)
    const first = await writer.begin()
    await insert(first, 'a')
    const committed = first.commit()
    const second = await writer.begin()
    await insert(second, 'b')
    const execute = connection.execute.bind(connection)
    connection.execute = () => {
      connection.run('rollback')
      throw Object.assign(new Error('database or disk is full'), { errcode: 13 })
    }
    const lost = assert.rejects(committed, DatabaseUnavailable.is)
    await assert.rejects(insert(second, 'c'))
    connection.execute = execute
    await assert.rejects(insert(second, 'd'), DatabaseUnavailable.is)
    await assert.rejects(second.commit(), DatabaseUnavailable.is)
    await second.rollback()
    await lost
    const third = await writer.begin()
    await insert(third, 'e')
    await third.commit()
    assert.deepEqual(names(), ['e'])
  })

  test('a holder that forgets its transaction loses it, and the next one gets the turn', async (t) => {
    const { writer, names } = openWriter(t, { holdLimit: 20 })
    const forgotten = await writer.begin()
    await insert(forgotten, 'a')
    const next = await writer.begin()
    await insert(next, 'b')
    await next.commit()
    await assert.rejects(insert(forgotten, 'c'), DatabaseBusy.is)
    await assert.rejects(forgotten.commit(), DatabaseBusy.is)
    assert.deepEqual(names(), ['b'])
  })

  test('who gets no turn in time is refused as busy, and the line goes on', async (t) => {
    const { writer, names } = openWriter(t, { busyTimeout: 20 })
    const holder = await writer.begin()
    await assert.rejects(writer.begin(), (error: unknown) => DatabaseBusy.is(error) && Number(error.data.waitedMs) >= 18)
    await insert(holder, 'a')
    await holder.commit()
    const next = await writer.begin()
    await next.rollback()
    assert.deepEqual(names(), ['a'])
  })

  test('while another process holds the lock, waiting blocks nobody and ends when it is free', async (t) => {
    const { writer, file, names } = openWriter(t)
    const other = new DatabaseSync(file)
    other.exec('begin immediate')
    let ticks = 0
    const ticking = setInterval(() => ticks++, 1)
    const asked = writer.begin()
    await pause(40)
    assert.ok(ticks >= 5)
    other.exec("insert into t values ('theirs'); commit")
    other.close()
    const tx = await asked
    clearInterval(ticking)
    assert.equal((await tx.query({ sql: 'select name from t', parameters: [] })).length, 1)
    await insert(tx, 'ours')
    await tx.commit()
    assert.deepEqual(names(), ['ours', 'theirs'])
  })

  test('while another process keeps the lock, the wait ends as busy', async (t) => {
    const { writer, file } = openWriter(t, { busyTimeout: 30 })
    const other = new DatabaseSync(file)
    other.exec('begin immediate')
    await assert.rejects(writer.begin(), DatabaseBusy.is)
    other.close()
    await (await writer.begin()).rollback()
  })

  test('closing keeps what was committed, undoes what was not, and refuses the rest', async (t) => {
    const { writer, names } = openWriter(t)
    const first = await writer.begin()
    await insert(first, 'a')
    const committed = first.commit()
    const second = await writer.begin()
    await insert(second, 'b')
    const third = assert.rejects(writer.begin(), DatabaseUnavailable.is)
    writer.close()
    await committed
    await third
    await assert.rejects(second.commit(), DatabaseUnavailable.is)
    await assert.rejects(writer.begin(), DatabaseUnavailable.is)
    assert.deepEqual(names(), ['a'])
  })
})

test('idle connections are closed on request and opened again by the next statement', async (t) => {
  const { file } = openWriter(t)
  const database = new SqliteDatabase(file, { durable: false })
  t.after(() => database.close())
  await database.transaction((tx) => insert(tx, 'a'))
  const before = database.dataVersion()
  database.releaseIdle()
  assert.equal((await database.query({ sql: 'select name from t', parameters: [] })).length, 1)
  const tx = await database.begin()
  await insert(tx, 'b')
  database.releaseIdle()
  await tx.commit()
  assert.equal((await database.query({ sql: 'select name from t', parameters: [] })).length, 2)
  assert.ok(database.dataVersion() > before)
})

test('a closed database, or one in no folder, answers as unavailable', async (t) => {
  const { file } = openWriter(t)
  assert.throws(() => new SqliteDatabase(join(file, 'nowhere', 'site.db')), DatabaseUnavailable.is)
  const database = new SqliteDatabase(file, { durable: false })
  await database.close()
  await assert.rejects(database.query({ sql: 'select 1', parameters: [] }), DatabaseUnavailable.is)
  await assert.rejects(database.begin(), DatabaseUnavailable.is)
})

test('the reading connection cannot write', async (t) => {
  const { file } = openWriter(t)
  const database = new SqliteDatabase(file, { durable: false })
  t.after(() => database.close())
  await assert.rejects(database.query({ sql: "insert into t values ('a')", parameters: [] }), DatabaseUnavailable.is)
})

function openWriter(t: TestContext, limits: { busyTimeout?: number; holdLimit?: number; batchMs?: number } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'orc-writer-'))
  const file = join(folder, 'site.db')
  const connection = new Connection(file, { readOnly: false, durable: false })
  connection.define('create table t (name text primary key) strict')
  const ran: string[] = []
  const run = connection.run.bind(connection)
  connection.run = (text) => {
    ran.push(text)
    run(text)
  }
  const writer = new Writer(() => connection, { busyTimeout: 5000, holdLimit: 5000, ...limits })
  t.after(() => {
    writer.close()
    connection.close()
    rmSync(folder, { recursive: true })
  })
  const names = () => connection.query<{ name: string }>({ sql: 'select name from t order by name', parameters: [] }).map((row) => row.name)
  return { writer, connection, file, ran, names }
}

function insert(tx: Transaction, name: string): Promise<unknown> {
  return tx.execute({ sql: 'insert into t (name) values (?)', parameters: [name] })
}
