import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { Changes, Query } from '../database.ts'
import { sqliteFailure } from './failure.ts'
import { registerFunctions } from './functions.ts'

const cachedStatements = 200

/** One connection to a SQLite file, with its prepared statements kept by text (the 200 used last). */
export class Connection {
  private readonly database: DatabaseSync
  private readonly statements = new Map<string, StatementSync>()

  /** @throws DatabaseUnavailable when the file cannot be opened */
  constructor(file: string, options: { readOnly: boolean; durable: boolean }) {
    try {
      this.database = new DatabaseSync(file, {
        readOnly: options.readOnly,
        enableForeignKeyConstraints: false,
        enableDoubleQuotedStringLiterals: false,
        // Covers opening, recovery and checkpoints; a busy writer is waited for without blocking (see writer.ts).
        timeout: 5000,
      })
      this.database.exec('pragma temp_store=memory')
      if (options.readOnly) {
        this.database.exec('pragma cache_size=-16000; pragma mmap_size=67108864')
      } else {
        this.database.exec('pragma journal_mode=wal')
        this.database.exec(`pragma synchronous=${options.durable ? 'full' : 'normal'}`)
        this.database.exec('pragma cache_size=-8000; pragma journal_size_limit=67108864; pragma busy_timeout=0')
      }
      registerFunctions(this.database)
    } catch (error) {
      throw sqliteFailure(error)
    }
  }

  query<R>(query: Query): R[] {
    try {
      return this.prepared(query.sql).all(...(query.parameters as never[])) as R[]
    } catch (error) {
      throw sqliteFailure(error)
    }
  }

  execute(query: Query): Changes {
    try {
      return { changes: Number(this.prepared(query.sql).run(...(query.parameters as never[])).changes) }
    } catch (error) {
      throw sqliteFailure(error)
    }
  }

  /** Runs a statement without values and lets the binding's own error through. */
  run(text: string): void {
    this.prepared(text).run()
  }

  /** Runs statements that change the schema; what was prepared against the old one is forgotten. */
  define(statement: string): void {
    this.forget()
    try {
      this.database.exec(statement)
    } catch (error) {
      throw sqliteFailure(error)
    }
  }

  get inTransaction(): boolean {
    return this.database.isTransaction
  }

  forget(): void {
    this.statements.clear()
  }

  close(): void {
    this.forget()
    if (this.database.isOpen) this.database.close()
  }

  private prepared(text: string): StatementSync {
    let statement = this.statements.get(text)
    if (statement) {
      // Moves it to the young end; the oldest one is the first key.
      this.statements.delete(text)
    } else {
      statement = this.database.prepare(text)
      if (this.statements.size >= cachedStatements) this.statements.delete(this.statements.keys().next().value as string)
    }
    this.statements.set(text, statement)
    return statement
  }
}
