import { randomBytes } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { PgBoss } from 'pg-boss'
import { createDatabase, dropDatabase } from '#kernel/database/provision.ts'

/** Jobs fetched and ended together; more made it no faster. */
const batchSize = 200

/**
 * Jobs that do nothing, per second, of pg-boss on the same server: in batches, fetched by four at once without a pause between full ones.
 * @param url of the server, on which it gets a database of its own
 */
export async function bossRate(url: string, count: number): Promise<number> {
  const id = `orc_boss_${randomBytes(4).toString('hex')}`
  const names = { database: id, user: id, password: randomBytes(12).toString('hex') }
  const connectionString = await createDatabase(url, names)
  const boss = new PgBoss({ connectionString, supervise: false, schedule: false })
  boss.on('error', (error) => console.error(error))
  try {
    await boss.start()
    await boss.createQueue('nothing')
    for (let made = 0; made < count; made += 1000)
      await boss.insert(
        'nothing',
        Array.from({ length: Math.min(1000, count - made) }, () => ({ data: {} })),
      )
    const counted = new EventEmitter()
    let done = 0
    const started = performance.now()
    const options = { batchSize, perJobResults: true, localConcurrency: 4, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 } as const
    await boss.work('nothing', options, async (jobs) => {
      done += jobs.length
      if (done >= count) counted.emit('all')
      return jobs.map(({ id }) => ({ id, status: 'completed' as const }))
    })
    await once(counted, 'all')
    await allEnded(connectionString, count)
    return (count / (performance.now() - started)) * 1000
  } finally {
    await boss.stop({ graceful: true, timeout: 5000 })
    await dropDatabase(url, names)
  }
}

/** Handlers have returned; what counts is that the ends are written down. */
async function allEnded(connectionString: string, count: number): Promise<void> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  for (;;) {
    const { rows } = await client.query("select count(*) as n from pgboss.job where state = 'completed'")
    if (Number(rows[0].n) >= count) break
    await pause(2)
  }
  await client.end()
}
