import type { Database, Transaction } from '#kernel/database/database.ts'
import { describePostgres } from '#kernel/database/postgres/describe.ts'
import { describeSqlite } from '#kernel/database/sqlite/describe.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { syncSchema } from './apply.ts'
import type { SyncOptions, SyncPlan } from './sync-plan.ts'

/**
 * Makes the tables follow definitions that the open transaction has just changed. SQLite and PostgreSQL do so inside it, so that
 * definition and table appear together; MariaDB ends a transaction at every change of schema, so there the table comes first, and an
 * orphaned column is all that a failed save can leave.
 * @throws SyncRefused when data would be lost
 */
export function syncWithin(database: Database, tx: Transaction, metas: readonly Meta[], options: SyncOptions = {}): Promise<SyncPlan> {
  if (database.dialect.name === 'mariadb') return syncSchema(database, metas, options)
  const inside: Database = {
    dialect: database.dialect,
    query: (query) => tx.query(query),
    begin: () => Promise.resolve(tx),
    transaction: (work) => work(tx),
    exclusively: (_name, work) => work(),
    alter: async (statements) => {
      for (const statement of statements) await tx.execute({ sql: statement, parameters: [] })
    },
    // Seen from inside: what this transaction made before is there.
    describe: (only) => (database.dialect.name === 'sqlite' ? describeSqlite : describePostgres)((query) => tx.query(query), only),
    load: () => database.load(),
    close: async () => {},
  }
  return syncSchema(inside, metas, options)
}
