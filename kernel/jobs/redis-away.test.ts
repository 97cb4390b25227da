import assert from 'node:assert/strict'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { after, suite, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { sql } from '#kernel/database/sql.ts'
import { wireOf } from '#kernel/redis/wire.ts'
import { testApps } from '#testing/documents-world.ts'
import { testRedisUrl } from '#testing/services.ts'
import { type TestSite, testSite } from '#testing/site.ts'
import { enqueue } from './enqueue.ts'
import { Tickets } from './tickets.ts'
import { Worker } from './worker.ts'

const url = testRedisUrl()

/** A way to Redis that can be cut. */
class Cable {
  readonly #target: URL
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  port = 0

  constructor(target: string) {
    this.#target = new URL(target)
  }

  async mend(): Promise<void> {
    this.#server = createServer((near) => {
      const far = connect(Number(this.#target.port), this.#target.hostname)
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(one)
        one.on('error', () => undefined).on('close', () => other.destroy())
        one.pipe(other)
      }
    })
    await new Promise<void>((done) => this.#server?.listen(this.port, '127.0.0.1', done))
    this.port = (this.#server.address() as AddressInfo).port
  }

  cut(): void {
    this.#server?.close()
    for (const socket of this.#sockets) socket.destroy()
    this.#sockets.clear()
  }

  get url(): string {
    const through = new URL(this.#target)
    through.hostname = '127.0.0.1'
    through.port = String(this.port)
    return through.href
  }
}

suite('jobs handed out by a Redis that fails', { skip: url ? false : 'no Redis is configured' }, () => {
  const site = (redis: string) => testSite({ apps: ['busy'], appFolders: [testApps], config: { queue: 'redis', redis_url: redis } })
  const enqueueNotes = (world: TestSite, text: string, count: number) =>
    world.asSystem(async (ctx) => {
      for (let n = 0; n < count; n++) await enqueue(ctx, 'busy.note', { text: `${text} ${n}` })
    })
  const count = async ({ site: { database } }: TestSite, fragment: ReturnType<typeof sql>) =>
    Number((await database.query<{ n: number }>(database.dialect.compile(fragment)))[0]?.n)
  const finished = (world: TestSite) => count(world, sql`select count(*) as n from ${sql.id('__Job')} where state = ${'finished'}`)
  const until = async (what: () => Promise<boolean>) => {
    for (const end = Date.now() + 20_000; Date.now() < end; await pause(5)) if (await what()) return
    assert.fail('it did not come to pass in time')
  }
  /** Each of them left one note, and none left two. */
  const eachOnce = async (world: TestSite, text: string, expected: number) => {
    const like = `${text} %`
    assert.equal(
      await count(world, sql`select count(distinct description) as n from ${sql.id('tabToDo')} where description like ${like}`),
      expected,
    )
    assert.equal(await count(world, sql`select count(*) as n from ${sql.id('tabToDo')} where description like ${like}`), expected)
  }

  test('jobs go on while Redis is away and after it is back, each once', async () => {
    const cable = new Cable(url as string)
    await cable.mend()
    const world = await site(cable.url)
    after(() => cable.cut())
    const worker = new Worker({ sites: async () => [world.site], pollMs: 50, slots: 2 }).start()
    await enqueueNotes(world, 'first', 100)
    await until(async () => (await finished(world)) > 10)
    cable.cut()
    await enqueueNotes(world, 'away', 50)
    await until(async () => (await finished(world)) === 150)
    await cable.mend()
    const wire = await wireOf(world.site)
    await until(async () => wire?.isUp === true)
    await enqueueNotes(world, 'back', 50)
    await until(async () => (await finished(world)) === 200)
    await worker.stop()
    await eachOnce(world, 'first', 100)
    await eachOnce(world, 'away', 50)
    await eachOnce(world, 'back', 50)
  })

  test('a Redis that forgets everything loses no job', async () => {
    const world = await site(url as string)
    const wire = await wireOf(world.site)
    await until(async () => wire?.isUp === true)
    const worker = new Worker({ sites: async () => [world.site], pollMs: 50, slots: 2 }).start()
    await enqueueNotes(world, 'kept', 300)
    for (let forgotten = 0; (await finished(world)) < 300; await pause(5)) {
      const keys = (await wire?.client.keys(`orc:${world.site.host}:*`)) ?? []
      if (keys.length > 0 && forgotten < 10) forgotten += (await wire?.client.del(...keys)) ? 1 : 0
    }
    await worker.stop()
    await eachOnce(world, 'kept', 300)
  })

  test('a ticket that is handed out again, or that nobody put out, runs nothing twice', async () => {
    const world = await site(url as string)
    const wire = await wireOf(world.site)
    assert.ok(wire)
    await until(async () => wire.isUp)
    const { id } = await world.asSystem((ctx) => enqueue(ctx, 'busy.note', { text: 'ticket 1' }))
    const tickets = new Tickets(wire, world.site.host)
    for (const fence of [0, 1, 7, 8]) await tickets.add([{ id, queue: 'default', fence, precedence: 0 }])
    await tickets.add([{ id: 'nobody', queue: 'default', fence: 0, precedence: 0 }])
    const drain = () => new Worker({ sites: async () => [world.site] }).drain()
    await Promise.all([drain(), drain()])
    await tickets.close()
    await eachOnce(world, 'ticket', 1)
  })
})
