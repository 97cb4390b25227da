import { LRUCache } from 'lru-cache'
import { setTimeout as pause } from 'node:timers/promises'
import type { Context } from '#kernel/context/context.ts'
import { accessOf } from '#kernel/permissions/access.ts'
import { bypasses } from '#kernel/permissions/grants.ts'
import { bumpArea } from '#kernel/sites/epoch.ts'
import type { EpochKind, Site } from '#kernel/sites/site.ts'
import { type CacheKey, keyText, principalText, sharedKey, slotOf } from './cache-key.ts'
import { CacheDenied } from './errors.ts'
import { CacheFigures } from './figures.ts'
import { sharedStoreOf } from './stores.ts'

/** Whose a value is. What is shared more widely is worked out with less: see `load`. */
export type CacheScope =
  /** Everybody's on the site. */
  | 'site'
  /** A tenant's: of a document of this DocType, to those whom User Permissions let at it. */
  | { readonly tenant: string }
  /** One person's, with the rights at hand. */
  | 'user'

export interface CacheDeclaration<Key extends CacheKey, Value> {
  /** `app/what`, unique in the product, up to 60 characters. */
  readonly name: string
  /** Raise it when the form of the values changes. */
  readonly version?: number
  readonly scope: CacheScope
  /** How far values are shared: within one request, within the process, or (as JSON) among the site's processes where they have Redis. */
  readonly level: 'request' | 'process' | 'shared'
  /** Milliseconds for which a value is believed without a change having been told. */
  readonly ttlMs: number
  /** The same for the answer that there is no value; default: `ttlMs`. */
  readonly negativeTtlMs?: number
  /** Entries in one process and site; default 1,000. The least used leave first. */
  readonly maxEntries?: number
  /** Counters of the site on which values hang beside the cache's own. */
  readonly dependsOn?: readonly EpochKind[]
  /**
   * Works a value out, in a unit of work of its own that sees what is committed and writes nothing. Values of one person: as that
   * person. All others: as the platform, so that nothing of whoever happens to ask first can get in. Undefined: there is none.
   */
  readonly load: (ctx: Context, key: Key, tenant: string) => Promise<Value | undefined>
  /** Keys to fill ahead, after a migration; for values of the site. */
  readonly warm?: (ctx: Context) => Promise<readonly Key[]>
}

interface Entry<Value> {
  readonly value: Value | undefined
}

interface Held<Value> {
  readonly entries: LRUCache<string, Entry<Value>>
  readonly flights: Map<string, Promise<Value | undefined>>
}

/** A cache whatever it holds, as operators see it. */
export interface AnyCache {
  readonly name: string
  readonly level: string
  figuresOf(site: Site): CacheFigures
  sizeOf(site: Site): number
  invalidateAll(ctx: Context): Promise<void>
  warm(ctx: Context): Promise<number>
}

const slots = 16
/** How long one process may work out a value before others do so, too, in milliseconds. */
const leaseMs = 5_000
const lookEveryMs = 20
/** Characters of a value that processes share; longer ones each keeps for itself. */
const longestShared = 1_000_000
const names = new Set<string>()
/** What units of work have changed and not committed yet. */
const changing = new WeakMap<object, Set<string>>()

/**
 * Declares a cache. Entries are told apart by site, cache, version, whose they are, key and the state of the counters they hang on;
 * so a change that was committed is seen by whatever begins after it, in every process, and one that was not by nobody else.
 * @throws Error when two caches share a name
 */
export function defineCache<Key extends CacheKey, Value>(declaration: CacheDeclaration<Key, Value>): Cache<Key, Value> {
  if (names.has(declaration.name)) throw new Error(`The cache ${declaration.name} is declared twice.`)
  names.add(declaration.name)
  return new Cache(declaration)
}

export class Cache<Key extends CacheKey, Value> implements AnyCache {
  readonly name: string
  readonly level: 'request' | 'process' | 'shared'
  readonly #declaration: CacheDeclaration<Key, Value>
  readonly #held = new WeakMap<Site, Held<Value>>()
  readonly #figures = new WeakMap<Site, CacheFigures>()
  /** Slots by key text: working one out is dear beside a hit. */
  readonly #slots = new LRUCache<string, string>({ max: 5_000 })

  constructor(declaration: CacheDeclaration<Key, Value>) {
    this.#declaration = declaration
    this.name = declaration.name
    this.level = declaration.level
  }

  /**
   * The value of a key for the context's user; a promise only when it is not at hand. Values are shared: they are frozen.
   * @param tenant  name of the tenant's document, where the scope is one
   * @throws CacheDenied for a tenant that the user is not let at, CacheKeyInvalid, and what `load` throws: errors are not kept
   */
  get(ctx: Context, key: Key, tenant = ''): Value | undefined | Promise<Value | undefined> {
    const { scope } = this.#declaration
    if (typeof scope === 'object' && !bypasses(ctx))
      return this.#demandTenant(ctx, scope.tenant, tenant).then(() => this.#find(ctx, key, tenant))
    return this.#find(ctx, key, tenant)
  }

  /**
   * Says in the caller's transaction that the value of a key has changed, for everybody whose it may be. It takes effect with the commit;
   * the caller itself sees what it wrote. A sixteenth of the cache goes along.
   */
  async invalidate(ctx: Context, key: Key, tenant = ''): Promise<void> {
    const slot = this.#slotOf(keyText(this.name, key), tenant)
    this.#changingIn(ctx).add(slot)
    await bumpArea(ctx, slot)
  }

  /** As `invalidate`, for every key. */
  async invalidateAll(ctx: Context): Promise<void> {
    this.#changingIn(ctx).add(this.name)
    await bumpArea(ctx, this.name)
  }

  figuresOf(site: Site): CacheFigures {
    let figures = this.#figures.get(site)
    if (!figures) {
      figures = new CacheFigures(this.name)
      this.#figures.set(site, figures)
    }
    return figures
  }

  /** Entries that this process holds. */
  sizeOf(site: Site): number {
    return this.#held.get(site)?.entries.size ?? 0
  }

  /** Fills the keys that the declaration names. @returns how many */
  async warm(ctx: Context): Promise<number> {
    const keys = (await this.#declaration.warm?.(ctx)) ?? []
    for (const key of keys) await this.get(ctx, key)
    return keys.length
  }

  #find(ctx: Context, key: Key, tenant: string): Value | undefined | Promise<Value | undefined> {
    const text = keyText(this.name, key)
    const whose = this.#whose(ctx, tenant)
    const slot = this.#slotOf(text, tenant)
    const { site } = ctx
    const figures = this.figuresOf(site)
    // What this unit of work has changed itself nobody else knows yet: it is worked out in its own sight, and kept nowhere.
    const changed = changing.get(ctx.db)
    if (changed && (changed.has(slot) || changed.has(this.name))) return this.#loadInside(ctx, key, tenant)
    const id = `${this.#state(site, slot)}\n${whose}\n${text}`
    if (this.level === 'request') return this.#inRequest(ctx, id, key, tenant, figures)
    const held = this.#heldOf(site, figures)
    const entry = held.entries.get(id)
    if (entry) {
      figures.hits++
      return entry.value
    }
    figures.misses++
    // A transaction may see an older state than the counters tell; and beside it a second connection could use up the pool.
    if (ctx.db.isWriting) return this.#loadInside(ctx, key, tenant)
    const flying = held.flights.get(id)
    if (flying) return flying
    const flight = this.#fly(ctx, key, tenant, text, whose, slot, held).finally(() => held.flights.delete(id))
    held.flights.set(id, flight)
    return flight
  }

  #inRequest(ctx: Context, id: string, key: Key, tenant: string, figures: CacheFigures): Promise<Value | undefined> {
    const place = `cache:${this.name}\n${id}`
    const known = ctx.memo.get(place) as Promise<Value | undefined> | undefined
    if (known) figures.hits++
    else figures.misses++
    if (known) return known
    const made = this.#loadInside(ctx, key, tenant)
    ctx.memo.set(place, made)
    made.catch(() => ctx.memo.delete(place))
    return made
  }

  /** One load for all who ask in this process, and where they share a store, mostly one among the processes. */
  #fly(ctx: Context, key: Key, tenant: string, text: string, whose: string, slot: string, held: Held<Value>): Promise<Value | undefined> {
    const { site } = ctx
    const { load, version = 1 } = this.#declaration
    const figures = this.figuresOf(site)
    return this.#asLoader(ctx, async (own) => {
      // Taken before anything is read: what is read now is at least as new, so it may bear this state's name; never that of a later one.
      const state = this.#state(site, slot)
      const store = this.level === 'shared' ? await sharedStoreOf(site) : undefined
      const shared = store && sharedKey(site.config.encryption_key, [this.name, version, state, whose, text])
      const work = async (): Promise<Value | undefined> => {
        const value = await figures.time(() => load(own, key, tenant))
        if (!store || !shared) return value
        // The same through the text of JSON whether somebody else reads it or not, so that a value has one form.
        const text = value === undefined ? '' : JSON.stringify(value)
        if (text.length <= longestShared) await store.set(shared, text, this.#ttl(value))
        return valueIn(text)
      }
      const value = store && shared ? await this.#throughStore(store, shared, work, figures) : await work()
      held.entries.set(`${state}\n${whose}\n${text}`, { value: frozen(value) }, { ttl: this.#ttl(value) })
      return value
    })
  }

  async #throughStore(
    store: Awaited<ReturnType<typeof sharedStoreOf>>,
    key: string,
    work: () => Promise<Value | undefined>,
    figures: CacheFigures,
  ): Promise<Value | undefined> {
    for (const until = performance.now() + leaseMs; performance.now() < until; await pause(lookEveryMs)) {
      const known = await store.get(key)
      if (known !== undefined) {
        figures.sharedHits++
        return valueIn(known)
      }
      if (!(await store.lease(key, leaseMs))) continue
      try {
        return await work()
      } finally {
        await store.release(key)
      }
    }
    // Whoever had the lease is slow, or gone.
    return work()
  }

  #asLoader<T>(ctx: Context, work: (own: Context) => Promise<T>): Promise<T> {
    const { site } = ctx
    if (this.#declaration.scope === 'user') return site.run(ctx.user, work, { readOnly: true, via: 'cache' })
    return site.asSystem(`cache ${this.name}`, work)
  }

  /** In the caller's own sight, changes that are not committed included. */
  #loadInside(ctx: Context, key: Key, tenant: string): Promise<Value | undefined> {
    const own = this.#declaration.scope === 'user' ? ctx : ctx.asSystem(`cache ${this.name}`)
    return this.figuresOf(ctx.site).time(() => this.#declaration.load(own, key, tenant))
  }

  async #demandTenant(ctx: Context, doctype: string, tenant: string): Promise<void> {
    const { permitted } = await accessOf(ctx)
    if (!permitted.get(doctype)?.some((one) => one.value === tenant)) throw new CacheDenied({ cache: this.name, tenant })
  }

  #whose(ctx: Context, tenant: string): string {
    const { scope } = this.#declaration
    if (scope === 'user') return principalText(ctx.user, ctx.elevation !== undefined)
    return scope === 'site' ? '' : `t${JSON.stringify(tenant)}`
  }

  /** The counters that an entry hangs on, as they stand in this process. */
  #state(site: Site, slot: string): string {
    const { areas, epoch } = site
    let state = `${areas.get(this.name) ?? 0}.${areas.get(slot) ?? 0}`
    if (this.#declaration.scope === 'user') state += `.${epoch.access}`
    for (const kind of this.#declaration.dependsOn ?? []) state += `.${epoch[kind]}`
    return state
  }

  #slotOf(text: string, tenant: string): string {
    const whole = tenant === '' ? text : `${tenant}\n${text}`
    let slot = this.#slots.get(whole)
    if (slot === undefined) {
      slot = `${this.name}:${slotOf(whole, slots)}`
      this.#slots.set(whole, slot)
    }
    return slot
  }

  #ttl(value: Value | undefined): number {
    const { ttlMs, negativeTtlMs = ttlMs } = this.#declaration
    return value === undefined ? negativeTtlMs : ttlMs
  }

  #changingIn(ctx: Context): Set<string> {
    const known = changing.get(ctx.db) ?? new Set()
    changing.set(ctx.db, known)
    return known
  }

  #heldOf(site: Site, figures: CacheFigures): Held<Value> {
    let held = this.#held.get(site)
    if (!held) {
      const entries = new LRUCache<string, Entry<Value>>({
        max: this.#declaration.maxEntries ?? 1_000,
        ttl: this.#declaration.ttlMs,
        // The clock is looked at once in a while, not for every hit.
        ttlResolution: 50,
        dispose: (_entry, _id, reason) => {
          if (reason === 'evict') figures.evictions++
        },
      })
      held = { entries, flights: new Map() }
      this.#held.set(site, held)
    }
    return held
  }
}

function valueIn<T>(text: string): T | undefined {
  return text === '' ? undefined : (JSON.parse(text) as T)
}

/** Nobody may change what others see, too. */
function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  Object.freeze(value)
  for (const part of Object.values(value)) frozen(part)
  return value
}
