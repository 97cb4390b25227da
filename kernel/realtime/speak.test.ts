import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { wireOf } from '#kernel/redis/wire.ts'
import { testRedisUrl } from '#testing/services.ts'
import { testSite } from '#testing/site.ts'
import { Neighbours } from './neighbours.ts'
import { publish } from './publish.ts'
import { relay, takeRelayed } from './relay.ts'
import { speak } from './speak.ts'

const redis = testRedisUrl()

test('where Redis does not answer, events go through the database', async () => {
  const { site, asSystem } = await testSite({ config: { redis_url: 'redis://127.0.0.1:1/0' } })
  const ear = new Neighbours(site, 'ear', () => undefined)
  await ear.renew()
  await asSystem((ctx) => publish(ctx, 'said', {}, { room: 'website' }))
  assert.equal((await takeRelayed(site, 'ear')).length, 1)
  await ear.leave()
})

suite('live events through Redis', { skip: redis ? false : 'no Redis is configured' }, async () => {
  const { site, asSystem } = await testSite({ config: { redis_url: redis } })
  const wire = await wireOf(site)
  await wire?.answers()
  const event = (n: number) => ({ frames: [{ room: 'website', event: 'said', message: { n } }], audience: { inRoom: true } as const })

  test('a process that listens hears at once, without a row', async () => {
    let words = 0
    const ear = new Neighbours(site, 'ear', () => void words++)
    await ear.renew()
    await pause(100)
    await asSystem((ctx) => speak(ctx, ['ear'], event(1)))
    for (let tries = 0; words === 0 && tries < 200; tries++) await pause(5)
    assert.equal((await takeRelayed(site, 'ear')).length, 0)
    assert.deepEqual(await ear.take(), [event(1)])
    await ear.leave()
  })

  test('what is undone is told to nobody, and what fewer heard than should goes through the database too', async () => {
    const ear = new Neighbours(site, 'ear', () => undefined)
    await ear.renew()
    await pause(100)
    await assert.rejects(
      asSystem(async (ctx) => {
        await speak(ctx, ['ear', 'deaf'], event(0))
        throw new Error('undone')
      }),
    )
    await asSystem((ctx) => speak(ctx, ['ear', 'deaf'], event(1)))
    assert.equal((await takeRelayed(site, 'deaf')).length, 1)
    await pause(50)
    assert.deepEqual(await ear.take(), [event(1)], 'once, though it came both ways')
    await ear.leave()
  })

  test('an event is delivered once by its id', async () => {
    const ear = new Neighbours(site, 'ear', () => undefined)
    await ear.renew()
    await asSystem((ctx) => relay(ctx, ['ear'], event(1), 'same'))
    assert.equal((await ear.take()).length, 1)
    await asSystem((ctx) => relay(ctx, ['ear'], event(1), 'same'))
    assert.equal((await ear.take()).length, 0)
    await ear.leave()
  })
})
