import { randomBytes } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { requirementsOf } from '#kernel/apps/load.ts'
import { AppInUse, AppMissing } from '#kernel/apps/errors.ts'
import { openDatabase } from '#kernel/database/open.ts'
import { createDatabase, dropDatabase } from '#kernel/database/provision.ts'
import { insert } from '#kernel/documents/save.ts'
import { createKey } from '#kernel/identity/api-keys.ts'
import { hashPassword, storePassword } from '#kernel/identity/passwords.ts'
import { writeConfig } from './config-file.ts'
import { bumpEpoch } from './epoch.ts'
import { SiteExists, SiteNameInvalid, SiteNotFound } from './errors.ts'
import { migrateSite } from './migrate.ts'
import { addressOf, OpenSite, openSite, readConfig } from './open-site.ts'
import { isHostName, type Runtime } from './runtime.ts'
import type { SiteConfig } from './site.ts'

export interface NewSite {
  host: string
  adminPassword: string
  dbType?: 'sqlite' | 'postgres' | 'mariadb'
  /** A server on which the site's own database and user are made; with `dbName`, one that holds that database already. */
  dbUrl?: string
  dbName?: string
  /** Beside core and company. */
  installApps?: readonly string[]
  /** Further keys of site_config.json. */
  config?: Record<string, unknown>
}

export interface CreatedSite {
  site: OpenSite
  administrator: { api_key: string; api_secret: string }
}

/** Apps that every site has. */
export const standardApps = ['core', 'company'] as const

/**
 * Makes a site: folder, database, tables, first users. When anything fails, nothing of it stays.
 * @throws SiteNameInvalid, SiteExists, AppMissing, PasswordRefused, DatabaseUnavailable
 */
export async function createSite(runtime: Runtime, wanted: NewSite): Promise<CreatedSite> {
  const { host } = wanted
  if (!isHostName(host)) throw new SiteNameInvalid({ host: host.slice(0, 100), field: 'host' })
  const folder = join(runtime.sitesFolder, host)
  if (existsSync(folder)) throw new SiteExists({ host })
  const apps = withRequirements(runtime, [...standardApps.filter((name) => runtime.apps.has(name)), ...(wanted.installApps ?? [])])
  await mkdir(join(folder, 'public', 'files'), { recursive: true, mode: 0o750 })
  await mkdir(join(folder, 'private', 'files'), { recursive: true, mode: 0o750 })
  let undoDatabase: (() => Promise<void>) | undefined
  let site: OpenSite | undefined
  try {
    const config: SiteConfig = {
      db_type: wanted.dbType ?? 'sqlite',
      encryption_key: randomBytes(32).toString('base64'),
      installed_apps: apps,
      ...wanted.config,
    }
    undoDatabase = await provide(config, wanted)
    await writeConfig(folder, config)
    const address = addressOf(folder, config)
    const log = runtime.log.child({ site: host })
    site = new OpenSite({ host, folder, apps: runtime.apps, clock: runtime.clock, log }, config, address, await openDatabase(address))
    await migrateSite(site)
    const administrator = await seedUsers(site, wanted.adminPassword)
    for (const app of site.apps.all) if (app.afterInstall) await site.asSystem(`install ${app.name}`, app.afterInstall)
    await site.freshen()
    await site.close()
    return { site: await runtime.site(host), administrator }
  } catch (error) {
    await site?.close().catch(() => undefined)
    await undoDatabase?.().catch((cause) => runtime.log.error({ err: cause }, 'the new database could not be removed again'))
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

/** Makes the site's own database and user on the server, unless an existing one is to be used; tells how to undo it. */
async function provide(config: SiteConfig, wanted: NewSite): Promise<(() => Promise<void>) | undefined> {
  if (config.db_type === 'sqlite') {
    if (wanted.dbName) config.db_name = wanted.dbName
    return undefined
  }
  const server = wanted.dbUrl ?? ''
  if (wanted.dbName) {
    const url = new URL(server)
    url.pathname = `/${wanted.dbName}`
    config.db_url = url.href
    return undefined
  }
  const id = `${wanted.host.toLowerCase().replace(/[^a-z0-9]+/g, '_').slice(0, 35)}_${randomBytes(4).toString('hex')}`
  const names = { database: `orc_${id}`, user: `orc_${id}`.slice(-32).replace(/^[^a-z]+/, 'o'), password: randomBytes(24).toString('base64url') }
  config.db_url = await createDatabase(server, names)
  config.db_server = server
  config.db_names = { database: names.database, user: names.user }
  return () => dropDatabase(server, names)
}

async function seedUsers(site: OpenSite, adminPassword: string): Promise<{ api_key: string; api_secret: string }> {
  // The operator decides about this password; the command line warns when it is weak.
  const passwordHash = await hashPassword(adminPassword)
  return site.asSystem('the first users of a new site', async (ctx) => {
    const base = { enabled: 1, send_welcome_email: 0 }
    await insert(
      ctx,
      'User',
      { ...base, email: 'admin@example.com', first_name: 'Administrator', user_type: 'System User' },
      { naming: { given: 'Administrator', honourGiven: true } },
    )
    await insert(ctx, 'User', { ...base, email: 'guest@example.com', first_name: 'Guest', user_type: 'Website User' }, { naming: { given: 'Guest', honourGiven: true } })
    await storePassword(ctx, 'Administrator', passwordHash)
    const { api_key, api_secret } = await createKey(ctx, 'Administrator', { label: 'first key' })
    return { api_key, api_secret }
  })
}

/** Removes a site with its database and files. @throws SiteNotFound */
export async function dropSite(runtime: Runtime, host: string): Promise<void> {
  if (!runtime.has(host)) throw new SiteNotFound({ host: host.slice(0, 100) })
  const folder = join(runtime.sitesFolder, host)
  const config = readConfig(folder)
  await runtime.release(host)
  const names = config.db_names as { database: string; user: string } | undefined
  if (names && typeof config.db_server === 'string') await dropDatabase(config.db_server, names)
  await rm(folder, { recursive: true, force: true })
}

/** Adds an app, and those it requires, to a site. @returns the names added */
export async function installApp(runtime: Runtime, host: string, name: string): Promise<string[]> {
  const site = await runtime.site(host)
  const installed = site.apps.all.map((app) => app.name)
  const wanted = withRequirements(runtime, [...installed, name])
  const added = wanted.filter((one) => !installed.includes(one))
  if (added.length === 0) return []
  await writeConfig(site.folder, { ...site.config, installed_apps: wanted })
  try {
    await changeApps(site)
    for (const one of added) {
      const app = runtime.apps.all.find((candidate) => candidate.name === one)
      if (app?.afterInstall) await site.asSystem(`install ${one}`, app.afterInstall)
    }
  } catch (error) {
    await writeConfig(site.folder, { ...site.config, installed_apps: installed })
    site.reloadConfig()
    throw error
  }
  return added
}

/** Takes an app off a site. Its tables and documents stay, so that installing it again finds them. @throws AppInUse */
export async function uninstallApp(runtime: Runtime, host: string, name: string): Promise<void> {
  const site = await runtime.site(host)
  const app = site.apps.all.find((one) => one.name === name)
  if (!app) throw new AppMissing({ app: name, neededBy: '' })
  const usedBy = site.apps.all.filter((one) => requirementsOf(one).includes(name)).map((one) => one.name)
  if (name === 'core') usedBy.push('every site')
  if (usedBy.length > 0) throw new AppInUse({ app: name, usedBy })
  if (app.beforeUninstall) await site.asSystem(`uninstall ${name}`, app.beforeUninstall)
  await writeConfig(site.folder, { ...site.config, installed_apps: site.apps.all.map((one) => one.name).filter((one) => one !== name) })
  site.reloadConfig()
  await site.asSystem(`uninstall ${name}`, (ctx) => bumpEpoch(ctx, 'config'))
}

async function changeApps(site: OpenSite): Promise<void> {
  site.reloadConfig()
  await migrateSite(site)
}

function withRequirements(runtime: Runtime, names: readonly string[]): string[] {
  const wanted = new Set<string>()
  const add = (name: string, neededBy: string): void => {
    const app = runtime.apps.all.find((one) => one.name === name)
    if (!app) throw new AppMissing({ app: name, neededBy })
    if (wanted.has(name)) return
    wanted.add(name)
    for (const required of requirementsOf(app)) add(required, name)
  }
  for (const name of names) add(name, '')
  return runtime.apps.all.map((app) => app.name).filter((name) => wanted.has(name))
}
