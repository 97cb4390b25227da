import { setTimeout as pause } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import type { Site } from '#kernel/sites/site.ts'

/** How long a command waits for Redis before it counts as away, in milliseconds. */
const patienceMs = 1_000

type Listener = (message: string) => void

/** A process's connections to one Redis, shared by its sites: one for commands, one that listens. Both come back by themselves. */
export class Wire {
  readonly client: Redis
  readonly #ear: Redis
  readonly #listeners = new Map<string, Set<Listener>>()

  constructor(connect: () => Redis) {
    this.client = connect()
    this.#ear = connect()
    this.#ear.on('message', (channel: string, message: string) => {
      for (const listener of this.#listeners.get(channel) ?? []) listener(message)
    })
    // Channels are asked for whenever the connection is there: the first time, and again after each interruption.
    this.#ear.on('ready', () => {
      const channels = [...this.#listeners.keys()]
      if (channels.length > 0) this.#ear.subscribe(...channels).catch(() => undefined)
    })
  }

  /** Whether Redis answers, as far as is known. */
  get isUp(): boolean {
    return this.client.status === 'ready'
  }

  /** Asks, and waits for the connection if it is on its way. */
  async answers(): Promise<boolean> {
    for (const end = Date.now() + patienceMs; !this.isUp && Date.now() < end; ) await pause(20)
    return this.client.ping().then(
      () => true,
      () => false,
    )
  }

  /** @returns how many processes heard it @throws Error while Redis is away */
  publish(channel: string, message: string): Promise<number> {
    return this.client.publish(channel, message)
  }

  /** Hears a channel for as long as the connection stands. @returns how to stop */
  listen(channel: string, listener: Listener): () => void {
    const known = this.#listeners.get(channel)
    if (known) known.add(listener)
    else {
      this.#listeners.set(channel, new Set([listener]))
      if (this.#ear.status === 'ready') this.#ear.subscribe(channel).catch(() => undefined)
    }
    return () => {
      const there = this.#listeners.get(channel)
      if (!there?.delete(listener) || there.size > 0) return
      this.#listeners.delete(channel)
      if (this.#ear.status === 'ready') this.#ear.unsubscribe(channel).catch(() => undefined)
    }
  }

  close(): void {
    this.client.disconnect()
    this.#ear.disconnect()
  }
}

interface Shared {
  readonly opening: Promise<Wire>
  wire: Wire | undefined
  readonly users: Set<Site>
}

const byUrl = new Map<string, Shared>()
const bySite = new WeakMap<Site, Shared>()

/** The Redis that the site's processes share, by `redis_url` in its configuration; undefined: it has none. */
export function redisUrl(site: Site): string | undefined {
  const url = site.config.redis_url
  return typeof url === 'string' && url !== '' ? url : undefined
}

/** The site's wire, opened when first asked for; undefined where none is configured. Whether Redis answers is told by `isUp`. */
export function wireOf(site: Site): Promise<Wire> | undefined {
  return share(site)?.opening
}

/** The site's wire if Redis answers now; asked for in passing, it begins to open it. */
export function readyWire(site: Site): Wire | undefined {
  const wire = share(site)?.wire
  return wire?.isUp ? wire : undefined
}

/** Lets go of the site's wire; part of closing a site. */
export async function closeWire(site: Site): Promise<void> {
  const shared = bySite.get(site)
  bySite.delete(site)
  if (!shared?.users.delete(site) || shared.users.size > 0) return
  for (const [url, one] of byUrl) if (one === shared) byUrl.delete(url)
  const wire = await shared.opening.catch(() => undefined)
  wire?.close()
}

function share(site: Site): Shared | undefined {
  const known = bySite.get(site)
  if (known) return known
  const url = redisUrl(site)
  if (url === undefined) return undefined
  const shared = byUrl.get(url) ?? open(url)
  shared.users.add(site)
  bySite.set(site, shared)
  return shared
}

function open(url: string): Shared {
  // Loaded on demand: most sites never need the client.
  const opening = import('ioredis').then(
    ({ Redis: Client }) =>
      new Wire(() => {
        const client = new Client(url, {
          // What cannot be asked now is answered by other means, not kept for later.
          enableOfflineQueue: false,
          maxRetriesPerRequest: 0,
          autoResubscribe: false,
          commandTimeout: patienceMs,
          connectTimeout: patienceMs,
          retryStrategy: (times) => Math.min(times * 100, 1_000),
        })
        // An event without a listener would end the process.
        client.on('error', () => undefined)
        return client
      }),
  )
  const shared: Shared = { opening, wire: undefined, users: new Set() }
  opening.then(
    (wire) => {
      shared.wire = wire
    },
    () => byUrl.delete(url),
  )
  byUrl.set(url, shared)
  return shared
}
