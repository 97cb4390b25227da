import { createHash } from 'node:crypto'
import pg from 'pg'
import type { Database, DatabaseLoad, Dialect, Query, Row, TableDescription, Transaction } from '../database.ts'
import { DatabaseUnavailable, QueryFailed } from '../errors.ts'
import { runTransaction } from '../transaction.ts'
import { transactionsWithin, TransactionTurns } from '../transaction-turns.ts'
import { columnValues } from './column-values.ts'
import { describePostgres } from './describe.ts'
import { type Collations, postgresDialect } from './dialect.ts'
import { isConnectionLost, isStalePlan, postgresFailure } from './failure.ts'
import { StatementNames } from './statement-names.ts'
import { PostgresTransaction } from './transaction.ts'

export interface PostgresOptions {
  /** Connections at most; default 10. None is kept when nothing happens for half a minute. */
  poolSize?: number | undefined
  /** Milliseconds to wait for a free connection, and for a row lock; default 10,000. */
  busyTimeout?: number | undefined
  /** Milliseconds after which the server ends a transaction that nobody uses; default 30,000. */
  holdLimit?: number | undefined
}

const exclusivePatienceMs = 60_000

/** A site's database on a PostgreSQL server. */
export class PostgresDatabase implements Database {
  readonly dialect: Dialect
  private readonly pool: pg.Pool
  private readonly config: pg.ClientConfig
  private readonly turns: TransactionTurns
  private readonly names = new StatementNames()

  private constructor(pool: pg.Pool, config: pg.ClientConfig, collations: Collations, turns: TransactionTurns) {
    this.pool = pool
    this.turns = turns
    this.config = config
    this.dialect = postgresDialect(collations)
  }

  /** @throws DatabaseUnavailable */
  static async open(url: string, options: PostgresOptions = {}): Promise<PostgresDatabase> {
    const busyTimeout = options.busyTimeout ?? 10_000
    const settings = {
      TimeZone: 'UTC',
      DateStyle: 'ISO',
      bytea_output: 'hex',
      standard_conforming_strings: 'on',
      // Compiling pays for queries of seconds; ours take milliseconds, and estimates go wrong.
      jit: 'off',
      lock_timeout: busyTimeout,
      idle_in_transaction_session_timeout: options.holdLimit ?? 30_000,
    }
    const config: pg.ClientConfig = {
      connectionString: url,
      application_name: 'orchestrator',
      keepAlive: true,
      types: columnValues as never,
      options: Object.entries(settings)
        .map(([name, value]) => `-c ${name}=${value}`)
        .join(' '),
    }
    const poolSize = Math.max(2, options.poolSize ?? 10)
    const pool = new pg.Pool({
      ...config,
      max: poolSize,
      min: 0,
      idleTimeoutMillis: 30_000,
      connectionTimeoutMillis: busyTimeout,
      allowExitOnIdle: true,
    })
    // The server closed an idle connection; the pool has already dropped it and opens another when needed.
    pool.on('error', () => undefined)
    // One in use may be told of the server's end between two statements, when nobody waits for an answer: its next statement fails.
    pool.on('connect', (client) => client.on('error', () => undefined))
    const startedAt = performance.now()
    try {
      return new PostgresDatabase(pool, config, await readCollations(pool), new TransactionTurns(transactionsWithin(poolSize), busyTimeout))
    } catch (error) {
      await pool.end()
      const failure = postgresFailure(error, startedAt)
      // Whatever keeps a site from its database before the first statement (no right to connect, say) makes it unavailable.
      throw QueryFailed.is(failure) ? new DatabaseUnavailable({ reason: (error as Error).message }, { cause: error }) : failure
    }
  }

  load(): DatabaseLoad {
    const { totalCount, idleCount, waitingCount, options } = this.pool
    return { inUse: totalCount - idleCount, idle: idleCount, most: options.max, waiting: waitingCount + this.turns.waiting }
  }

  async query<R = Row>(query: Query): Promise<R[]> {
    const startedAt = performance.now()
    for (let attempt = 1; ; attempt++) {
      try {
        return (await this.ask(query)).rows as R[]
      } catch (error) {
        // Every connection that prepared the statement holds the same stale plan; under a new name it is prepared afresh.
        if (isStalePlan(error)) this.names.clear()
        // A connection may have died, or a plan gone stale, since its last use; reading again does no harm.
        if (attempt === 1 && (isConnectionLost(error) || isStalePlan(error))) continue
        throw postgresFailure(error, startedAt)
      }
    }
  }

  async begin(): Promise<Transaction> {
    const startedAt = performance.now()
    await this.turns.take()
    for (let attempt = 1; ; attempt++) {
      let client: pg.PoolClient | undefined
      try {
        client = await this.pool.connect()
        await client.query('begin isolation level read committed')
        return new PostgresTransaction(client, this.dialect, this.names, () => this.turns.give())
      } catch (error) {
        client?.release(true)
        if (client && attempt === 1 && isConnectionLost(error)) continue
        this.turns.give()
        throw postgresFailure(error, startedAt)
      }
    }
  }

  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return runTransaction(this, work)
  }

  /** @throws DatabaseBusy when the name stayed taken for a minute */
  async exclusively<T>(name: string, work: () => Promise<T>): Promise<T> {
    const startedAt = performance.now()
    // A connection of its own: the lock lives as long as its session, and waiting must not use up the pool.
    const client = new pg.Client(this.config)
    client.on('error', () => undefined)
    try {
      await client.connect()
      await client.query(`set lock_timeout = ${exclusivePatienceMs}`)
      await client.query({ text: 'select pg_advisory_lock($1)', values: [lockNumber(name)] })
    } catch (error) {
      await client.end().catch(() => undefined)
      throw postgresFailure(error, startedAt)
    }
    try {
      return await work()
    } finally {
      await client.end().catch(() => undefined)
    }
  }

  async alter(statements: readonly string[]): Promise<void> {
    if (statements.length === 0) return
    await this.transaction((tx) => (tx as PostgresTransaction).define(statements))
    this.names.clear()
  }

  describe(only?: readonly string[]): Promise<TableDescription[]> {
    return describePostgres((query) => this.query(query), only)
  }

  async close(): Promise<void> {
    if (!this.pool.ended) await this.pool.end()
  }

  private async ask(query: Query): Promise<pg.QueryResult> {
    const client = await this.pool.connect()
    let isBroken = false
    try {
      return await client.query({ name: this.names.of(query.sql), text: query.sql, values: query.parameters as unknown[] })
    } catch (error) {
      isBroken = isConnectionLost(error) || isStalePlan(error)
      throw error
    } finally {
      client.release(isBroken)
    }
  }
}

interface Locale {
  collate: string
  ctype: string
  /** `c` where the C library's locale rules; absent before PostgreSQL 15, which always does so. */
  provider: string | null
  fallback: string | null
}

/** Finds out what the database's locale does by itself, and which collation knows letters beyond ASCII where it does not. */
async function readCollations(pool: pg.Pool): Promise<Collations> {
  const { rows } = await pool.query<Locale>(`
    select d.datcollate as collate, d.datctype as ctype, to_jsonb(d) ->> 'datlocprovider' as provider,
      (select collname from pg_collation where collname in ('C.utf8', 'C.UTF-8', 'en_US.utf8', 'und-x-icu') and collencoding in (-1, d.encoding)
        order by array_position(array['C.utf8', 'C.UTF-8', 'en_US.utf8', 'und-x-icu'], collname::text) limit 1) as fallback
    from pg_database d where d.datname = current_database()`)
  const { collate, ctype, provider, fallback } = rows[0] as Locale
  const isLibc = provider === null || provider === 'c'
  const byCodePoint = isLibc && /^(C|POSIX|C\.utf-?8)$/i.test(collate)
  const foldsAlike = byCodePoint && /^C\.utf-?8$/i.test(ctype)
  const fold = foldsAlike ? '' : ` collate "${fallback ?? 'default'}"`
  return { column: byCodePoint ? '' : ' collate "C"', fold }
}

/** A 64-bit number for a name, as text; advisory locks are numbered. */
function lockNumber(name: string): string {
  return String(createHash('sha256').update(name).digest().readBigInt64BE())
}
