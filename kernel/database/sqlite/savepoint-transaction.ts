import type { Changes, Dialect, Query, Row, Transaction } from '../database.ts'
import type { Connection } from './connection.ts'
import { sqliteDialect } from './dialect.ts'
import { sqliteFailure } from './failure.ts'

/** How a transaction that committed hears of its batch; `undone` for one that has nothing to wait for. */
export type Outcome = { resolve(): void; reject(error: unknown): void } | 'undone'

/** One caller's transaction: a savepoint in the writer's batch. */
export class SavepointTransaction implements Transaction {
  readonly dialect: Dialect = sqliteDialect
  readonly since = performance.now()
  private readonly connection: Connection
  private readonly release: (outcome: Outcome) => void
  /** Why it takes no more statements; a sentence becomes an error only when somebody asks on. */
  private over: Error | string | undefined
  private depth = 0

  constructor(connection: Connection, release: (outcome: Outcome) => void) {
    this.connection = connection
    this.release = release
    connection.run('savepoint t')
  }

  async query<R = Row>(query: Query): Promise<R[]> {
    return this.attempt(() => this.connection.query<R>(query))
  }

  async execute(query: Query): Promise<Changes> {
    return this.attempt(() => this.connection.execute(query))
  }

  /** Runs a statement that changes the schema, inside this transaction. */
  define(statement: string): void {
    this.attempt(() => this.connection.define(statement))
  }

  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    this.checkOpen()
    const name = `s${++this.depth}`
    this.connection.run(`savepoint ${name}`)
    try {
      const result = await work()
      this.checkOpen()
      this.connection.run(`release ${name}`)
      return result
    } catch (error) {
      if (!this.over && this.connection.inTransaction) this.undo(name)
      throw error
    } finally {
      this.depth--
    }
  }

  commit(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.checkOpen()
      try {
        this.connection.run('release t')
      } catch (error) {
        this.end('The transaction failed.')
        if (this.connection.inTransaction) this.undo('t')
        reject(sqliteFailure(error))
        return this.release('undone')
      }
      this.end('The transaction was committed.')
      this.release({ resolve, reject })
    })
  }

  async rollback(): Promise<void> {
    if (this.over) return
    this.end('The transaction was rolled back.')
    if (this.connection.inTransaction) this.undo('t')
    this.release('undone')
  }

  /** Takes the turn away and undoes the changes; whatever the holder calls afterwards fails with `reason`. */
  expire(reason: Error): void {
    if (this.over) return
    this.over = reason
    if (this.connection.inTransaction) this.undo('t')
    this.release('undone')
  }

  private attempt<T>(work: () => T): T {
    this.checkOpen()
    try {
      return work()
    } catch (error) {
      // A full disk, for one, ends the real transaction: another statement would run, and stay, outside any.
      if (!this.connection.inTransaction) this.expire(sqliteFailure(error))
      throw error
    }
  }

  private undo(savepoint: string): void {
    this.connection.run(`rollback to ${savepoint}`)
    this.connection.run(`release ${savepoint}`)
  }

  private end(how: string): void {
    this.over = how
  }

  private checkOpen(): void {
    if (this.over) throw typeof this.over === 'string' ? new Error(this.over) : this.over
  }
}
