import type { RawBuilder } from 'kysely'

export type DialectName = 'sqlite' | 'postgres' | 'mariadb'

/** What a column may hold on its way in and out: text, numbers (safe integers or floats), bytes, or nothing. Decimals and dates travel as text. */
export type SqlValue = string | number | bigint | Uint8Array | null

/** A statement ready to run: text with placeholders in the engine's own style, and the values for them. */
export interface Query {
  readonly sql: string
  readonly parameters: readonly SqlValue[]
}

export type Row = Record<string, SqlValue>

export interface Changes {
  /** Rows inserted, updated or deleted. */
  readonly changes: number
}

/**
 * One site's database. Reads outside a transaction see the last committed state; writes happen in transactions whose
 * commit is acknowledged only when durable.
 */
export interface Database {
  readonly dialect: Dialect
  /** Runs a reading statement outside any transaction. @throws DatabaseUnavailable, QueryFailed */
  query<R = Row>(query: Query): Promise<R[]>
  /**
   * Opens a write transaction. SQLite has one writer: callers queue fairly and share one fsync (group commit); the others
   * open an ordinary READ COMMITTED transaction on a pooled connection.
   * @throws DatabaseBusy when no turn came within `busyTimeout` (default 10 s)
   */
  begin(): Promise<Transaction>
  /** Runs `work` in a transaction and commits; rolls back when it throws. Retries up to 3 times when the engine reports a deadlock. */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
  /** Runs `work` while no other process runs one under the same name (schema changes, migrations, leases). Held apart from transactions. */
  exclusively<T>(name: string, work: () => Promise<T>): Promise<T>
  /** Statements that change the schema; outside transactions where the engine has no transactional DDL. */
  alter(statements: readonly string[]): Promise<void>
  /**
   * Tables, columns and indexes as they are.
   * @param only names of tables, in whatever case: the answer holds these and no others, and takes time for these alone
   */
  describe(only?: readonly string[]): Promise<TableDescription[]>
  /** A number that grows when anything was committed by anybody, where the engine tells it for next to nothing (SQLite); undefined elsewhere. */
  dataVersion?(): number
  /** How busy the connections are; SQLite's one writer counts as a pool of one. */
  load(): DatabaseLoad
  close(): Promise<void>
}

/** Connections of a site's database in this process, and how many wait for one. */
export interface DatabaseLoad {
  readonly inUse: number
  readonly idle: number
  readonly most: number
  readonly waiting: number
}

/** An open write transaction. Statements of one transaction run one after another. */
export interface Transaction {
  readonly dialect: Dialect
  query<R = Row>(query: Query): Promise<R[]>
  /** Runs a changing statement. @throws UniqueViolated, QueryFailed, Deadlocked */
  execute(query: Query): Promise<Changes>
  /** Runs `work` so that its changes alone are undone when it throws; the error goes on. */
  savepoint<T>(work: () => Promise<T>): Promise<T>
  /** Resolves when the changes are durable. */
  commit(): Promise<void>
  rollback(): Promise<void>
}

/** How one engine spells what the kernel needs; everything that differs between engines is here and in its driver. */
export interface Dialect {
  readonly name: DialectName
  /** Compiles a fragment built with `sql` from `#kernel/database/sql.ts`. */
  compile(fragment: RawBuilder<unknown>): Query
  /** Quotes an identifier; the caller has already checked it against metadata. */
  quote(identifier: string): string
  /** Column type for a storage kind. */
  columnType(storage: Storage): string
  /** Text of a value as a DDL default, e.g. `'x'` or `0`. */
  literal(value: SqlValue): string
  /** ` FOR UPDATE` where the engine has row locks, else empty. */
  readonly forUpdate: string
  /** Case-insensitive match with `\` as the escape character: same answer on all engines. */
  like(column: RawBuilder<unknown>, pattern: string, negated: boolean): RawBuilder<unknown>
  /** ORDER BY term in which missing values come first ascending and last descending, on every engine. */
  orderBy(column: RawBuilder<unknown>, direction: 'asc' | 'desc', nullable: boolean): RawBuilder<unknown>
  /** SUM / AVG / MIN / MAX of a decimal column, exact, as text in canonical form (see client/rules/decimal.ts). */
  decimalAggregate(fn: 'sum' | 'avg' | 'min' | 'max', column: RawBuilder<unknown>): RawBuilder<unknown>
  /** A decimal on its way into a column or a comparison (SQLite keeps decimals as sortable fixed-width text). */
  encodeDecimal(text: string): string
  /** A decimal as the column gives it back, in canonical form: no exponent, no trailing zeros, `-0` is `0`. */
  decodeDecimal(stored: SqlValue): string
}

/** What a column stores, independent of engine. */
export type Storage =
  | { kind: 'text'; length?: number } // length in characters (1–1000): varchar; absent: unbounded
  | { kind: 'integer' } // 32 bit
  | { kind: 'bigint' } // 64 bit; values limited to safe integers
  | { kind: 'boolean' } // 0 or 1
  | { kind: 'decimal' } // exact, 21 digits of which 9 after the point
  | { kind: 'float' } // as `decimal` on PostgreSQL and MariaDB, REAL on SQLite; rounded to 9 places
  | { kind: 'date' } // 'YYYY-MM-DD'
  | { kind: 'datetime' } // 'YYYY-MM-DD HH:MM:SS.ffffff', UTC, always with the six digits
  | { kind: 'time' } // 'HH:MM:SS.ffffff'
  | { kind: 'json' } // text holding JSON
  | { kind: 'uuid' }

export interface ColumnDescription {
  name: string
  /** The engine's own spelling of the type, lower case, in the form `columnType` gives it. */
  type: string
  nullable: boolean
  default: string | null
}

export interface IndexDescription {
  name: string
  columns: string[]
  unique: boolean
}

export interface TableDescription {
  name: string
  columns: ColumnDescription[]
  indexes: IndexDescription[]
}

/** Where a site's data lives. */
export type DatabaseAddress =
  | { type: 'sqlite'; file: string; durable?: boolean } // durable (default true): synchronous=FULL
  | { type: 'postgres' | 'mariadb'; url: string; poolSize?: number }
