import { hash } from 'node:crypto'
import type { Context } from '#kernel/context/context.ts'
import { callService } from '#kernel/external/call-service.ts'
import { UrlInvalid } from '#kernel/external/errors.ts'
import { demandSuccess } from '#kernel/external/outcome.ts'
import { type FetchAnswer, safeFetch } from '#kernel/external/safe-fetch.ts'
import { defineService } from '#kernel/external/service.ts'
import type { Site } from '#kernel/sites/site.ts'

/** The search engine beside the database. */
export const openSearchService = defineService({
  name: 'opensearch',
  degraded: 'Searches are answered by the database where it keeps an index, too; changes are indexed later.',
  timeoutMs: 15_000,
  retry: { attempts: 2, firstMs: 100, mostMs: 1000 },
  breaker: { failures: 5, openMs: 15_000 },
})

/** Grows when documents are stored in another shape: each shape has an index of its own. */
const shape = 1

/** Whether the site's full text is in OpenSearch: `search` in its configuration. */
export function usesOpenSearch(site: Pick<Site, 'config'>): boolean {
  return site.config.search === 'opensearch'
}

/** Whether the database keeps a full-text index: alone, or to answer while OpenSearch cannot (`opensearch_fallback`). */
export function keepsDatabaseIndex(site: Pick<Site, 'config'>): boolean {
  return !usesOpenSearch(site) || site.config.opensearch_fallback === true
}

/** The name by which a site's index is reached. No two sites share one: the host's hash tells apart what is spelt alike. */
export function indexName({ host, config }: Pick<Site, 'host' | 'config'>): string {
  const prefix = typeof config.opensearch_index_prefix === 'string' ? config.opensearch_index_prefix : 'orc-'
  const readable = `${prefix}${host}`
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, '-')
    .replace(/^-+/, '')
  return `${readable.slice(0, 100)}-${hash('sha256', host, 'hex').slice(0, 16)}-v${shape}`
}

export interface OpenSearchRequest {
  readonly method: 'GET' | 'POST' | 'PUT'
  /** Below the address of the server, with its slash. */
  readonly path: string
  /** A value for JSON, or lines of JSON as they are. */
  readonly body?: unknown
  /** Statuses that are answers beside success. */
  readonly also?: readonly number[]
  readonly signal?: AbortSignal
}

/** Asks OpenSearch; `external_allow` must list its host where that is inside. @throws UrlInvalid, and what `callService` throws */
export async function askOpenSearch(
  from: Context | Site,
  operation: string,
  request: OpenSearchRequest,
): Promise<{ status: number; body: unknown }> {
  const site = 'site' in from ? from.site : from
  const { config } = site
  const address = config.opensearch_url
  if (typeof address !== 'string') throw new UrlInvalid({ field: 'opensearch_url', reason: 'the site has no opensearch_url.' })
  const isLines = typeof request.body === 'string'
  const headers: Record<string, string> = { accept: 'application/json' }
  if (request.body !== undefined) headers['content-type'] = isLines ? 'application/x-ndjson' : 'application/json'
  if (typeof config.opensearch_user === 'string')
    headers.authorization = `Basic ${Buffer.from(`${config.opensearch_user}:${String(config.opensearch_password ?? '')}`).toString('base64')}`
  const answer = await callService(
    from,
    openSearchService,
    operation,
    async (signal): Promise<FetchAnswer> => {
      const got = await safeFetch(site, `${address.replace(/\/+$/, '')}${request.path}`, {
        method: request.method,
        headers,
        timeoutMs: openSearchService.timeoutMs,
        maxBytes: 50 * 1024 * 1024,
        redirects: 0,
        signal,
        ...(request.body === undefined ? {} : { body: isLines ? (request.body as string) : JSON.stringify(request.body) }),
      })
      if (request.also?.includes(got.status)) return got
      return demandSuccess(got, { service: openSearchService.name, operation }, site.clock.now())
    },
    request.signal ? { signal: request.signal } : {},
  )
  const text = Buffer.from(answer.body).toString('utf8')
  return { status: answer.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) }
}
