import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pino } from 'pino'
import { insert } from '#kernel/documents/save.ts'
import { createSite, dropSite } from '#kernel/sites/create-site.ts'
import { openRuntime } from '#kernel/sites/runtime.ts'
import { standardSignature } from '#kernel/webhooks/verify.ts'
import { load, rawRequest } from './load.ts'
import { startProcess } from './measured-process.ts'
import type { Engine, Finding } from './report.ts'
import { appFolders, temporarySites } from './world.ts'

export interface WebhooksWorld {
  readonly engine: Engine
  /** A server on which the database is made; absent for SQLite. */
  readonly url?: string
}

const secret = 'fake-webhook-secret'
const connections = 16

/** How long a webhook waits for its acknowledgement: verified, written down with its job, on the disk. One in four comes twice. */
export async function webhookSpeed({ engine, url }: WebhooksWorld, count: number): Promise<Finding[]> {
  const sitesFolder = await temporarySites()
  const runtime = await openRuntime({ sitesFolder, appFolders, log: pino({ level: 'silent' }) })
  const host = `bench-webhooks-${process.pid}.localhost`
  try {
    const { site } = await createSite(runtime, {
      host,
      adminPassword: 'fake-Administrator-pass-1',
      dbType: engine,
      installApps: ['bench'],
      ...(url && { dbUrl: url }),
    })
    const endpoint = await site.asSystem('bench', (ctx) => insert(ctx, 'Incoming Webhook', { title: 'Bench', provider: 'bench', secret }))
    const server = await startProcess('our-server.ts', { sitesFolder, appFolders, site: host })
    try {
      const path = `/api/webhook/bench/${endpoint.name}`
      const run = (prefix: string, requests: number) =>
        load(
          server.port,
          connections,
          (number) => webhook(path, `${prefix}-${number % 4 === 3 ? number - 1 : number}`),
          (sent) => sent >= requests,
        )
      await run('warm', Math.min(500, count))
      const { latencies, wall, requests } = await run('bench', count)
      const at = (part: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * part))] ?? 0
      return [
        { engine, what: 'webhook acknowledged: half', unit: 'ms', ours: at(0.5), compares: 'at most' },
        { engine, what: 'webhook acknowledged: slowest hundredth', unit: 'ms', ours: at(0.99), limit: 100, compares: 'at most' },
        {
          engine,
          what: `webhooks over ${connections} connections`,
          unit: 'per second',
          ours: (requests * 1000) / wall,
          compares: 'at least',
        },
      ]
    } finally {
      await server.stop()
    }
  } finally {
    await dropSite(runtime, host)
    await runtime.close()
    await rm(dirname(sitesFolder), { recursive: true, force: true })
  }
}

function webhook(path: string, id: string): string {
  const time = String(Math.floor(Date.now() / 1000))
  const body = JSON.stringify({ id, type: 'payment.succeeded', data: { amount: 12500, currency: 'usd', text: 'x'.repeat(800) } })
  const headers = { 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': standardSignature(secret, id, time, body) }
  return rawRequest('POST', path, headers, body)
}
