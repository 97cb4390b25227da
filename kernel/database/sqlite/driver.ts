import { existsSync, statSync } from 'node:fs'
import type { Database, DatabaseLoad, Dialect, Query, Row, TableDescription, Transaction } from '../database.ts'
import { DatabaseUnavailable } from '../errors.ts'
import { runTransaction } from '../transaction.ts'
import { Connection } from './connection.ts'
import { describeSqlite } from './describe.ts'
import { sqliteDialect } from './dialect.ts'
import { NamedLocks } from './named-locks.ts'
import type { SavepointTransaction } from './savepoint-transaction.ts'
import { Writer, type WriterLimits } from './writer.ts'

/** Milliseconds without any statement after which the connections of a site are closed. */
const idleMs = 60_000

export interface SqliteOptions extends Partial<WriterLimits> {
  /** synchronous=FULL: what was acknowledged survives a power failure. Default true. */
  durable?: boolean
}

/** A site's SQLite file: one connection that reads, one that writes, both opened when first needed. */
export class SqliteDatabase implements Database {
  readonly dialect: Dialect = sqliteDialect
  private readonly file: string
  private readonly durable: boolean
  private readonly writer: Writer
  private readonly locks: NamedLocks
  private reading: Connection | undefined
  private writing: Connection | undefined
  private lastUse = 0
  private idleTimer: NodeJS.Timeout | undefined
  private version = 0
  private seenVersion: number | undefined
  private isClosed = false

  constructor(file: string, options: SqliteOptions = {}) {
    this.file = file
    this.durable = options.durable ?? true
    this.writer = new Writer(() => this.writeConnection(), {
      busyTimeout: options.busyTimeout ?? 10_000,
      holdLimit: options.holdLimit ?? 30_000,
    })
    this.locks = new NamedLocks(file)
    // A reader cannot create the file, nor turn it to WAL.
    if (!existsSync(file) || statSync(file).size === 0) this.writeConnection()
  }

  async query<R = Row>(query: Query): Promise<R[]> {
    return this.readConnection().query<R>(query)
  }

  begin(): Promise<Transaction> {
    return this.writer.begin()
  }

  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return runTransaction(this, work)
  }

  exclusively<T>(name: string, work: () => Promise<T>): Promise<T> {
    return this.locks.hold(name, work)
  }

  async alter(statements: readonly string[]): Promise<void> {
    await this.transaction(async (tx) => {
      for (const statement of statements) (tx as SavepointTransaction).define(statement)
    })
    this.reading?.forget()
  }

  async describe(only?: readonly string[]): Promise<TableDescription[]> {
    return describeSqlite((query) => this.readConnection().query(query), only)
  }

  dataVersion(): number {
    const [row] = this.readConnection().query<{ data_version: number }>({ sql: 'pragma data_version', parameters: [] })
    // SQLite's own number may start again when the connection is opened anew; ours only grows.
    if (row?.data_version !== this.seenVersion) this.version++
    this.seenVersion = row?.data_version
    return this.version
  }

  load(): DatabaseLoad {
    const { isBusy, waiting } = this.writer.load
    return { inUse: isBusy ? 1 : 0, idle: isBusy ? 0 : 1, most: 1, waiting }
  }

  /** Closes connections that nobody is using; the next statement opens them again. */
  releaseIdle(): void {
    this.reading?.close()
    this.reading = undefined
    this.seenVersion = undefined
    if (this.writer.isIdle) {
      this.writing?.close()
      this.writing = undefined
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.idleTimer)
    this.writer.close()
    this.isClosed = true
    this.locks.close()
    this.reading?.close()
    this.writing?.close()
    this.reading = this.writing = undefined
  }

  private readConnection(): Connection {
    this.lastUse = performance.now()
    if (this.reading) return this.reading
    this.reading = this.connect(true)
    this.watchIdle()
    return this.reading
  }

  private writeConnection(): Connection {
    this.lastUse = performance.now()
    if (this.writing) return this.writing
    this.writing = this.connect(false)
    this.watchIdle()
    return this.writing
  }

  private connect(readOnly: boolean): Connection {
    if (this.isClosed) throw new DatabaseUnavailable({ reason: 'closed' })
    return new Connection(this.file, { readOnly, durable: this.durable })
  }

  private watchIdle(): void {
    this.idleTimer ??= setTimeout(() => {
      this.idleTimer = undefined
      if (performance.now() - this.lastUse >= idleMs) this.releaseIdle()
      if (this.reading || this.writing) this.watchIdle()
    }, idleMs).unref()
  }
}
