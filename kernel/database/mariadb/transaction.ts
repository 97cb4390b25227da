import type { PoolConnection, ResultSetHeader } from 'mysql2/promise'
import type { Changes, Dialect, Query, Row, Transaction } from '../database.ts'
import { DatabaseUnavailable, Deadlocked } from '../errors.ts'
import { mariadbDialect } from './dialect.ts'
import { isConnectionLost } from './failure.ts'
import { ask, failureOf } from './session.ts'

/** A READ COMMITTED transaction on a connection of the pool. */
export class MariaTransaction implements Transaction {
  readonly dialect: Dialect = mariadbDialect
  private readonly connection: PoolConnection
  private readonly onEnd: () => void
  /** Why it takes no more statements; a sentence becomes an error only when somebody asks on. */
  private over: Error | string | undefined
  private isLost = false
  private isReleased = false
  private depth = 0
  // The driver runs what one connection is given in order, so statements need no queue here.
  private readonly onLost = (error: Error): void => {
    this.isLost = true
    this.over ??= new DatabaseUnavailable({ reason: error.message }, { cause: error })
  }

  /** @param onEnd called once, when the connection is back in the pool */
  constructor(connection: PoolConnection, onEnd: () => void) {
    this.connection = connection
    this.onEnd = onEnd
    connection.on('error', this.onLost)
  }

  async query<R = Row>(query: Query): Promise<R[]> {
    const answer = await this.attempt(query.sql, () => ask(this.connection, query))
    return (Array.isArray(answer) ? answer : []) as R[]
  }

  async execute(query: Query): Promise<Changes> {
    const answer = await this.attempt(query.sql, () => ask(this.connection, query))
    return { changes: Array.isArray(answer) ? 0 : (answer as ResultSetHeader).affectedRows }
  }

  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    const name = `s${++this.depth}`
    try {
      await this.run(`savepoint ${name}`)
      try {
        const result = await work()
        await this.run(`release savepoint ${name}`)
        return result
      } catch (error) {
        if (!this.over) await this.run(`rollback to savepoint ${name}`)
        throw error
      }
    } finally {
      this.depth--
    }
  }

  async commit(): Promise<void> {
    try {
      await this.run('commit')
    } finally {
      this.finish('The transaction was committed.')
    }
  }

  async rollback(): Promise<void> {
    if (!this.isReleased && !this.isLost) await this.connection.query('rollback').catch(() => (this.isLost = true))
    this.finish('The transaction was rolled back.')
  }

  private run(text: string): Promise<unknown> {
    return this.attempt(text, () => this.connection.query(text))
  }

  private async attempt<T>(text: string, send: () => Promise<T>): Promise<T> {
    if (this.over) throw typeof this.over === 'string' ? new Error(this.over) : this.over
    const startedAt = performance.now()
    try {
      return await send()
    } catch (error) {
      const failure = await failureOf(this.connection, error, text, startedAt)
      if (isConnectionLost(error)) this.isLost = true
      // The server has already undone everything: another statement would run, and stay, outside any transaction.
      if (this.isLost || Deadlocked.is(failure)) this.over ??= failure
      throw failure
    }
  }

  private finish(how: string): void {
    if (this.isReleased) return
    this.isReleased = true
    this.over ??= how
    this.connection.off('error', this.onLost)
    if (this.isLost) this.connection.destroy()
    else this.connection.release()
    this.onEnd()
  }
}
