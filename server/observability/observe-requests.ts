import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import type { Apps } from '#kernel/apps/apps.ts'
import { counter, gauge, histogram } from '#kernel/metrics/metrics.ts'
import { routeLabel } from './route-label.ts'

/** What the server finds out about a request while it answers it. */
export interface RequestNotes {
  site?: string
  user?: string
}

/** Told by the server as it learns; asked by the log and the figures when the answer is sent. */
export class RequestObserver {
  readonly #notes = new WeakMap<FastifyRequest, RequestNotes>()

  note(request: FastifyRequest, facts: RequestNotes): void {
    const known = this.#notes.get(request)
    if (known) Object.assign(known, facts)
    else this.#notes.set(request, { ...facts })
  }

  of(request: FastifyRequest): RequestNotes {
    return this.#notes.get(request) ?? {}
  }
}

export interface ObserveOptions {
  readonly apps: Apps
  readonly observer: RequestObserver
  /** Counts and times requests for `/metrics`. */
  readonly figures: boolean
  /** One line per request goes here. */
  readonly accessLog?: Logger
  /** Whether the line names the user. */
  readonly logsUsers?: boolean
}

/** Hears of each request's end. A server without it spends nothing on observation. */
export function observeRequests(app: FastifyInstance, options: ObserveOptions): void {
  const { observer, accessLog } = options
  const figures = options.figures ? requestFigures() : undefined
  app.addHook('onRequest', async () => {
    figures?.running.inc()
  })
  const ended = (request: FastifyRequest, reply: FastifyReply, code: string): void => {
    const path = (request.raw.url ?? '/').split('?', 1)[0] ?? '/'
    const seconds = reply.elapsedTime / 1000
    const { site, user } = observer.of(request)
    if (figures) {
      const route = routeLabel(path, options.apps)
      figures.requests.inc({ route, method: request.method, code })
      figures.durations.observe({ route, method: request.method }, seconds)
      if (site) figures.bySite.inc({ site, class: `${code[0]}xx` })
    }
    accessLog?.info(
      {
        request: request.id,
        ...traceOf(request.headers.traceparent),
        site,
        ...(options.logsUsers && user !== undefined && { user }),
        verb: request.method,
        path: path.slice(0, 500),
        status: Number(code),
        ms: Math.round(reply.elapsedTime * 10) / 10,
      },
      'request',
    )
  }
  app.addHook('onResponse', async (request, reply) => {
    figures?.running.dec()
    ended(request, reply, String(reply.statusCode))
  })
  // Who hangs up gets no answer, and yet was there: 499, as proxies write it.
  app.addHook('onRequestAbort', async (request) => {
    accessLog?.info({ request: request.id, verb: request.method, status: 499 }, 'the client hung up')
  })
}

/** The trace's id alone: what joins our lines with those of other systems. */
function traceOf(header: string | string[] | undefined): { trace?: string } {
  const trace = /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(String(header ?? ''))?.[1]
  return trace ? { trace } : {}
}

/** Registered when a server wants them: processes that keep no figures have none. */
function requestFigures() {
  known ??= {
    requests: counter({ name: 'px_http_requests_total', help: 'Requests answered', labels: ['route', 'method', 'code'] }),
    bySite: counter({ name: 'px_site_requests_total', help: 'Requests answered, by site and class of status', labels: ['site', 'class'] }),
    durations: histogram(
      { name: 'px_http_request_duration_seconds', help: 'Time to answer', labels: ['route', 'method'] },
      [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    ),
    running: gauge({ name: 'px_http_requests_in_flight', help: 'Requests under way' }),
  }
  return known
}

/** One set per process: several servers of a process count together. */
let known:
  | {
      requests: ReturnType<typeof counter<'route' | 'method' | 'code'>>
      bySite: ReturnType<typeof counter<'site' | 'class'>>
      durations: ReturnType<typeof histogram<'route' | 'method'>>
      running: ReturnType<typeof gauge>
    }
  | undefined
