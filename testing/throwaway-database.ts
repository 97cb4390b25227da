import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Database } from '#kernel/database/database.ts'
import { openDatabase } from '#kernel/database/open.ts'
import { createDatabase, dropDatabase } from '#kernel/database/provision.ts'
import type { TestDatabase } from './services.ts'

/** An empty database of its own on the given engine, and the way to be rid of it. */
export async function throwawayDatabase(engine: TestDatabase): Promise<{ database: Database; drop: () => Promise<void> }> {
  if (engine.name === 'sqlite') {
    const folder = mkdtempSync(join(tmpdir(), 'orc-test-'))
    const database = await openDatabase({ type: 'sqlite', file: join(folder, 'site.db'), durable: false })
    return { database, drop: () => database.close().then(() => rmSync(folder, { recursive: true })) }
  }
  const name = `orc_test_${randomBytes(6).toString('hex')}`
  const url = await createDatabase(engine.url, { database: name, user: name, password: randomBytes(12).toString('hex') })
  const database = await openDatabase({ type: engine.name, url, poolSize: 4 })
  return { database, drop: () => database.close().then(() => dropDatabase(engine.url, { database: name, user: name })) }
}
