import type { Changes, Database, DatabaseLoad, Dialect, Query, Row, TableDescription, Transaction } from './database.ts'
import { runTransaction } from './transaction.ts'

/** Hears of every statement that ended, well or not, and of every wait for the turn to write. */
export interface DatabaseWatch {
  /** @param operation `read`, `write`, `commit` @param seconds including the wait for a connection */
  ran(operation: 'read' | 'write' | 'commit', seconds: number, sql: string): void
  waited(seconds: number): void
}

/** A database whose statements are timed. Sites have one only in a process that keeps figures: timing costs a little with each. */
export class ObservedDatabase implements Database {
  readonly dialect: Dialect
  readonly dataVersion?: () => number
  readonly #inner: Database
  readonly #watch: DatabaseWatch

  constructor(inner: Database, watch: DatabaseWatch) {
    this.#inner = inner
    this.#watch = watch
    this.dialect = inner.dialect
    if (inner.dataVersion) this.dataVersion = () => (inner.dataVersion as () => number)()
  }

  query<R = Row>(query: Query): Promise<R[]> {
    return timed(this.#watch, 'read', query.sql, () => this.#inner.query<R>(query))
  }

  async begin(): Promise<Transaction> {
    const from = performance.now()
    try {
      return new ObservedTransaction(await this.#inner.begin(), this.#watch)
    } finally {
      this.#watch.waited((performance.now() - from) / 1000)
    }
  }

  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return runTransaction(this, work)
  }

  exclusively<T>(name: string, work: () => Promise<T>): Promise<T> {
    return this.#inner.exclusively(name, work)
  }

  alter(statements: readonly string[]): Promise<void> {
    return this.#inner.alter(statements)
  }

  describe(only?: readonly string[]): Promise<TableDescription[]> {
    return this.#inner.describe(only)
  }

  load(): DatabaseLoad {
    return this.#inner.load()
  }

  close(): Promise<void> {
    return this.#inner.close()
  }
}

class ObservedTransaction implements Transaction {
  readonly dialect: Dialect
  readonly #inner: Transaction
  readonly #watch: DatabaseWatch

  constructor(inner: Transaction, watch: DatabaseWatch) {
    this.#inner = inner
    this.#watch = watch
    this.dialect = inner.dialect
  }

  query<R = Row>(query: Query): Promise<R[]> {
    return timed(this.#watch, 'read', query.sql, () => this.#inner.query<R>(query))
  }

  execute(query: Query): Promise<Changes> {
    return timed(this.#watch, 'write', query.sql, () => this.#inner.execute(query))
  }

  savepoint<T>(work: () => Promise<T>): Promise<T> {
    return this.#inner.savepoint(work)
  }

  commit(): Promise<void> {
    return timed(this.#watch, 'commit', 'commit', () => this.#inner.commit())
  }

  rollback(): Promise<void> {
    return this.#inner.rollback()
  }
}

async function timed<T>(watch: DatabaseWatch, operation: 'read' | 'write' | 'commit', sql: string, work: () => Promise<T>): Promise<T> {
  const from = performance.now()
  try {
    return await work()
  } finally {
    watch.ran(operation, (performance.now() - from) / 1000, sql)
  }
}
