import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Logger, pino } from 'pino'
import { Apps } from '#kernel/apps/apps.ts'
import { loadApps } from '#kernel/apps/load.ts'
import type { Clock } from '#kernel/context/context.ts'
import type { DatabaseWatch } from '#kernel/database/observed.ts'
import { logRedaction } from '#kernel/audit/redact.ts'
import { SiteNotFound } from './errors.ts'
import { type OpenSite, openSite, readConfig } from './open-site.ts'

export interface RuntimeOptions {
  /** Folder that holds one folder per site; default: `ORC_SITES`, else `sites/` in the working directory. */
  sitesFolder?: string
  /** Folders that hold apps, one folder each; default: the project's `apps/` and those in `ORC_APPS` (separated by `:`). */
  appFolders?: readonly string[]
  clock?: Clock
  log?: Logger
}

/** A process's apps and open sites. */
export interface Runtime {
  readonly sitesFolder: string
  readonly apps: Apps
  readonly clock: Clock
  readonly log: Logger
  /** Every site in the folder, by host name. */
  hosts(): string[]
  has(host: string): boolean
  /** Opens a site, or returns it when it is open. @throws SiteNotFound */
  site(host: string): Promise<OpenSite>
  /** The sites that are open in this process now. */
  opened(): Promise<OpenSite[]>
  /** Has the statements of sites that are opened from now on told to a watch. */
  observe(watchOf: (host: string) => DatabaseWatch): void
  /** Forgets a site that is about to be dropped. */
  release(host: string): Promise<void>
  close(): Promise<void>
}

const projectFolder = resolve(dirname(fileURLToPath(import.meta.url)), '../..')

/** How long the answer of the file system to "is this site still there?" is believed, in milliseconds. */
const presenceBelieved = 200

/** Loads the apps and stands ready to open sites. @throws AppInvalid, AppMissing when an app is broken */
export async function openRuntime(options: RuntimeOptions = {}): Promise<Runtime> {
  const sitesFolder = resolve(options.sitesFolder ?? process.env.ORC_SITES ?? 'sites')
  const more = (process.env.ORC_APPS ?? '').split(':').filter((folder) => folder !== '')
  const folders = options.appFolders ?? [join(projectFolder, 'apps'), ...more.map((folder) => resolve(folder))]
  const log = options.log ?? pino({ level: process.env.LOG_LEVEL ?? 'warn', ...logRedaction }, pino.destination(2))
  return new SiteRuntime(sitesFolder, new Apps(await loadApps(folders)), options.clock ?? Date, log)
}

class SiteRuntime implements Runtime {
  readonly sitesFolder: string
  readonly apps: Apps
  readonly clock: Clock
  readonly log: Logger
  #watchOf: ((host: string) => DatabaseWatch) | undefined
  readonly #open = new Map<string, { site: Promise<OpenSite>; seen: number; birth: number }>()

  constructor(sitesFolder: string, apps: Apps, clock: Clock, log: Logger) {
    this.sitesFolder = sitesFolder
    this.apps = apps
    this.clock = clock
    this.log = log
  }

  observe(watchOf: (host: string) => DatabaseWatch): void {
    this.#watchOf = watchOf
  }

  hosts(): string[] {
    if (!existsSync(this.sitesFolder)) return []
    return readdirSync(this.sitesFolder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && this.#configFile(entry.name) !== undefined)
      .map((entry) => entry.name)
      .sort()
  }

  has(host: string): boolean {
    return isHostName(host) && this.#configFile(host) !== undefined
  }

  #configFile(host: string): number | undefined {
    return statSync(join(this.sitesFolder, host, 'site_config.json'), { throwIfNoEntry: false })?.birthtimeMs
  }

  async site(host: string): Promise<OpenSite> {
    const now = Date.now()
    const known = this.#open.get(host)
    if (known && now - known.seen < presenceBelieved) return known.site
    const birth = isHostName(host) ? this.#configFile(host) : undefined
    if (known && birth === known.birth) {
      known.seen = now
      return known.site
    }
    if (known && birth !== undefined && (await this.#isSame(host, known.site))) {
      known.seen = now
      known.birth = birth
      return known.site
    }
    // Dropped, or dropped and made anew, by another process.
    if (known) await this.release(host)
    if (birth === undefined) throw new SiteNotFound({ host: host.slice(0, 100) })
    const { apps, clock } = this
    const watch = this.#watchOf?.(host)
    const opening = { host, folder: join(this.sitesFolder, host), apps, clock, log: this.log.child({ site: host }) }
    const site = openSite({ ...opening, ...(watch && { watch }) })
    const entry = { site, seen: now, birth }
    this.#open.set(host, entry)
    site.catch(() => {
      if (this.#open.get(host) === entry) this.#open.delete(host)
    })
    return site
  }

  async opened(): Promise<OpenSite[]> {
    const sites = await Promise.all([...this.#open.values()].map((entry) => entry.site.catch(() => undefined)))
    return sites.filter((site) => site !== undefined)
  }

  /** A configuration that was written again is a new file; the key in it tells whether it still belongs to the same site. */
  async #isSame(host: string, open: Promise<OpenSite>): Promise<boolean> {
    const site = await open.catch(() => undefined)
    return site !== undefined && readConfig(join(this.sitesFolder, host)).encryption_key === site.config.encryption_key
  }

  async release(host: string): Promise<void> {
    const known = this.#open.get(host)
    this.#open.delete(host)
    const site = await known?.site.catch(() => undefined)
    await site?.close()
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((host) => this.release(host)))
  }
}

/** Host names are folder names: letters, digits, dots and hyphens only, so that nobody reaches another folder through one. */
export function isHostName(host: string): boolean {
  return host.length <= 253 && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i.test(host)
}
