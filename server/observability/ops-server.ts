import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { registry } from '#kernel/metrics/metrics.ts'

/** What an operator's listener answers with. */
export interface OpsFacts {
  /** Whether the process can do its work now. */
  readonly isReady: () => Promise<boolean>
  /** The word that opens `/metrics`; undefined: whoever reaches the address may read. */
  readonly token?: string
}

export interface OpsServing {
  readonly port: number
  close(): Promise<void>
}

/**
 * The address for machines that watch: `/metrics`, `/health/live`, `/health/ready`, apart from the address that visitors use.
 * @throws whatever the system says when the port is taken
 */
export async function serveOps(facts: OpsFacts, port: number, host: string): Promise<OpsServing> {
  const server = createServer((request, response) => {
    void answer(request.url ?? '/', request.headers.authorization, facts)
      .catch(() => ({ status: 500, type: 'text/plain; charset=utf-8', body: 'failed\n' }))
      .then(({ status, type, body }) => response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body))
  })
  await listen(server, port, host)
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}

interface OpsAnswer {
  readonly status: number
  readonly type: string
  readonly body: string
}

async function answer(url: string, authorization: string | undefined, facts: OpsFacts): Promise<OpsAnswer> {
  const path = url.split('?', 1)[0]
  if (path === '/health/live') return json(200, { status: 'ok' })
  if (path === '/health/ready') {
    const ready = await facts.isReady()
    return json(ready ? 200 : 503, { status: ready ? 'ready' : 'not ready' })
  }
  if (path !== '/metrics') return json(404, { status: 'not found' })
  if (facts.token !== undefined && !bears(authorization, facts.token)) return json(401, { status: 'unauthorised' })
  return metricsText()
}

/** Everything this process counts, in the text form that Prometheus reads. */
export async function metricsText(): Promise<OpsAnswer> {
  return { status: 200, type: registry.contentType, body: await registry.metrics() }
}

/** Whether a header carries this token. Takes the same time for any wrong one. */
export function bears(authorization: string | undefined, token: string): boolean {
  const given = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1] ?? ''
  return timingSafeEqual(digest(given), digest(token))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function json(status: number, body: Record<string, string>): OpsAnswer {
  return { status, type: 'application/json; charset=utf-8', body: JSON.stringify(body) }
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((done, fail) => {
    server.once('error', fail)
    server.listen(port, host, () => done())
  })
}
