import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { sql } from '#kernel/database/sql.ts'
import type { Site } from '#kernel/sites/site.ts'
import { Fleet, type Role } from '#testing/faults/fleet.ts'
import { openHouse } from '#testing/faults/house.ts'
import { type TestDatabase, testDatabases, testRedisUrl } from '#testing/services.ts'
import { expectedTranscript, liveThrough } from './scenario.ts'

const one: readonly Role[] = ['all']
const four: readonly Role[] = ['web', 'web', 'worker', 'scheduler']
const redis = testRedisUrl()

interface World {
  readonly database: TestDatabase
  readonly roles: readonly Role[]
  readonly hasRedis: boolean
}

/** All combinations under CI; on somebody's desk the plainest and the one with most parts, in a third of the time. */
const worlds = testDatabases()
  .flatMap((database): World[] => [
    { database, roles: one, hasRedis: false },
    { database, roles: four, hasRedis: false },
    { database, roles: four, hasRedis: true },
  ])
  .filter(
    ({ database: { name }, roles, hasRedis }) =>
      process.env.CI === 'true' || (name === 'sqlite' && !hasRedis) || (name === 'postgres' && roles === four && hasRedis),
  )

for (const { database, roles, hasRedis } of worlds)
  test(
    `${roles === one ? 'one process' : 'four processes'} on ${database.name}${hasRedis ? ' with Redis' : ''}: the day is the same`,
    { skip: hasRedis && !redis ? 'no Redis is configured' : false },
    (t) => liveOn(t, database, roles, hasRedis ? { redis_url: redis, queue: 'redis' } : {}),
  )

/** Starts the processes, lives through the day, and compares what was seen with what is to be seen. */
async function liveOn(t: TestContext, database: TestDatabase, roles: readonly Role[], config: Record<string, unknown>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'orc-processes-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const host = `day-${randomBytes(4).toString('hex')}.localhost`
  const house = await openHouse({
    folder,
    host,
    database,
    things: ['thing a'],
    config: { ...config, ...(database.name === 'sqlite' && { durable: false }) },
  })
  t.after(() => house.drop())
  await fallAsleep(house.site)
  const logFile = join(folder, 'processes.log')
  const fleet = await Fleet.start({ ...house, logFile, roles })
  t.after(() => fleet.end())
  const [here, there = here] = fleet.members.map(({ url }) => url).slice(0, roles === one ? 1 : 2) as [string, string?]
  const seen = await liveThrough(house, here, there as string)
  await fleet.end()
  assert.deepEqual(seen, expectedTranscript, await readFile(logFile, 'utf8'))
}

/** Has the minute's schedules look as if nobody had been there for an hour. */
async function fallAsleep(site: Site): Promise<void> {
  const { compile } = site.database.dialect
  await site.database.transaction(async (tx) => {
    for (let n = 0; n < 12; n++)
      await tx.execute(
        compile(sql`insert into ${sql.id('__Schedule')} (name, last_tick, stopped)
          values (${`ledger.tick beat ${n} * * * * *`}, ${Date.now() - 3_600_000}, 0)`),
      )
  })
}
