import { defineError } from '#client/rules/errors.ts'
import { createServer, isReady, type ServerOptions } from '#server/http/server.ts'
import { RequestObserver } from '#server/observability/observe-requests.ts'
import { keepsFigures, type OpsSettings, startOps } from '#server/observability/operate.ts'
import { startHousekeeping } from './housekeeping.ts'
import type { Runtime } from '#kernel/sites/runtime.ts'
import { settleMemory } from './settle-memory.ts'
import { startBackground } from './worker.ts'

export const PortTaken = defineError<{ port: number }>({
  code: 'server/port-taken',
  status: 409,
  excType: 'ValidationError',
  message: (d) => `Port ${d.port} is taken by another program. Choose another one.`,
})

export interface ServeOptions {
  /** 0 takes a free one. */
  readonly port: number
  /** Address to listen on; default localhost, in both protocols. */
  readonly bind?: string
  /** Proxies whose word counts for who the client is and whether it came by https: addresses and ranges, or `true` for any. */
  readonly trustProxy?: string
  /** Answer for this site whatever host name was asked for. */
  readonly site?: string
  /** Answer for this site where the host name is that of none. */
  readonly defaultSite?: string
  /** Whether this process runs jobs too; default true. */
  readonly worker?: boolean
  /** Whether it runs schedules too; default true. */
  readonly scheduler?: boolean
  /** What operators want to see; default: nothing. `keepFigures` comes before the first site opens. */
  readonly ops?: OpsSettings
}

/** A server that listens. */
export interface Serving {
  readonly url: string
  /** Resolves when a signal came, requests under way are answered and all is closed. */
  readonly ended: Promise<void>
}

/** How long requests under way may take after the signal to end, in milliseconds. */
const patience = 10_000

/** Serves the runtime's sites until SIGINT or SIGTERM; the runtime itself stays open. @throws PortTaken */
export async function serve(runtime: Runtime, options: ServeOptions): Promise<Serving> {
  const { port, bind = 'localhost', site, defaultSite, trustProxy, worker = true, scheduler = true, ops } = options
  const observe = ops && observation(runtime, ops)
  const server = createServer(runtime, {
    ...(observe && { observe }),
    ...(site ? { site } : {}),
    ...(defaultSite ? { defaultSite } : {}),
    ...(trustProxy ? { trustProxy: trustProxy === 'true' || trustProxy.split(',') } : {}),
  })
  const url = await server.listen({ port, host: bind }).catch((cause: NodeJS.ErrnoException) => {
    throw cause.code === 'EADDRINUSE' ? new PortTaken({ port }, { cause }) : cause
  })
  let isEnding = false
  const choice = site ? { site } : {}
  const endOps = ops ? await startOps(runtime.log, ops, async () => !isEnding && (await isReady(runtime, choice))) : undefined
  const endHousekeeping = startHousekeeping(runtime)
  const endBackground = startBackground(runtime, { worker, scheduler, ...(site ? { site } : {}) })
  settleMemory()
  const ended = new Promise<void>((done) => {
    const end = (): void => {
      for (const signal of signals) process.removeListener(signal, end)
      // A client that never lets go must not keep the process; a second signal ends it at once.
      const timer = setTimeout(() => server.server.closeAllConnections(), patience + (ops?.drainMs ?? 0))
      const finish = (): void => {
        clearTimeout(timer)
        done()
      }
      isEnding = true
      drained(ops?.drainMs ?? 0)
        .then(() => Promise.all([server.close(), endBackground()]))
        .then(endHousekeeping)
        .finally(endOps)
        .then(finish, finish)
    }
    for (const signal of signals) process.on(signal, end)
  })
  return { url, ended }
}

const signals = ['SIGINT', 'SIGTERM'] as const

/** Whoever spreads the load over processes learns from `/health/ready` that this one is to get no more, before it takes no more. */
function drained(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms))
}

/** What the web server tells of its requests; undefined: nothing. */
function observation(runtime: Runtime, ops: OpsSettings): ServerOptions['observe'] {
  const figures = keepsFigures(ops)
  if (!figures && ops.accessLog === 'off') return undefined
  return {
    observer: new RequestObserver(),
    figures,
    logsUsers: ops.accessLog === 'users',
    ...(ops.accessLog !== 'off' && { accessLog: runtime.log.child({}, { level: 'info' }) }),
    ...(ops.token !== undefined && { metricsToken: ops.token }),
  }
}
