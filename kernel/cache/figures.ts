import { counter, histogram } from '#kernel/metrics/metrics.ts'

const requests = counter({
  name: 'px_cache_requests_total',
  help: 'Questions to caches, by outcome.',
  labels: ['cache', 'result'],
})
const dropped = counter({ name: 'px_cache_evictions_total', help: 'Entries that made room for others.', labels: ['cache'] })
const fills = histogram(
  { name: 'px_cache_fill_seconds', help: 'How long it took to work out values that were not cached.', labels: ['cache'] },
  [0.001, 0.005, 0.02, 0.1, 0.5, 1, 5],
)

/** How a cache does on one site, since the process began. Plain numbers: a hit must cost next to nothing. */
export class CacheFigures {
  readonly cache: string
  hits = 0
  misses = 0
  /** Misses of the process that the shared store answered. */
  sharedHits = 0
  loads = 0
  loadMs = 0
  failures = 0
  evictions = 0
  #told = { hits: 0, misses: 0, evictions: 0 }

  constructor(cache: string) {
    this.cache = cache
  }

  /** Runs a load and counts it. */
  async time<T>(load: () => Promise<T>): Promise<T> {
    const from = performance.now()
    try {
      return await load()
    } catch (error) {
      this.failures++
      throw error
    } finally {
      const took = performance.now() - from
      this.loads++
      this.loadMs += took
      fills.observe({ cache: this.cache }, took / 1000)
      this.#tell()
    }
  }

  /** Hits are passed on with the next miss, many at a time. */
  #tell(): void {
    const { cache, hits, misses, evictions } = this
    requests.inc({ cache, result: 'hit' }, hits - this.#told.hits)
    requests.inc({ cache, result: 'miss' }, misses - this.#told.misses)
    dropped.inc({ cache }, evictions - this.#told.evictions)
    this.#told = { hits, misses, evictions }
  }
}
