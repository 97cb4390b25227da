import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { pino } from 'pino'
import type { Context } from '#kernel/context/context.ts'
import { insert } from '#kernel/documents/save.ts'
import { principalOf } from '#kernel/identity/principals.ts'
import { createSite, dropSite } from '#kernel/sites/create-site.ts'
import type { OpenSite } from '#kernel/sites/open-site.ts'
import { openRuntime, type Runtime } from '#kernel/sites/runtime.ts'
import { testDatabases } from './services.ts'

export interface TestSiteOptions {
  /** Apps to install beside core and company. */
  apps?: readonly string[]
  /** More folders with apps, such as a test's own. */
  appFolders?: readonly string[]
  database?: 'sqlite' | 'postgres' | 'mariadb'
  /** An empty database that is there already, on a server of its own: nothing is created beside it. */
  databaseUrl?: string
  /** The site's clock; default: the real one. */
  clock?: { now(): number }
  /** Further keys of its configuration. */
  config?: Readonly<Record<string, unknown>>
  /** The caller closes it: needed in a `before` hook, where a registered cleanup would run at once. */
  closedByCaller?: boolean
}

/** A throwaway site for one test file; removed when the file's tests are done. */
export interface TestSite {
  readonly runtime: Runtime
  readonly site: OpenSite
  readonly administrator: { api_key: string; api_secret: string }
  /** Work with all rights, committed at the end. */
  asSystem<T>(work: (ctx: Context) => Promise<T>): Promise<T>
  /** Work as a user, committed at the end. */
  as<T>(user: string, work: (ctx: Context) => Promise<T>): Promise<T>
  /** Makes an enabled user with these roles; returns its name. */
  user(email: string, roles?: readonly string[]): Promise<string>
  /** Makes a document with all rights; returns its name. */
  make(doctype: string, values: Record<string, unknown>): Promise<string>
  close(): Promise<void>
}

export const adminPassword = 'fake-Administrator-pass-1'

let counter = 0

export async function testSite(options: TestSiteOptions = {}): Promise<TestSite> {
  const folder = await mkdtemp(join(tmpdir(), 'orc-test-'))
  const appFolders = [join(import.meta.dirname, '..', 'apps'), ...(options.appFolders ?? [])]
  const runtime = await openRuntime({
    sitesFolder: folder,
    appFolders,
    log: pino({ level: process.env.TEST_LOG ?? 'silent' }),
    clock: options.clock,
  })
  const dbType = options.database ?? 'sqlite'
  const server = options.databaseUrl ? { url: options.databaseUrl } : testDatabases().find((one) => one.name === dbType)
  if (!server) throw new Error(`No ${dbType} server is configured for tests.`)
  const host = `test-${process.pid}-${++counter}.localhost`
  const { site, administrator } = await createSite(runtime, {
    host,
    adminPassword,
    dbType,
    installApps: options.apps,
    config: { ...(dbType === 'sqlite' && { durable: false }), ...options.config },
    ...('url' in server ? { dbUrl: server.url } : {}),
    ...(options.databaseUrl ? { dbName: new URL(options.databaseUrl).pathname.slice(1) } : {}),
  })
  let closed = false
  const close = async (): Promise<void> => {
    if (closed) return
    closed = true
    await dropSite(runtime, host).catch(() => undefined)
    await runtime.close()
    await rm(folder, { recursive: true, force: true })
  }
  if (!options.closedByCaller) after(close)
  const asSystem: TestSite['asSystem'] = (work) => site.asSystem('test', work)
  return {
    runtime,
    site,
    administrator,
    asSystem,
    as: async (user, work) => {
      await site.freshen()
      return site.run(await principalOf(site, user), work, { via: 'test' })
    },
    user: async (email, roles = []) => {
      await asSystem((ctx) =>
        insert(ctx, 'User', {
          email,
          first_name: email.split('@')[0],
          enabled: 1,
          send_welcome_email: 0,
          roles: roles.map((role) => ({ role })),
        }),
      )
      return email
    },
    make: async (doctype, values) => String((await asSystem((ctx) => insert(ctx, doctype, values))).name),
    close,
  }
}
