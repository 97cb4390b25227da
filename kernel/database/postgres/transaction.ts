import type pg from 'pg'
import type { AppError } from '#client/rules/errors.ts'
import type { Changes, Dialect, Query, Row, Transaction } from '../database.ts'
import { DatabaseUnavailable, Deadlocked, QueryFailed } from '../errors.ts'
import { isConnectionLost, isStalePlan, postgresFailure } from './failure.ts'
import type { StatementNames } from './statement-names.ts'

/**
 * A READ COMMITTED transaction on a connection of the pool. After a failed statement PostgreSQL refuses all others until the
 * transaction, or the savepoint around the statement, is rolled back.
 */
export class PostgresTransaction implements Transaction {
  readonly dialect: Dialect
  private readonly client: pg.PoolClient
  private readonly names: StatementNames
  private readonly onEnd: () => void
  /** Why it takes no more statements; a sentence becomes an error only when somebody asks on. */
  private over: Error | string | undefined
  private isBroken = false
  private depth = 0
  // The server may end the session between two statements; without a listener that would end the process.
  private readonly onLost = (error: Error): void => {
    this.isBroken = true
    this.over ??= new DatabaseUnavailable({ reason: error.message }, { cause: error })
  }

  /** @param onEnd called once, when the connection is back in the pool */
  constructor(client: pg.PoolClient, dialect: Dialect, names: StatementNames, onEnd: () => void) {
    this.client = client
    this.dialect = dialect
    this.names = names
    this.onEnd = onEnd
    client.on('error', this.onLost)
  }

  async query<R = Row>(query: Query): Promise<R[]> {
    return (await this.ask(query)).rows as R[]
  }

  async execute(query: Query): Promise<Changes> {
    return { changes: (await this.ask(query)).rowCount ?? 0 }
  }

  /** Runs statements that change the schema, all in one message: hundreds of them make a site. */
  async define(statements: readonly string[]): Promise<void> {
    await this.run(statements.join(';\n'))
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
      const done = await this.run('commit')
      // Committing a transaction in which a statement has failed is no error to PostgreSQL: it rolls back and says so here.
      if (done.command !== 'COMMIT')
        throw new QueryFailed({ dialect: 'postgres', reason: 'A statement had failed, so the transaction was rolled back.' })
    } finally {
      this.finish('The transaction was committed.')
    }
  }

  async rollback(): Promise<void> {
    if (!this.isReleased && !this.isBroken) await this.client.query('rollback').catch(() => (this.isBroken = true))
    this.finish('The transaction was rolled back.')
  }

  private isReleased = false

  private async run(text: string): Promise<pg.QueryResult> {
    return this.attempt(() => this.client.query(text))
  }

  private ask(query: Query): Promise<pg.QueryResult> {
    return this.attempt(() => this.client.query({ name: this.names.of(query.sql), text: query.sql, values: query.parameters as unknown[] }))
  }

  private async attempt(send: () => Promise<pg.QueryResult>): Promise<pg.QueryResult> {
    if (this.over) throw typeof this.over === 'string' ? new Error(this.over) : this.over
    const startedAt = performance.now()
    try {
      return await send()
    } catch (error) {
      const failure: AppError = postgresFailure(error, startedAt)
      if (isConnectionLost(error) || isStalePlan(error)) this.isBroken = true
      if (isStalePlan(error)) this.names.clear()
      // A victim of a deadlock, or a lost connection, has no transaction to go on with.
      if (this.isBroken || Deadlocked.is(failure)) this.over ??= failure
      throw failure
    }
  }

  private finish(how: string): void {
    if (this.isReleased) return
    this.isReleased = true
    this.over ??= how
    this.client.off('error', this.onLost)
    this.client.release(this.isBroken)
    this.onEnd()
  }
}
