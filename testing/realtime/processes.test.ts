import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, suite, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { sql } from '#kernel/database/sql.ts'
import { openForWrite, save } from '#kernel/documents/save.ts'
import { publish } from '#kernel/realtime/publish.ts'
import type { TestServer } from '#testing/server.ts'
import { testDatabases, testRedisUrl } from '#testing/services.ts'
import { connect, radioFolder, radioSite, until } from './radio-site.ts'

const command = join(import.meta.dirname, '../../server/cli/main.ts')

/** A second server process on the same site, which it outlives by nothing. @returns where it listens */
async function secondProcess(server: TestServer): Promise<string> {
  const { runtime, site } = server
  const child = spawn(
    process.execPath,
    [command, 'start', '--port', '0', '--bind', '127.0.0.1', '--site', site.host, '--no-worker', '--no-scheduler', '--json'],
    {
      env: { ...process.env, ORC_SITES: runtime.sitesFolder, ORC_APPS: radioFolder },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  after(async () => {
    const gone = once(child, 'exit')
    if (child.exitCode === null && child.kill()) await gone
    await server.close()
  })
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  return (JSON.parse(line) as { url: string }).url
}

const redis = testRedisUrl()
const worlds = testDatabases().flatMap(({ name }) => [
  { database: name, config: {} },
  ...(redis ? [{ database: name, config: { redis_url: redis } }] : []),
])

for (const { database, config } of worlds)
  suite(`two processes on ${database}${'redis_url' in config ? ' with Redis between them' : ''}`, async () => {
    const server = await radioSite({ database, config, closedByCaller: true })
    const elsewhere = await secondProcess(server)
    const { url, site, asSystem } = server
    const ann = 'ann@example.com'
    const [annKey, benKey] = [await server.keyOf(ann), await server.keyOf('ben@example.com')]
    const ear = (at: string, authorization: string) => connect(at, site.host, { authorization, 'x-frappe-site-name': site.host })
    const rows = async () =>
      Number(
        (await site.database.query<{ n: number }>(site.database.dialect.compile(sql`select count(*) as n from ${sql.id('__Event')}`)))[0]
          ?.n,
      )

    test('nothing is put down while nobody listens', async () => {
      await server.make('Radio Call', { title: 'Unheard', organization: 'North' })
      assert.equal(await rows(), 0)
    })

    test('what one process commits is heard through the other, by those who may', async () => {
      const [here, there, inSouth] = [await ear(url, annKey), await ear(elsewhere, annKey), await ear(elsewhere, benKey)]
      for (const one of [here, there, inSouth]) assert.deepEqual(await one.say('doctype_subscribe', 'Radio Call'), { ok: true })
      const name = await server.make('Radio Call', { title: 'From here', organization: 'North' })
      for (const one of [here, there]) await until('the frame came', () => one.of('list_update').some((frame) => frame.name === name))
      const answer = await fetch(`${elsewhere}/api/resource/Radio%20Call`, {
        method: 'POST',
        headers: { authorization: annKey, 'content-type': 'application/json' },
        body: JSON.stringify({ title: 'From there', organization: 'North' }),
      })
      const made = ((await answer.json()) as { data: { name: string } }).data.name
      for (const one of [here, there]) await until('the frame came', () => one.of('list_update').some((frame) => frame.name === made))
      await asSystem((ctx) => publish(ctx, 'last', {}, { room: 'website' }))
      await until('the last came', () => inSouth.of('last').length === 1)
      assert.deepEqual(inSouth.of('list_update'), [])
      for (const one of [here, there]) assert.equal(one.of('list_update').length, 2, 'each once')
      for (let tries = 0; (await rows()) > 0 && tries < 40; tries++) await pause(50)
      assert.equal(await rows(), 0)
      for (const one of [here, there, inSouth]) one.socket.disconnect()
    })

    test('people see who has a document open through another process', async () => {
      const name = await server.make('Radio Call', { title: 'Open', organization: 'North' })
      const [here, there] = [await ear(url, annKey), await ear(elsewhere, server.authorization)]
      await here.say('doc_open', 'Radio Call', name)
      await there.say('doc_open', 'Radio Call', name)
      const users = (one: typeof here) => (one.of('doc_viewers').at(-1)?.users as string[] | undefined)?.join(' ')
      for (const one of [here, there]) await until('both are shown', () => users(one) === `Administrator ${ann}`)
      here.socket.disconnect()
      await until('one has left', () => users(there) === 'Administrator')
    })

    test('a right that one process withdraws counts in the other within two seconds', async () => {
      const there = await ear(elsewhere, annKey)
      await there.say('doctype_subscribe', 'Radio Call')
      await asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'User', ann), { enabled: 0 }))
      await until('the connection ended', () => !there.socket.connected, 2_000)
    })
  })
