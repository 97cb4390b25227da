import { createHash } from 'node:crypto'
import mysql, { type Pool, type PoolConnection, type PoolOptions, type RowDataPacket } from 'mysql2/promise'
import type { Database, DatabaseLoad, Dialect, Query, Row, TableDescription, Transaction } from '../database.ts'
import { DatabaseBusy } from '../errors.ts'
import { runTransaction } from '../transaction.ts'
import { transactionsWithin, TransactionTurns } from '../transaction-turns.ts'
import { describeMariadb } from './describe.ts'
import { mariadbDialect } from './dialect.ts'
import { isConnectionLost, mariaFailure } from './failure.ts'
import { ask, failureOf } from './session.ts'
import { MariaTransaction } from './transaction.ts'

export interface MariaOptions {
  /** Connections at most; default 10. None is kept when nothing happens for half a minute. */
  poolSize?: number | undefined
  /** Milliseconds to wait for a free connection, and for a row lock; default 10,000. */
  busyTimeout?: number | undefined
  /** Milliseconds after which the server ends a transaction that nobody uses; default 30,000. */
  holdLimit?: number | undefined
}

const exclusivePatienceSeconds = 60
const preparedPerConnection = 200

/** The parts of mysql2's pool that say how busy it is. */
interface PoolInside {
  readonly pool: Readonly<Record<'_allConnections' | '_freeConnections' | '_connectionQueue', { readonly length: number }>>
}

/** A site's database on a MariaDB server. */
export class MariaDatabase implements Database {
  readonly dialect: Dialect = mariadbDialect
  private readonly pool: Pool
  private readonly config: PoolOptions
  private readonly setUp: string
  private readonly busyTimeout: number
  private readonly turns: TransactionTurns
  private readonly poolSize: number
  private readonly prepared = new WeakSet<object>()

  private constructor(url: string, options: MariaOptions) {
    this.busyTimeout = options.busyTimeout ?? 10_000
    const poolSize = Math.max(2, options.poolSize ?? 10)
    this.poolSize = poolSize
    this.turns = new TransactionTurns(transactionsWithin(poolSize), this.busyTimeout)
    this.config = {
      uri: url,
      charset: 'utf8mb4',
      timezone: 'Z',
      dateStrings: true,
      supportBigNumbers: true,
      jsonStrings: true,
      connectTimeout: this.busyTimeout,
      maxPreparedStatements: preparedPerConnection,
    }
    this.pool = mysql.createPool({
      ...this.config,
      connectionLimit: poolSize,
      maxIdle: poolSize,
      idleTimeout: 30_000,
    })
    const settings = {
      sql_mode: `'STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'`,
      time_zone: `'+00:00'`,
      tx_isolation: `'READ-COMMITTED'`,
      // So that comparisons without any column follow the same rule as those with one.
      collation_connection: 'utf8mb4_nopad_bin',
      innodb_lock_wait_timeout: Math.max(1, Math.ceil(this.busyTimeout / 1000)),
      // For tables: a change of schema waits for whoever has touched the table. The server's own default is a day.
      lock_wait_timeout: Math.max(1, Math.ceil(this.busyTimeout / 1000)),
      idle_transaction_timeout: Math.max(1, Math.ceil((options.holdLimit ?? 30_000) / 1000)),
    }
    this.setUp = `set ${Object.entries(settings)
      .map(([name, value]) => `session ${name} = ${value}`)
      .join(', ')}`
  }

  /** @throws DatabaseUnavailable */
  static async open(url: string, options: MariaOptions = {}): Promise<MariaDatabase> {
    const database = new MariaDatabase(url, options)
    try {
      const connection = await database.connect()
      connection.release()
    } catch (error) {
      await database.pool.end()
      throw error
    }
    return database
  }

  load(): DatabaseLoad {
    // The driver tells these to nobody else.
    const { _allConnections: all, _freeConnections: free, _connectionQueue: asking } = (this.pool as unknown as PoolInside).pool
    return { inUse: all.length - free.length, idle: free.length, most: this.poolSize, waiting: asking.length + this.turns.waiting }
  }

  async query<R = Row>(query: Query): Promise<R[]> {
    const startedAt = performance.now()
    for (let attempt = 1; ; attempt++) {
      const connection = await this.connect()
      let isLost = false
      try {
        const answer = await ask(connection, query)
        return (Array.isArray(answer) ? answer : []) as R[]
      } catch (error) {
        isLost = isConnectionLost(error)
        // A connection may have died since its last use; reading again does no harm.
        if (!isLost || attempt > 1) throw await failureOf(connection, error, query.sql, startedAt)
      } finally {
        if (isLost) connection.destroy()
        else connection.release()
      }
    }
  }

  async begin(): Promise<Transaction> {
    const startedAt = performance.now()
    await this.turns.take()
    for (let attempt = 1; ; attempt++) {
      let connection: PoolConnection | undefined
      try {
        connection = await this.connect()
        await connection.query('start transaction')
        return new MariaTransaction(connection, () => this.turns.give())
      } catch (error) {
        connection?.destroy()
        if (connection && attempt === 1 && isConnectionLost(error)) continue
        this.turns.give()
        throw mariaFailure(error, startedAt)
      }
    }
  }

  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return runTransaction(this, work)
  }

  /** @throws DatabaseBusy when the name stayed taken for a minute */
  async exclusively<T>(name: string, work: () => Promise<T>): Promise<T> {
    const startedAt = performance.now()
    let connection: mysql.Connection
    try {
      // A connection of its own: the lock lives as long as its session, and waiting must not use up the pool.
      connection = await mysql.createConnection(this.config)
    } catch (error) {
      throw mariaFailure(error, startedAt)
    }
    connection.on('error', () => undefined)
    try {
      // Names of locks are the whole server's and at most 64 characters, hence the digest with the database in it.
      const [named] = await connection.query<RowDataPacket[]>('select database() as name')
      const digest = createHash('sha256').update(`${named[0]?.name}\0${name}`).digest('hex').slice(0, 60)
      const [taken] = await connection.query<RowDataPacket[]>(`select get_lock('${digest}', ${exclusivePatienceSeconds}) as taken`)
      if (taken[0]?.taken !== 1) throw new DatabaseBusy({ waitedMs: Math.round(performance.now() - startedAt) })
    } catch (error) {
      connection.destroy()
      throw mariaFailure(error, startedAt)
    }
    try {
      return await work()
    } finally {
      await connection.end().catch(() => connection.destroy())
    }
  }

  async alter(statements: readonly string[]): Promise<void> {
    const startedAt = performance.now()
    const connection = await this.connect()
    let isLost = false
    try {
      // Each definition commits by itself here, so a failure leaves the earlier ones in place.
      for (const statement of statements) await connection.query(statement)
    } catch (error) {
      isLost = isConnectionLost(error)
      throw mariaFailure(error, startedAt)
    } finally {
      if (isLost) connection.destroy()
      else connection.release()
    }
  }

  describe(only?: readonly string[]): Promise<TableDescription[]> {
    return describeMariadb((query) => this.query(query), only)
  }

  async close(): Promise<void> {
    await this.pool.end()
  }

  /** A connection with the session settings made. @throws DatabaseBusy, DatabaseUnavailable */
  private async connect(): Promise<PoolConnection> {
    const startedAt = performance.now()
    const asked = this.pool.getConnection()
    const tooLate = Promise.withResolvers<never>()
    const timer = setTimeout(() => tooLate.reject(new DatabaseBusy({ waitedMs: this.busyTimeout })), this.busyTimeout)
    try {
      const connection = await Promise.race([asked, tooLate.promise])
      if (!this.prepared.has(connection.connection)) {
        await connection.query(this.setUp)
        this.prepared.add(connection.connection)
      }
      return connection
    } catch (error) {
      // One that comes after all goes straight back.
      if (DatabaseBusy.is(error))
        asked.then(
          (late) => late.release(),
          () => undefined,
        )
      throw mariaFailure(error, startedAt)
    } finally {
      clearTimeout(timer)
    }
  }
}
