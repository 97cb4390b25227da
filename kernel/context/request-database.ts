import type { Changes, Database, Dialect, Query, Row, Transaction } from '#kernel/database/database.ts'

/** The database as one request or job sees it: reads go to committed state until the first write opens the transaction. */
export class RequestDatabase {
  readonly #database: Database
  #transaction: Transaction | undefined
  #opening: Promise<Transaction> | undefined
  #finished = false
  readonly #mark: () => () => void

  /** @param mark called as a savepoint opens; what it returns is called when that savepoint is undone */
  constructor(database: Database, mark: () => () => void = () => () => undefined) {
    this.#database = database
    this.#mark = mark
  }

  get dialect(): Dialect {
    return this.#database.dialect
  }

  get isWriting(): boolean {
    return this.#transaction !== undefined
  }

  query<R = Row>(query: Query): Promise<R[]> {
    return this.#transaction ? this.#transaction.query<R>(query) : this.#database.query<R>(query)
  }

  /** Opens the write transaction now, so that what is read next cannot change before it is written. */
  async begin(): Promise<Transaction> {
    if (this.#transaction) return this.#transaction
    if (this.#finished) throw new Error('This unit of work has ended; its transaction cannot be opened again.')
    this.#opening ??= this.#database.begin()
    this.#transaction = await this.#opening
    return this.#transaction
  }

  async execute(query: Query): Promise<Changes> {
    return (this.#transaction ?? (await this.begin())).execute(query)
  }

  /** Runs `work`; when it throws, only what it wrote is undone, and what it wanted to do after the commit is dropped. */
  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    const transaction = await this.begin()
    const forget = this.#mark()
    try {
      return await transaction.savepoint(work)
    } catch (error) {
      forget()
      throw error
    }
  }

  async commit(): Promise<void> {
    const transaction = await this.#settle()
    await transaction?.commit()
  }

  async rollback(): Promise<void> {
    const transaction = await this.#settle()
    await transaction?.rollback()
  }

  async #settle(): Promise<Transaction | undefined> {
    this.#finished = true
    const transaction = this.#transaction ?? (await this.#opening?.catch(() => undefined))
    this.#transaction = undefined
    this.#opening = undefined
    return transaction
  }
}
