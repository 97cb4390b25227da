import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Apps } from '#kernel/apps/apps.ts'
import { closeCaches } from '#kernel/cache/stores.ts'
import type { Clock, Context, Principal, RequestFacts } from '#kernel/context/context.ts'
import { openUnit } from '#kernel/context/unit-of-work.ts'
import type { Database, DatabaseAddress } from '#kernel/database/database.ts'
import { Deadlocked } from '#kernel/database/errors.ts'
import { type DatabaseWatch, ObservedDatabase } from '#kernel/database/observed.ts'
import { openDatabase } from '#kernel/database/open.ts'
import { closeRateLimiter } from '#kernel/limits/rate-limit.ts'
import { MetaStore } from '#kernel/meta/store.ts'
import { takeReads, tellReads } from '#kernel/permissions/reads.ts'
import { closeWire } from '#kernel/redis/wire.ts'
import { SiteUnreadable } from './errors.ts'
import { readEpoch } from './epoch.ts'
import { Freshness } from './freshness.ts'
import { readSettings } from './settings.ts'
import type { Epoch, Site, SiteConfig } from './site.ts'

export interface SiteOpening {
  host: string
  folder: string
  /** Every app of the process; the site uses those its config names. */
  apps: Apps
  clock: Clock
  log: Logger
  /** Hears of every statement. */
  watch?: DatabaseWatch
}

/** The platform acting for itself: commands, migrations, schedules. */
const platform: Principal = {
  name: 'Administrator',
  fullName: 'Administrator',
  roles: new Set(['Administrator', 'System Manager', 'Desk User', 'All', 'Guest']),
  userType: 'System User',
  language: 'en',
  unrestricted: true,
}

const deadlockRetries = 3
const readsReason = 'telling who read what'

/** @throws SiteUnreadable when the folder holds no readable configuration */
export function readConfig(folder: string): SiteConfig {
  try {
    return JSON.parse(readFileSync(join(folder, 'site_config.json'), 'utf8')) as SiteConfig
  } catch (cause) {
    throw new SiteUnreadable({ folder: folder.split('/').at(-1) ?? folder, reason: (cause as Error).message }, { cause })
  }
}

/** Where a site's data lives, according to its configuration. */
export function addressOf(folder: string, config: SiteConfig): DatabaseAddress {
  if (config.db_type !== 'sqlite') return { type: config.db_type, url: config.db_url ?? '' }
  const file = config.db_name ?? 'site.db'
  return { type: 'sqlite', file: isAbsolute(file) ? file : join(folder, file), durable: config.durable !== false }
}

/** Opens a site that has been created before. */
export async function openSite(opening: SiteOpening): Promise<OpenSite> {
  const config = readConfig(opening.folder)
  const address = addressOf(opening.folder, config)
  const plain = await openDatabase(address)
  const site = new OpenSite(opening, config, address, opening.watch ? new ObservedDatabase(plain, opening.watch) : plain)
  try {
    await site.load()
  } catch (error) {
    await site.close()
    throw error
  }
  return site
}

export class OpenSite implements Site {
  readonly host: string
  readonly folder: string
  readonly address: DatabaseAddress
  readonly database: Database
  readonly clock: Clock
  readonly log: Logger
  readonly cache = { meta: new Map<string, unknown>(), access: new Map<string, unknown>(), config: new Map<string, unknown>() }
  readonly #allApps: Apps
  #config: SiteConfig
  #apps: Apps
  #meta: MetaStore
  #settings: ReadonlyMap<string, string | null> = new Map()
  #freshness: Freshness

  constructor(opening: SiteOpening, config: SiteConfig, address: DatabaseAddress, database: Database) {
    this.host = opening.host
    this.folder = opening.folder
    this.address = address
    this.database = database
    this.clock = opening.clock
    this.log = opening.log
    this.#allApps = opening.apps
    this.#config = config
    this.#apps = this.#allApps.only(config.installed_apps ?? ['core'])
    this.#meta = new MetaStore(() => this.database, this.#apps)
    this.#freshness = this.#watch({ meta: 0, access: 0, config: 0 })
  }

  #watch(epoch: Epoch): Freshness {
    return new Freshness(this.database, epoch, (before, after) => this.#changed(before, after))
  }

  get config(): Readonly<SiteConfig> {
    return this.#config
  }
  get apps(): Apps {
    return this.#apps
  }
  get meta(): MetaStore {
    return this.#meta
  }
  get settings(): ReadonlyMap<string, string | null> {
    return this.#settings
  }
  get epoch(): Readonly<Epoch> {
    return this.#freshness.epoch
  }
  get areas(): ReadonlyMap<string, number> {
    return this.#freshness.areas
  }
  get timeZone(): string {
    return this.#settings.get('time_zone') || 'UTC'
  }

  /** Reads settings and counters anew and drops what was derived; called once the system tables exist. */
  async load(): Promise<void> {
    // Counters first: what changes while the rest is read makes them differ, and is noticed at the next look.
    const { areas: _, ...epoch } = await readEpoch(this.database)
    this.#freshness = this.#watch(epoch)
    this.#meta.forget()
    for (const cache of Object.values(this.cache)) cache.clear()
    this.#settings = await readSettings(this.database)
  }

  freshen(): Promise<void> | undefined {
    return this.#freshness.freshen()
  }

  async #changed(before: Epoch, after: Epoch): Promise<void> {
    if (after.meta !== before.meta) {
      this.cache.meta.clear()
      this.#meta.forget()
    }
    if (after.meta !== before.meta || after.access !== before.access) this.cache.access.clear()
    if (after.config === before.config) return
    this.cache.config.clear()
    this.reloadConfig()
    this.#settings = await readSettings(this.database)
  }

  /** Reads site_config.json again; a changed list of apps takes effect at once. */
  reloadConfig(): void {
    this.#config = readConfig(this.folder)
    const installed = this.#config.installed_apps ?? ['core']
    const current = this.#apps.all.map((app) => app.name)
    if (installed.length === current.length && installed.every((name) => current.includes(name))) return
    this.#apps = this.#allApps.only(installed)
    this.#meta = new MetaStore(() => this.database, this.#apps)
    for (const cache of Object.values(this.cache)) cache.clear()
  }

  async run<T>(
    who: Principal,
    work: (ctx: Context) => Promise<T>,
    facts: Partial<RequestFacts> & { readOnly?: boolean; isFresh?: boolean; elevation?: string } = {},
  ): Promise<T> {
    if (!facts.isFresh) await this.freshen()
    const request: RequestFacts = { id: facts.id ?? randomUUID(), ip: facts.ip ?? '', via: facts.via ?? 'code', ...passedOn(facts) }
    for (let attempt = 1; ; attempt++) {
      const unit = openUnit(this, who, request, facts.elevation)
      try {
        const result = await work(unit.ctx)
        const reads = takeReads(unit.ctx)
        if (reads && !facts.readOnly) await tellReads(unit.ctx.asSystem(readsReason), reads)
        if (facts.readOnly) await unit.rollback()
        else await unit.commit()
        // What only reads writes nothing, so those who listen to reads get a transaction of their own, before the answer leaves.
        if (reads && facts.readOnly)
          await this.run(who, (ctx) => tellReads(ctx, reads), { ...request, isFresh: true, elevation: readsReason })
        return result
      } catch (error) {
        await unit.rollback().catch((cause) => this.log.warn({ err: cause }, 'a rollback failed'))
        if (!Deadlocked.is(error) || attempt > deadlockRetries) throw error
        await pause(Math.random() * 20 * 2 ** attempt)
      }
    }
  }

  asSystem<T>(why: string, work: (ctx: Context) => Promise<T>): Promise<T> {
    return this.run(platform, work, { via: 'system', elevation: why })
  }

  async close(): Promise<void> {
    await closeRateLimiter(this)
    await closeWire(this)
    await closeCaches(this)
    await this.database.close()
  }
}

/** What goes along with work that causes other work. */
function passedOn({ cause, trace }: Partial<RequestFacts>): Partial<RequestFacts> {
  return { ...(cause && { cause }), ...(trace && { trace }) }
}
