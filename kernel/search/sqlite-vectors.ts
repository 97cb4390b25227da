import { DatabaseSync } from 'node:sqlite'
import type { Query, Row } from '#kernel/database/database.ts'
import { registerFunctions } from '#kernel/database/sqlite/functions.ts'
import type { Site } from '#kernel/sites/site.ts'

/**
 * Runs one reading statement on a site's SQLite file with the functions of sqlite-vec at hand, over what is committed. Undefined where
 * there is no sqlite-vec for this machine. The connection is its own and lasts for the statement: the others never load foreign code.
 */
export async function queryWithVectors<R = Row>(site: Site, query: Query): Promise<R[] | undefined> {
  const path = site.address.type === 'sqlite' ? await extensionPath() : undefined
  if (path === undefined || site.address.type !== 'sqlite') return undefined
  const connection = new DatabaseSync(site.address.file, { readOnly: true, allowExtension: true, timeout: 5000 })
  try {
    connection.loadExtension(path)
    connection.enableLoadExtension(false)
    registerFunctions(connection)
    return connection.prepare(query.sql).all(...(query.parameters as never[])) as R[]
  } finally {
    connection.close()
  }
}

/** Where the library is; undefined where the package brings none for this system. */
async function extensionPath(): Promise<string | undefined> {
  try {
    const { getLoadablePath } = await import('sqlite-vec')
    return getLoadablePath()
  } catch {
    return undefined
  }
}
