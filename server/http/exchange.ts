import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import type { Context } from '#kernel/context/context.ts'
import type { Wire } from '#kernel/fields/field-type.ts'
import type { Verb } from '#kernel/methods/method.ts'
import type { Site } from '#kernel/sites/site.ts'

/** What a handler knows about a request, once the site is found and the body read. */
export interface Call {
  /** HEAD counts as GET. */
  readonly verb: Verb
  /** Only the head of the answer is wanted. */
  readonly isHead?: boolean
  readonly version: 1 | 2
  /** Address without query, as sent. */
  readonly path: string
  /** Body and query put together as Frappe does: a JSON body makes the query count for nothing. */
  readonly params: Record<string, unknown>
  /** The query alone. */
  readonly query: Record<string, unknown>
  /** The query as it came, without `?`: signatures cover its bytes. */
  readonly search?: string
  readonly headers: IncomingHttpHeaders
}

/** What a handler gives back. `data` becomes `data` or `message` in the envelope; null and undefined leave v1's key out. */
export interface Answer {
  readonly status?: number
  readonly data?: unknown
  /** v1 calls the results of methods `message`. */
  readonly key?: 'data' | 'message'
  /** Further keys of the envelope. */
  readonly extra?: Record<string, unknown>
  readonly headers?: Record<string, string>
  /** Sent as it is instead of an envelope. */
  readonly raw?: { readonly type: string; readonly body: string | Buffer | Readable }
}

/** What is sent back: an envelope that is still an object, or something raw. */
export interface Outcome {
  status: number
  headers: Record<string, string>
  cookies?: string[]
  body?: Record<string, unknown>
  /** The envelope as text, where it was stored or came from the store. */
  text?: string
  raw?: Answer['raw']
}

export type Handler = (ctx: Context, call: Call) => Promise<Answer>

/** Where an address leads, and in which version's words its answer is. */
export interface Route {
  readonly handler: Handler
  readonly version: 1 | 2
  /** The method it calls, where it calls one. */
  readonly method?: string
  /** A GET of it may commit: signing in ends with one. */
  readonly commitsOnGet?: boolean
}

/** Finds the route of an address without query; undefined: nothing is there. */
export type FindRoute = (path: string) => Route | undefined

/** How values travel to and from this caller. */
export function wireOf(site: Site, version: 1 | 2): Wire {
  const key = `http:wire:${version}`
  const known = site.cache.config.get(key) as Wire | undefined
  if (known?.zone === site.timeZone) return known
  const wire: Wire = { version, zone: site.timeZone }
  site.cache.config.set(key, wire)
  return wire
}
