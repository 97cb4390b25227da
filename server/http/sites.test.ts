import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { AppError } from '#client/rules/errors.ts'
import type { Apps } from '#kernel/apps/apps.ts'
import type { Runtime } from '#kernel/sites/runtime.ts'
import { SiteNotFound } from '#kernel/sites/errors.ts'
import type { OpenSite } from '#kernel/sites/open-site.ts'
import { createServer } from './server.ts'
import { siteFinder, type Sites } from './site-of-request.ts'

/** Sites that are nothing but their names. */
function fakeSites(names: string[]): Sites {
  return {
    hosts: () => names,
    has: (host) => names.includes(host),
    site: async (host) => {
      if (!names.includes(host)) throw new SiteNotFound({ host })
      return { host } as OpenSite
    },
  }
}

test('a site is found by its header, its host, or because there is no other', async () => {
  const two = siteFinder(fakeSites(['a.example.com', 'b.example.com']), {})
  assert.equal((await two({ host: 'a.example.com:8000' })).host, 'a.example.com')
  assert.equal((await two({ host: 'A.EXAMPLE.COM' })).host, 'a.example.com')
  assert.equal((await two({ host: 'a.example.com', 'x-frappe-site-name': 'b.example.com' })).host, 'b.example.com')
  assert.equal((await two({ host: 'a.example.com', 'x-frappe-site-name': 'unknown' })).host, 'a.example.com')
  await assert.rejects(
    two({ host: 'c.example.com' }),
    (error) => error instanceof AppError && error.code === 'http/host-unknown' && error.status === 404,
  )
  await assert.rejects(two({ host: '../a.example.com' }), /No site answers/)
  assert.equal((await siteFinder(fakeSites(['a.example.com']), {})({ host: '10.0.0.1' })).host, 'a.example.com')
  assert.equal(
    (await siteFinder(fakeSites(['a.example.com', 'b.example.com']), { defaultSite: 'b.example.com' })({ host: 'x' })).host,
    'b.example.com',
  )
  assert.equal(
    (await siteFinder(fakeSites(['a.example.com', 'b.example.com']), { site: 'b.example.com' })({ host: 'a.example.com' })).host,
    'b.example.com',
  )
})

test('a site that was dropped is no longer found, although its host was remembered', async () => {
  const names = ['a.example.com', 'b.example.com']
  const find = siteFinder(fakeSites(names), {})
  await find({ host: 'b.example.com' })
  names.pop()
  assert.equal((await find({ host: 'b.example.com' })).host, 'a.example.com')
})

/** A runtime whose one site takes its time. */
function slowRuntime(milliseconds: number): Runtime {
  const site = {
    host: 'slow.example.com',
    config: {},
    settings: new Map(),
    timeZone: 'UTC',
    log: { error: () => undefined },
    cache: { meta: new Map(), access: new Map(), config: new Map() },
    apps: { method: () => undefined } as unknown as Apps,
    run: async () => {
      await setTimeout(milliseconds)
      return { status: 200, headers: {}, body: { message: 'done' } }
    },
  }
  const apps = { all: [] } as unknown as Apps
  return { apps, hosts: () => [site.host], has: () => true, site: async () => site as unknown as OpenSite } as unknown as Runtime
}

test('closing lets what is under way finish', async () => {
  const app = createServer(slowRuntime(300))
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const answer = fetch(`${url}/api/method/anything`)
  await setTimeout(100)
  const closed = app.close()
  assert.equal((await answer).status, 200)
  await closed
  await assert.rejects(fetch(`${url}/api/method/anything`))
})
