import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { insert } from '#kernel/documents/save.ts'
import { callService, callServiceOr } from '#kernel/external/call-service.ts'
import { closeCircuit, readCircuits } from '#kernel/external/circuit.ts'
import {
  CalledWhileWriting,
  ServiceInputRefused,
  ServiceNotAuthorised,
  ServiceRateLimited,
  ServiceTargetMissing,
  ServiceTimedOut,
  ServiceTransient,
  ServiceUnavailable,
} from '#kernel/external/errors.ts'
import { demandSuccess } from '#kernel/external/outcome.ts'
import { safeFetch } from '#kernel/external/safe-fetch.ts'
import { defineService, type Service, type ServiceDeclaration } from '#kernel/external/service.ts'
import { type TestSite, testSite } from '#testing/site.ts'

const prober = join(import.meta.dirname, '../kill/call-service.ts')
const apps = join(import.meta.dirname, '../../apps')

/** The exam of calls to services outside, against a server of strangers: what is repeated, what is not, and who calls while it is down. */
export function externalContract(database: 'sqlite' | 'postgres' | 'mariadb'): void {
  suite(`external services: ${database}`, () => {
    let world: TestSite
    let port = 0
    let served = 0
    let answer: RequestListener = (_request, response) => response.end('ok')
    let skew = 0
    let count = 0
    const stranger = createServer((request, response) => {
      served++
      answer(request, response)
    })
    before(async () => {
      world = await testSite({ database, closedByCaller: true, clock: { now: () => Date.now() + skew } })
      await new Promise<void>((done) => stranger.listen(0, '127.0.0.1', done))
      port = (stranger.address() as AddressInfo).port
    })
    after(async () => {
      stranger.closeAllConnections()
      stranger.close()
      await world?.close()
    })

    const status = (code: number, headers: Record<string, string> = {}): void => {
      served = 0
      answer = (_request, response) => void response.writeHead(code, headers).end('the secret of the other side')
    }
    const service = (given: Partial<ServiceDeclaration> = {}): Service =>
      defineService({
        name: `stranger-${++count}`,
        degraded: 'The last known answer is shown.',
        timeoutMs: 5000,
        ...given,
        retry: { attempts: 3, firstMs: 1, mostMs: 20, ...given.retry },
      })
    const get = (one: Service, options = {}) =>
      callService(
        world.site,
        one,
        'get',
        async (signal) => {
          const site = { config: { ...world.site.config, external_allow: ['127.0.0.1'] } }
          const got = await safeFetch(site, `http://127.0.0.1:${port}/`, { signal })
          return demandSuccess(got, { service: one.name, operation: 'get' }, world.site.clock.now()).status
        },
        options,
      )
    const circuitOf = async (one: Service) => (await readCircuits(world.site)).find((circuit) => circuit.service === one.name)

    test('an answer is given back, and nothing is written', async () => {
      status(200)
      const one = service()
      assert.equal(await get(one), 200)
      assert.deepEqual([served, await circuitOf(one)], [1, undefined])
    })

    test('what may pass is repeated, and the last error is thrown without the words of the other side', async () => {
      status(503)
      await assert.rejects(
        get(service()),
        (error) => ServiceTransient.is(error) && !error.message.includes('secret') && error.data.http === 503,
      )
      assert.equal(served, 3)
      let calls = 0
      answer = (_request, response) => void response.writeHead(++calls < 3 ? 502 : 200).end()
      const one = service()
      assert.equal(await get(one), 200)
      assert.equal((await circuitOf(one))?.failures, 0)
    })

    test('what will not pass is not repeated and says nothing against the service', async () => {
      for (const [code, kind] of [
        [400, ServiceInputRefused],
        [401, ServiceNotAuthorised],
        [403, ServiceNotAuthorised],
        [404, ServiceTargetMissing],
        [409, ServiceInputRefused],
        [422, ServiceInputRefused],
      ] as const) {
        status(code)
        const one = service()
        await assert.rejects(get(one), kind.is, String(code))
        assert.deepEqual([served, await circuitOf(one)], [1, undefined], String(code))
      }
    })

    test('a call that must not be done twice is not repeated', async () => {
      status(503)
      await assert.rejects(get(service(), { once: true }), ServiceTransient.is)
      assert.equal(served, 1)
    })

    test('a service that asks for patience gets it up to a limit, and is left alone beyond', async () => {
      let calls = 0
      answer = (_request, response) => void (++calls < 2 ? response.writeHead(429, { 'retry-after': '0' }) : response.writeHead(200)).end()
      assert.equal(await get(service()), 200)
      status(429, { 'retry-after': '9999' })
      const started = performance.now()
      await assert.rejects(get(service()), (error) => ServiceRateLimited.is(error) && error.data.retryAfterMs === 9_999_000)
      assert.equal(served, 1)
      assert.ok(performance.now() - started < 3000)
    })

    test('no answer in time and no connection count as passing failures', async () => {
      answer = () => undefined
      const slow = service({ timeoutMs: 60, retry: { attempts: 2 } })
      await assert.rejects(get(slow), ServiceTimedOut.is)
      assert.equal((await circuitOf(slow))?.failures, 2)
      answer = (request) => void request.socket.destroy()
      await assert.rejects(get(service({ retry: { attempts: 1 } })), ServiceTransient.is)
      const deaf = service({ timeoutMs: 60, retry: { attempts: 1 } })
      await assert.rejects(
        callService(world.site, deaf, 'hang', () => new Promise(() => undefined)),
        ServiceTimedOut.is,
      )
    })

    test('after failures in a row nobody calls, and a success in between starts the count anew', async () => {
      const one = service({ retry: { attempts: 1 }, breaker: { failures: 3 } })
      for (const code of [500, 500, 200, 500, 500]) {
        status(code)
        await get(one).catch(() => undefined)
      }
      assert.equal((await circuitOf(one))?.state, 'closed')
      status(500)
      await assert.rejects(get(one), ServiceTransient.is)
      status(200)
      await assert.rejects(get(one), (error) => ServiceUnavailable.is(error) && error.message.includes('last known answer'))
      assert.equal(served, 0)
    })

    test('failures that lie far apart are not in a row', async () => {
      const one = service({ retry: { attempts: 1 }, breaker: { failures: 2, windowMs: 1000 } })
      status(500)
      await get(one).catch(() => undefined)
      skew += 5000
      await get(one).catch(() => undefined)
      assert.equal((await circuitOf(one))?.state, 'closed')
    })

    test('repeating stops when the circuit opens meanwhile', async () => {
      const one = service({ retry: { attempts: 10 }, breaker: { failures: 2 } })
      status(500)
      await assert.rejects(get(one), ServiceTransient.is)
      assert.equal(served, 2)
    })

    test('one probe at a time finds out whether the service is back; each failure doubles the wait', async () => {
      const one = service({ retry: { attempts: 1 }, breaker: { failures: 1, openMs: 10_000 } })
      status(500)
      await get(one).catch(() => undefined)
      skew += 10_001
      await Promise.allSettled(Array.from({ length: 10 }, () => get(one)))
      assert.equal(served, 2, 'the first failure and one probe')
      skew += 10_001
      await assert.rejects(get(one), ServiceUnavailable.is)
      skew += 10_001
      status(200)
      assert.equal(await get(one), 200)
      assert.equal((await circuitOf(one))?.state, 'closed')
      assert.equal((await Promise.all(Array.from({ length: 5 }, () => get(one)))).length, 5)
    })

    test('a probe whose process died is followed by another; what it says after that counts for nothing', async () => {
      const one = service({ timeoutMs: 1000, retry: { attempts: 1 }, breaker: { failures: 1, openMs: 10_000 } })
      status(500)
      await get(one).catch(() => undefined)
      skew += 10_001
      const late = Promise.withResolvers<void>()
      const dying = callService(world.site, one, 'hang', () => late.promise, { once: true })
      for (let n = 0; (await circuitOf(one))?.probe_until === 0 && n < 200; n++) await pause(5)
      skew += 6001
      status(500)
      await assert.rejects(get(one), ServiceTransient.is)
      assert.equal(served, 1)
      late.resolve()
      await dying
      assert.equal((await circuitOf(one))?.state, 'open')
      assert.equal(await closeCircuit(world.site, one.name), true)
      status(200)
      assert.equal(await get(one), 200)
    })

    test('of many callers in several processes exactly one is the probe', { timeout: 60_000 }, async () => {
      const one = service({ name: `shared-${database}`, retry: { attempts: 1 }, breaker: { failures: 1, openMs: 50 } })
      // The others know no clock but the real one.
      skew = 0
      status(500)
      await get(one).catch(() => undefined)
      let release = (): void => undefined
      const held = new Promise<void>((done) => {
        release = done
      })
      served = 0
      answer = (_request, response) => void held.then(() => response.end('ok'))
      const processes = Array.from({ length: 3 }, () =>
        spawn(process.execPath, [prober, world.runtime.sitesFolder, world.site.host, one.name, String(port), apps], {
          stdio: ['pipe', 'pipe', 'inherit'],
        }),
      )
      await Promise.all(processes.map((child) => once(child.stdout, 'data')))
      const ends = processes.map(async (child) => {
        let text = ''
        child.stdout.on('data', (chunk) => {
          text += chunk
        })
        await once(child, 'close')
        return text.trim().split(',')
      })
      for (const child of processes) child.stdin.end('go\n')
      for (let n = 0; served === 0 && n < 1000; n++) await pause(10)
      // Time for the others to call, too, if they did.
      await pause(500)
      const duringProbe = served
      release()
      const outcomes = (await Promise.all(ends)).flat()
      assert.equal(duringProbe, 1)
      assert.deepEqual([outcomes.filter((text) => text === 'ok').length, outcomes.filter((text) => text === 'refused').length], [1, 14])
      assert.equal((await circuitOf(one))?.state, 'closed')
    })

    test('a call inside a write transaction is refused before anything goes out', async () => {
      status(200)
      const one = service()
      const calling = world.asSystem(async (ctx) => {
        await insert(ctx, 'ToDo', { description: 'written before' })
        return callService(ctx, one, 'get', async () => 1)
      })
      await assert.rejects(calling, CalledWhileWriting.is)
      assert.equal(await world.asSystem((ctx) => callService(ctx, one, 'get', async () => 1)), 1)
    })

    test('an outage leads to what was declared instead; a wrong credential does not', async () => {
      const one = service({ retry: { attempts: 1 } })
      const failing = (error: Error) =>
        callServiceOr(
          world.site,
          one,
          'get',
          async () => Promise.reject(error),
          () => 'last known',
        )
      const facts = { service: one.name, operation: 'get' }
      const degraded = await failing(new ServiceTransient({ ...facts, reason: 'test' }))
      assert.deepEqual([degraded.value, ServiceTransient.is(degraded.because)], ['last known', true])
      await assert.rejects(failing(new ServiceNotAuthorised(facts)), ServiceNotAuthorised.is)
      await assert.rejects(failing(new TypeError('a fault of ours')), TypeError)
    })

    test('all attempts of a call carry the same key', async () => {
      const keys: string[] = []
      await callService(world.site, service(), 'charge', async (_signal, { key, number }) => {
        keys.push(key)
        if (number < 3) throw Object.assign(new Error('reset'), { code: 'ECONNRESET' })
      })
      assert.deepEqual([keys.length, new Set(keys).size], [3, 1])
    })
  })
}
