import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { testDatabases } from '#testing/services.ts'
import { DatabaseUnavailable } from './errors.ts'
import { openDatabase } from './open.ts'
import { BadDatabaseName, createDatabase, DatabaseExists, dropDatabase, ProvisioningFailed } from './provision.ts'

const select = { sql: 'select 1 as one', parameters: [] }

for (const engine of testDatabases()) {
  if (engine.name === 'sqlite') continue
  const { name: type, url: serverUrl } = engine

  test(`${type}: a site's account reaches its own database and no other`, async (t) => {
    const [one, two] = [grant(), grant()]
    t.after(() => Promise.all([dropDatabase(serverUrl, one), dropDatabase(serverUrl, two)]))
    const url = await createDatabase(serverUrl, one)
    await createDatabase(serverUrl, two)
    const db = await openDatabase({ type, url })
    await db.alter([`create table ${db.dialect.quote('tabA')} (name varchar(10))`])
    await db.close()
    const foreign = new URL(url)
    foreign.pathname = `/${two.database}`
    await assert.rejects(openDatabase({ type, url: foreign.href }), DatabaseUnavailable.is)
  })

  test(`${type}: making a database again takes it while it is empty, and refuses it afterwards`, async (t) => {
    const site = grant()
    t.after(() => dropDatabase(serverUrl, site))
    await createDatabase(serverUrl, site)
    const url = await createDatabase(serverUrl, { ...site, password: 'changed' })
    const db = await openDatabase({ type, url })
    assert.equal((await db.query(select)).length, 1)
    await db.alter([`create table ${db.dialect.quote('tabA')} (name varchar(10))`])
    await db.close()
    await assert.rejects(createDatabase(serverUrl, site), DatabaseExists.is)
  })

  test(`${type}: dropping removes database and account, and again is no error`, async () => {
    const site = grant()
    const url = await createDatabase(serverUrl, site)
    await dropDatabase(serverUrl, site)
    await dropDatabase(serverUrl, site)
    await assert.rejects(openDatabase({ type, url }), DatabaseUnavailable.is)
  })

  test(`${type}: a server that is not there is unavailable`, async () => {
    const url = new URL(serverUrl)
    url.port = '1'
    await assert.rejects(openDatabase({ type, url: url.href }), DatabaseUnavailable.is)
    await assert.rejects(createDatabase(url.href, grant()), ProvisioningFailed.is)
  })
}

test('names that would need quoting are refused before any server hears of them', async () => {
  const good = grant()
  for (const bad of ['', 'A', '1a', 'a-b', 'a"b', 'a`; drop database x', 'x'.repeat(49)]) {
    await assert.rejects(createDatabase('postgres://nowhere', { ...good, database: bad }), BadDatabaseName.is)
    await assert.rejects(dropDatabase('mysql://nowhere', { ...good, user: bad }), BadDatabaseName.is)
  }
  await assert.rejects(createDatabase('http://nowhere', good), ProvisioningFailed.is)
})

function grant() {
  const name = `orc_test_${randomBytes(6).toString('hex')}`
  return { database: name, user: name, password: randomBytes(12).toString('base64') }
}
