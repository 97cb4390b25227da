import type { Database, DatabaseAddress } from './database.ts'

export interface OpenOptions {
  /** Milliseconds that `begin` waits for its turn or for a connection; default 10,000. */
  busyTimeout?: number
  /** SQLite: milliseconds a transaction may keep the writer before it is rolled back; default 30,000. */
  holdLimit?: number
}

/**
 * Opens a site's database. Only the driver that the address names is loaded.
 * @throws DatabaseUnavailable when it cannot be reached
 */
export async function openDatabase(address: DatabaseAddress, options: OpenOptions = {}): Promise<Database> {
  switch (address.type) {
    case 'sqlite': {
      const { SqliteDatabase } = await import('./sqlite/driver.ts')
      return new SqliteDatabase(address.file, { durable: address.durable ?? true, ...options })
    }
    case 'postgres': {
      const { PostgresDatabase } = await import('./postgres/driver.ts')
      return PostgresDatabase.open(address.url, { poolSize: address.poolSize, ...options })
    }
    case 'mariadb': {
      const { MariaDatabase } = await import('./mariadb/driver.ts')
      return MariaDatabase.open(address.url, { poolSize: address.poolSize, ...options })
    }
  }
}
