import { defineError } from '#client/rules/errors.ts'
import { createServer } from '#server/http/server.ts'
import { startHousekeeping } from './housekeeping.ts'
import type { Runtime } from '#kernel/sites/runtime.ts'
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
  const { port, bind = 'localhost', site, defaultSite, trustProxy, worker = true, scheduler = true } = options
  const server = createServer(runtime, {
    ...(site ? { site } : {}),
    ...(defaultSite ? { defaultSite } : {}),
    ...(trustProxy ? { trustProxy: trustProxy === 'true' || trustProxy.split(',') } : {}),
  })
  const url = await server.listen({ port, host: bind }).catch((cause: NodeJS.ErrnoException) => {
    throw cause.code === 'EADDRINUSE' ? new PortTaken({ port }, { cause }) : cause
  })
  const endHousekeeping = startHousekeeping(runtime)
  const endBackground = startBackground(runtime, { worker, scheduler, ...(site ? { site } : {}) })
  const ended = new Promise<void>((done) => {
    const end = (): void => {
      for (const signal of signals) process.removeListener(signal, end)
      // A client that never lets go must not keep the process; a second signal ends it at once.
      const timer = setTimeout(() => server.server.closeAllConnections(), patience)
      const finish = (): void => {
        clearTimeout(timer)
        done()
      }
      Promise.all([server.close(), endBackground()]).then(endHousekeeping).then(finish, finish)
    }
    for (const signal of signals) process.on(signal, end)
  })
  return { url, ended }
}

const signals = ['SIGINT', 'SIGTERM'] as const
