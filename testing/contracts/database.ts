import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { AppError } from '#client/rules/errors.ts'
import type { Database, Row, Storage, Transaction } from '#kernel/database/database.ts'
import { DatabaseUnavailable, QueryFailed, UniqueViolated } from '#kernel/database/errors.ts'
import { ident, join, type Sql, sql, tableOf } from '#kernel/database/sql.ts'
import { predicateContract } from './predicates.ts'

/** A database for one run of the contract: empty, and removed by `drop` (which closes it too). */
export interface OpenedDatabase {
  db: Database
  /** Opens the same database once more, as another process would. */
  another(): Promise<Database>
  drop(): Promise<void>
}

/** The exam that every driver sits: what a kernel part may rely on, whatever the engine. */
export function databaseContract(name: string, open: () => Promise<OpenedDatabase>): void {
  suite(`database contract: ${name}`, () => {
    let opened: OpenedDatabase
    let db: Database
    before(async () => {
      opened = await open()
      db = opened.db
    })
    after(() => opened?.drop())

    const read = (fragment: Sql) => db.query(db.dialect.compile(fragment))
    const write = (fragment: Sql) => db.transaction((tx) => run(tx, fragment))
    const run = (tx: Transaction, fragment: Sql) => tx.execute(tx.dialect.compile(fragment))

    /** Makes `tabX` with a text primary key `name` and the given columns. */
    async function make(doctype: string, columns: Record<string, Storage>, extra: string[] = []): Promise<Sql> {
      const q = db.dialect.quote
      const lines = Object.entries(columns).map(([column, storage]) => `${q(column)} ${db.dialect.columnType(storage)}`)
      const key = `${q('name')} ${db.dialect.columnType({ kind: 'text', length: 140 })} not null primary key`
      const strict = db.dialect.name === 'sqlite' ? ' strict' : ''
      await db.alter([`create table ${q(tableOf(doctype))} (${[key, ...lines].join(', ')})${strict}`, ...extra])
      return ident(tableOf(doctype))
    }

    async function count(table: Sql): Promise<number> {
      return Number((await read(sql`select count(*) as n from ${table}`))[0]?.n)
    }

    test('every kind of value comes back as it went in', async () => {
      const kinds: Record<string, [Storage, (string | number | null)[]]> = {
        short: [{ kind: 'text', length: 140 }, ['', ' padded ', 'it\'s "q" \\ %_', 'žluťoučký 😀 𝔘', null]],
        long: [{ kind: 'text' }, ['x'.repeat(100_000), 'a\nb\tc', null]],
        whole: [{ kind: 'integer' }, [0, -2147483648, 2147483647, null]],
        big: [{ kind: 'bigint' }, [0, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, null]],
        flag: [{ kind: 'boolean' }, [0, 1, null]],
        day: [{ kind: 'date' }, ['2026-02-28', '0001-01-01', '9999-12-31', null]],
        moment: [
          { kind: 'datetime' },
          ['2026-11-20 08:09:10.000000', '2026-11-20 08:09:10.123450', '0001-01-01 00:00:00.000000', '9999-12-31 23:59:59.999999', null],
        ],
        hour: [{ kind: 'time' }, ['00:00:00.000000', '09:05:00.000000', '23:59:59.000001', null]],
        json: [{ kind: 'json' }, ['{"b":1,"a":[null,"é"]}', '[1.10]', null]],
        key: [{ kind: 'uuid' }, ['0190163d-8694-739b-aea5-966c26f8ad91', null]],
      }
      const table = await make('Kinds', Object.fromEntries(Object.entries(kinds).map(([column, [storage]]) => [column, storage])))
      for (const [column, [, values]] of Object.entries(kinds)) {
        for (const [at, value] of values.entries()) {
          await write(sql`insert into ${table} (name, ${ident(column)}) values (${`${column}${at}`}, ${value})`)
          const [row] = await read(sql`select ${ident(column)} as v from ${table} where name = ${`${column}${at}`}`)
          assert.deepEqual(row?.v, value, `${column}: ${JSON.stringify(value)}`)
        }
      }
    })

    test('decimals are exact, in columns and in sums', async () => {
      const { dialect } = db
      const table = await make('Money', { amount: { kind: 'decimal' }, ratio: { kind: 'float' } })
      for (const text of ['0', '0.1', '-0.000000001', '999999999999.999999999', '-999999999999.999999999', '1200']) {
        await write(sql`insert into ${table} (name, amount) values (${text}, ${dialect.encodeDecimal(text)})`)
        const [row] = await read(sql`select amount from ${table} where name = ${text}`)
        assert.equal(dialect.decodeDecimal(row?.amount ?? null), text)
      }
      const ordered = await read(sql`select name from ${table} order by amount`)
      assert.deepEqual(
        ordered.map((row) => Number(row.name)),
        ordered.map((row) => Number(row.name)).sort((a, b) => a - b),
      )
      await write(sql`delete from ${table}`)
      const tenth = dialect.encodeDecimal('0.1')
      await db.transaction(async (tx) => {
        for (let batch = 0; batch < 100; batch++) {
          const rows = Array.from({ length: 100 }, (_, at) => sql`(${`r${batch}-${at}`}, ${tenth}, ${0.1})`)
          await run(tx, sql`insert into ${table} (name, amount, ratio) values ${join(rows)}`)
        }
      })
      await write(sql`insert into ${table} (name, amount) values ('odd', ${dialect.encodeDecimal('-7.123456789')})`)
      const amount = sql`amount`
      const [row] =
        await read(sql`select ${dialect.decimalAggregate('sum', amount)} as total, ${dialect.decimalAggregate('avg', amount)} as mean,
        ${dialect.decimalAggregate('min', amount)} as low, ${dialect.decimalAggregate('max', amount)} as high from ${table}`)
      // 992.876543211 / 10001 = 0.09927772654…
      assert.deepEqual({ ...row }, { total: '992.876543211', mean: '0.099277727', low: '-7.123456789', high: '0.1' })
      const [none] = await read(sql`select ${dialect.decimalAggregate('sum', amount)} as total from ${table} where name = 'nobody'`)
      assert.equal(none?.total, null)
      const [ratio] = await read(sql`select ratio from ${table} where name = 'r0-0'`)
      assert.equal(Number(ratio?.ratio), 0.1)
    })

    test('others see a transaction only once it is committed', async () => {
      const table = await make('Isolation', { n: { kind: 'integer' } })
      const tx = await db.begin()
      await run(tx, sql`insert into ${table} (name, n) values ('a', 1)`)
      assert.equal((await tx.query(db.dialect.compile(sql`select name from ${table}`))).length, 1)
      assert.equal(await count(table), 0)
      await tx.commit()
      assert.equal(await count(table), 1)
    })

    test('a rollback undoes everything, and rolling back twice is no error', async () => {
      const table = await make('Rollback', {})
      const tx = await db.begin()
      await run(tx, sql`insert into ${table} (name) values ('a')`)
      await tx.rollback()
      await tx.rollback()
      assert.equal(await count(table), 0)
      await assert.rejects(run(tx, sql`insert into ${table} (name) values ('b')`))
      assert.equal(await count(table), 0)
    })

    test('an error thrown inside a transaction undoes it and reaches the caller', async () => {
      const table = await make('Thrown', {})
      const boom = new Error('boom')
      await assert.rejects(
        db.transaction(async (tx) => {
          await run(tx, sql`insert into ${table} (name) values ('a')`)
          throw boom
        }),
        (error) => error === boom,
      )
      assert.equal(await count(table), 0)
    })

    test('a savepoint loses its own changes alone, also after a failed statement', async () => {
      const table = await make('Savepoint', {})
      await db.transaction(async (tx) => {
        await run(tx, sql`insert into ${table} (name) values ('kept')`)
        await assert.rejects(
          tx.savepoint(async () => {
            await run(tx, sql`insert into ${table} (name) values ('lost')`)
            await tx.savepoint(() => run(tx, sql`insert into ${table} (name) values ('lost too')`))
            await run(tx, sql`insert into ${table} (name) values ('kept')`)
          }),
          UniqueViolated.is,
        )
        await tx.savepoint(() => run(tx, sql`insert into ${table} (name) values ('also kept')`))
      })
      assert.deepEqual(
        (await read(sql`select name from ${table} order by name`)).map((row) => row.name),
        ['also kept', 'kept'],
      )
    })

    test('a broken uniqueness names the table, the columns and the constraint', async () => {
      const q = db.dialect.quote
      const table = await make('Unique', { email: { kind: 'text', length: 140 }, site: { kind: 'text', length: 140 } }, [
        `create unique index ${q('unique_email_site')} on ${q('tabUnique')} (${q('email')}, ${q('site')})`,
      ])
      const insert = (name: string) => write(sql`insert into ${table} (name, email, site) values (${name}, 'a@b.c', 'x')`)
      await insert('one')
      const broken = async (name: string) => {
        const error: AppError = await insert(name).then(
          () => assert.fail('accepted'),
          (error) => error,
        )
        assert.ok(UniqueViolated.is(error), error.message)
        return error.data
      }
      const index = await broken('two')
      assert.deepEqual([index.table, index.columns, index.primary], ['tabUnique', ['email', 'site'], false])
      await write(sql`update ${table} set email = 'other'`)
      const key = await broken('one')
      assert.deepEqual([key.table, key.columns, key.primary], ['tabUnique', ['name'], true])
    })

    test('many broken uniquenesses at once are all told, and leave the connections usable', async () => {
      const table = await make('Clash', {})
      await write(sql`insert into ${table} (name) values ('a')`)
      const outcomes = await Promise.allSettled(Array.from({ length: 30 }, () => write(sql`insert into ${table} (name) values ('a')`)))
      for (const outcome of outcomes) assert.ok(outcome.status === 'rejected' && UniqueViolated.is(outcome.reason))
      assert.equal(await count(table), 1)
    })

    test('a statement that the engine refuses fails with the reason, and spoils nothing', async () => {
      await assert.rejects(
        read(sql`select nonsense from ${ident('tabNowhere')}`),
        (error: AppError) => QueryFailed.is(error) && /Nowhere|nonsense/i.test(String(error.data.reason)),
      )
      assert.deepEqual({ ...(await read(sql`select 1 as one`))[0] }, { one: 1 })
    })

    test('changes are counted', async () => {
      const table = await make('Counted', { n: { kind: 'integer' } })
      assert.deepEqual(await write(sql`insert into ${table} (name, n) values ('a', 1), ('b', 2), ('c', 3)`), { changes: 3 })
      assert.deepEqual(await write(sql`update ${table} set n = 9 where n > 1`), { changes: 2 })
      assert.deepEqual(await write(sql`delete from ${table} where n = 7`), { changes: 0 })
    })

    test('text compares and orders by code point, and exactly', async () => {
      const table = await make('Order', { t: { kind: 'text', length: 140 } })
      const words = ['', 'B', 'a', 'a ', 'ab', 'Ä', 'ä', 'é', 'z', '\uff5e', '😀']
      for (const word of words.toReversed()) await write(sql`insert into ${table} (name, t) values (${`n${word}`}, ${word})`)
      assert.deepEqual(
        (await read(sql`select t from ${table} order by t`)).map((row) => row.t),
        words.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
      )
      assert.deepEqual(
        (await read(sql`select t from ${table} where t = ${'a'}`)).map((row) => row.t),
        ['a'],
      )
    })

    test('missing values come first ascending and last descending', async () => {
      const table = await make('Missing', { n: { kind: 'integer' }, t: { kind: 'text', length: 140 } })
      await write(sql`insert into ${table} (name, n, t) values ('some', 5, 'x'), ('none', null, null), ('less', -5, '')`)
      const order = async (column: string, direction: 'asc' | 'desc') =>
        (await read(sql`select name from ${table} order by ${db.dialect.orderBy(ident(column), direction, true)}`)).map((row) => row.name)
      for (const column of ['n', 't']) {
        assert.deepEqual(await order(column, 'asc'), ['none', 'less', 'some'])
        assert.deepEqual(await order(column, 'desc'), ['some', 'less', 'none'])
      }
    })

    test('like ignores case in every script and takes escapes literally', async () => {
      const table = await make('Like', { t: { kind: 'text', length: 140 } })
      const words = ['Straße', 'ÉCOLE', 'école', '100%', '100 km', 'a_b', 'axb', 'c\\d', 'ΣΊΣΥΦΟΣ', 'Привет', '😀 smile', '12 K']
      for (const word of words) await write(sql`insert into ${table} (name, t) values (${word}, ${word})`)
      const found = async (pattern: string, negated = false) =>
        (await read(sql`select t from ${table} where ${db.dialect.like(ident('t'), pattern, negated)}`)).map((row) => row.t).sort()
      assert.deepEqual(await found('école'), ['ÉCOLE', 'école'])
      assert.deepEqual(await found('STRA_E'), ['Straße'])
      assert.deepEqual(await found('%привЕТ%'), ['Привет'])
      assert.deepEqual(await found('100\\%'), ['100%'])
      assert.deepEqual(await found('A\\_B'), ['a_b'])
      assert.deepEqual(await found('A_B'), ['a_b', 'axb'])
      assert.deepEqual(await found('c\\\\D'), ['c\\d'])
      assert.deepEqual(await found('%\\'), [])
      assert.deepEqual(await found('_ SMILE'), ['😀 smile'])
      assert.deepEqual(await found('%σίσυφοσ%'), ['ΣΊΣΥΦΟΣ'])
      assert.deepEqual(await found('% k%'), ['100 km', '12 K'])
      assert.equal((await found('%o%', true)).length, words.length - 2)
    })

    test('a literal is the same value as a parameter', async () => {
      for (const value of ["it's", 'a\\b', 'x\\', '%', 'é', 5, -1.5]) {
        const [row] = await read(sql`select ${sql.raw(db.dialect.literal(value))} as v`)
        assert.equal(typeof value === 'number' ? Number(row?.v) : row?.v, value)
      }
    })

    test('of many writers at once none is lost', async () => {
      const table = await make('Counter', { n: { kind: 'integer' } })
      await write(sql`insert into ${table} (name, n) values ('all', 0)`)
      await Promise.all(
        Array.from({ length: 32 }, async (_, writer) => {
          for (let turn = 0; turn < 5; turn++) {
            await db.transaction(async (tx) => {
              await run(tx, sql`update ${table} set n = n + 1 where name = 'all'`)
              if (writer % 4 === 0) await new Promise(setImmediate)
              await run(tx, sql`insert into ${table} (name, n) values (${`${writer}-${turn}`}, 1)`)
            })
          }
        }),
      )
      assert.equal((await read(sql`select n from ${table} where name = 'all'`))[0]?.n, 160)
      assert.equal(await count(table), 161)
    })

    test('one failing writer among many hurts nobody else', async () => {
      const table = await make('Mixed', {})
      const outcomes = await Promise.allSettled(
        Array.from({ length: 20 }, (_, at) =>
          db.transaction(async (tx) => {
            await run(tx, sql`insert into ${table} (name) values (${`w${at}`})`)
            if (at % 5 === 0) throw new Error('changed my mind')
          }),
        ),
      )
      assert.equal(outcomes.filter((outcome) => outcome.status === 'rejected').length, 4)
      assert.equal(await count(table), 16)
    })

    test('two transactions that wait for each other both succeed in the end', async () => {
      const table = await make('Deadlock', { n: { kind: 'integer' } })
      await write(sql`insert into ${table} (name, n) values ('a', 0), ('b', 0)`)
      const both = (first: string, second: string) =>
        db.transaction(async (tx) => {
          await run(tx, sql`update ${table} set n = n + 1 where name = ${first}`)
          await pause(50)
          await run(tx, sql`update ${table} set n = n + 1 where name = ${second}`)
        })
      await Promise.all([both('a', 'b'), both('b', 'a')])
      assert.deepEqual(
        (await read(sql`select n from ${table}`)).map((row) => row.n),
        [2, 2],
      )
    })

    test('the description spells columns and indexes as they were asked for', async () => {
      const q = db.dialect.quote
      const storages: Record<string, Storage> = {
        short: { kind: 'text', length: 30 },
        long: { kind: 'text' },
        whole: { kind: 'integer' },
        big: { kind: 'bigint' },
        flag: { kind: 'boolean' },
        exact: { kind: 'decimal' },
        rough: { kind: 'float' },
        day: { kind: 'date' },
        moment: { kind: 'datetime' },
        hour: { kind: 'time' },
        json: { kind: 'json' },
        key: { kind: 'uuid' },
      }
      await make('Some Thing', storages, [
        `create index ${q('thing_day')} on ${q('tabSome Thing')} (${q('day')}, ${q('short')})`,
        `create unique index ${q('thing_key')} on ${q('tabSome Thing')} (${q('key')})`,
        `alter table ${q('tabSome Thing')} add column ${q('status')} ${db.dialect.columnType({ kind: 'text', length: 20 })} not null default ${db.dialect.literal("it's \\")}`,
        `alter table ${q('tabSome Thing')} add column ${q('idx')} ${db.dialect.columnType({ kind: 'integer' })} not null default ${db.dialect.literal(-3)}`,
      ])
      const table = (await db.describe()).find((found) => found.name === 'tabSome Thing')
      assert.ok(table)
      const types = Object.fromEntries(table.columns.map((column) => [column.name, column.type]))
      for (const [column, storage] of Object.entries(storages)) assert.equal(types[column], db.dialect.columnType(storage))
      assert.deepEqual(
        table.columns.map((column) => column.name),
        ['name', ...Object.keys(storages), 'status', 'idx'],
      )
      assert.deepEqual(
        table.columns.filter((column) => !column.nullable).map((column) => column.name),
        ['name', 'status', 'idx'],
      )
      const defaults = Object.fromEntries(table.columns.map((column) => [column.name, column.default]))
      assert.deepEqual([defaults.short, defaults.status, defaults.idx], [null, db.dialect.literal("it's \\"), '-3'])
      assert.deepEqual(table.indexes, [
        { name: 'thing_day', columns: ['day', 'short'], unique: false },
        { name: 'thing_key', columns: ['key'], unique: true },
      ])
    })

    test('statements prepared before a change of the schema work after it', async () => {
      const q = db.dialect.quote
      const table = await make('Changing', { t: { kind: 'text', length: 10 } })
      const widened = db.dialect.name === 'postgres' ? `alter column ${q('t')} type` : `modify column ${q('t')}`
      for (let i = 0; i < 3; i++) await read(sql`select * from ${table}`)
      await db.alter([`alter table ${q('tabChanging')} add column ${q('u')} ${db.dialect.columnType({ kind: 'integer' })}`])
      if (db.dialect.name !== 'sqlite')
        await db.alter([`alter table ${q('tabChanging')} ${widened} ${db.dialect.columnType({ kind: 'text', length: 20 })}`])
      await write(sql`insert into ${table} (name, t, u) values ('a', 'b', 3)`)
      for (let i = 0; i < 3; i++)
        assert.deepEqual(
          (await read(sql`select * from ${table}`)).map((row) => ({ ...row })),
          [{ name: 'a', t: 'b', u: 3 }],
        )
    })

    test('exclusive work under one name does not overlap, and a failure frees the name', async () => {
      let inside = 0
      let most = 0
      const work = async () => {
        most = Math.max(most, ++inside)
        await pause(5)
        inside--
      }
      await assert.rejects(
        db.exclusively('schema', () => Promise.reject(new Error('boom'))),
        /boom/,
      )
      await Promise.all(Array.from({ length: 4 }, () => db.exclusively('schema', work)))
      assert.equal(most, 1)
      let reached = false
      await db.exclusively('one', () =>
        db.exclusively('another', async () => {
          reached = true
        }),
      )
      assert.ok(reached)
    })

    test('exclusive work leaves transactions alone', async () => {
      const table = await make('Exclusive', {})
      await db.exclusively('lease', () => write(sql`insert into ${table} (name) values ('a')`))
      assert.equal(await count(table), 1)
    })

    predicateContract(() => db, make)

    serverOnly(name, () => db)

    suite('beside another process', () => {
      let other: Database
      before(async () => {
        other = await opened.another()
      })
      after(() => other?.close())

      test('what one committed the other reads at once', async () => {
        const table = await make('Seen', { n: { kind: 'integer' } })
        for (let n = 0; n < 5; n++) {
          await other.transaction((tx) => run(tx, sql`insert into ${table} (name, n) values (${`n${n}`}, ${n})`))
          assert.equal(await count(table), n + 1)
          await db.transaction(async (tx) => assert.equal((await tx.query(tx.dialect.compile(sql`select * from ${table}`))).length, n + 1))
        }
      })

      test('writers on both sides lose nothing', async () => {
        const table = await make('Both', { n: { kind: 'integer' } })
        await write(sql`insert into ${table} (name, n) values ('all', 0)`)
        const add = async (side: Database) => {
          for (let i = 0; i < 10; i++) await side.transaction((tx) => run(tx, sql`update ${table} set n = n + 1`))
        }
        await Promise.all([add(db), add(other), add(db), add(other)])
        assert.equal((await read(sql`select n from ${table}`))[0]?.n, 40)
      })

      test('a change of the schema on one side does not break prepared statements on the other', async () => {
        const q = db.dialect.quote
        const table = await make('Moving', { t: { kind: 'text', length: 10 } })
        const everything = db.dialect.compile(sql`select * from ${table}`)
        for (let i = 0; i < 3; i++) await other.query(everything)
        for (let i = 0; i < 3; i++) await other.transaction((tx) => tx.query(everything))
        await db.alter([`alter table ${q('tabMoving')} add column ${q('u')} ${db.dialect.columnType({ kind: 'integer' })}`])
        await write(sql`insert into ${table} (name, t, u) values ('a', 'b', 3)`)
        const expected = [{ name: 'a', t: 'b', u: 3 }]
        assert.deepEqual(
          (await other.transaction((tx) => tx.query(everything))).map((row) => ({ ...row })),
          expected,
        )
        for (let i = 0; i < 3; i++)
          assert.deepEqual(
            (await other.query(everything)).map((row) => ({ ...row })),
            expected,
          )
      })

      test('exclusive work under one name does not overlap', async () => {
        let inside = 0
        const work = async () => {
          assert.equal(++inside, 1)
          await pause(5)
          inside--
        }
        await Promise.all([db, other, db, other].map((side) => side.exclusively('shared', work)))
      })

      test('dataVersion, where there is one, grows with every commit and rests otherwise', async () => {
        if (!db.dataVersion) return assert.notEqual(db.dialect.name, 'sqlite')
        const table = await make('Version', {})
        const start = db.dataVersion()
        assert.equal(db.dataVersion(), start)
        await write(sql`insert into ${table} (name) values ('a')`)
        const own = db.dataVersion()
        assert.ok(own > start)
        await other.transaction((tx) => run(tx, sql`insert into ${table} (name) values ('b')`))
        assert.ok(db.dataVersion() > own)
      })
    })
  })
}

/** Promises that only an engine with connections can break. */
function serverOnly(name: string, database: () => Database): void {
  if (name === 'sqlite') return
  const killOthers = async (db: Database) => {
    const isPostgres = db.dialect.name === 'postgres'
    const [me] = await db.query<Row>({ sql: isPostgres ? 'select pg_backend_pid() as id' : 'select connection_id() as id', parameters: [] })
    const others = await db.query<Row>({
      sql: isPostgres
        ? 'select pid as id from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()'
        : 'select id from information_schema.processlist where db = database() and id <> connection_id()',
      parameters: [],
    })
    for (const { id } of [...others, me as Row]) {
      if (isPostgres) await db.query({ sql: `select pg_terminate_backend(${id})`, parameters: [] }).catch(() => undefined)
      else await db.alter([`kill ${id}`]).catch(() => undefined)
    }
  }

  test('after its connections were killed the pool opens new ones', async () => {
    const db = database()
    await Promise.all(Array.from({ length: 4 }, () => db.query({ sql: 'select 1', parameters: [] })))
    await killOthers(db)
    for (let i = 0; i < 8; i++) assert.equal((await db.query<Row>({ sql: 'select 1 as one', parameters: [] }))[0]?.one, 1)
    await db.transaction((tx) => tx.query({ sql: 'select 1', parameters: [] }))
  })

  test('a transaction whose connection was killed fails as unavailable, and stays failed', async () => {
    const db = database()
    const tx = await db.begin()
    await tx.query({ sql: 'select 1', parameters: [] })
    await killOthers(db)
    await assert.rejects(tx.query({ sql: 'select 1', parameters: [] }), DatabaseUnavailable.is)
    await assert.rejects(tx.commit(), DatabaseUnavailable.is)
    await tx.rollback()
  })

  test('committing after a failed statement never pretends to have kept the rest', async () => {
    const db = database()
    const q = db.dialect.quote
    await db.alter([
      `create table ${q('tabHalf')} (${q('name')} ${db.dialect.columnType({ kind: 'text', length: 140 })} not null primary key)`,
    ])
    const tx = await db.begin()
    await tx.execute({ sql: `insert into ${q('tabHalf')} values ('a')`, parameters: [] })
    await assert.rejects(tx.execute({ sql: `insert into ${q('tabHalf')} values ('a')`, parameters: [] }), UniqueViolated.is)
    const isCommitted = await tx.commit().then(
      () => true,
      () => false,
    )
    const rows = await db.query({ sql: `select * from ${q('tabHalf')}`, parameters: [] })
    assert.equal(rows.length, isCommitted ? 1 : 0)
  })
}
