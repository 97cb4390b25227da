import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { databaseContract, type OpenedDatabase } from '#testing/contracts/database.ts'
import { testDatabases } from '#testing/services.ts'
import { openDatabase } from './open.ts'
import { createDatabase, dropDatabase } from './provision.ts'

for (const engine of testDatabases()) {
  databaseContract(engine.name, () => (engine.name === 'sqlite' ? inFolder() : onServer(engine.name, engine.url)))
}

async function inFolder(): Promise<OpenedDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'orc-contract-'))
  const another = () => openDatabase({ type: 'sqlite', file: join(folder, 'site.db'), durable: false })
  const db = await another()
  const drop = async () => {
    await db.close()
    rmSync(folder, { recursive: true })
  }
  return { db, another, drop }
}

async function onServer(type: 'postgres' | 'mariadb', serverUrl: string): Promise<OpenedDatabase> {
  const name = `orc_contract_${randomBytes(6).toString('hex')}`
  const url = await createDatabase(serverUrl, { database: name, user: name, password: `p'w"\\${name}` })
  const another = () => openDatabase({ type, url, poolSize: 8 })
  const db = await another()
  const drop = async () => {
    await db.close()
    await dropDatabase(serverUrl, { database: name, user: name })
  }
  return { db, another, drop }
}
