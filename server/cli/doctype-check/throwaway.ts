import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { createSite, dropSite } from '#kernel/sites/create-site.ts'
import type { OpenSite } from '#kernel/sites/open-site.ts'
import { openRuntime } from '#kernel/sites/runtime.ts'
import { newPassword } from '../secret-input.ts'

export interface ThrowawayOptions {
  readonly dbType: 'sqlite' | 'postgres' | 'mariadb'
  /** Server on which the sites' databases are made; not for SQLite. */
  readonly dbUrl?: string
}

/** Sites that nobody will miss, one at a time. */
export interface Throwaway extends AsyncDisposable {
  /** DocTypes that such a site has from the start. */
  readonly present: ReadonlySet<string>
  /** A fresh site; the one before is gone then. */
  newSite(): Promise<OpenSite>
}

/** Makes a folder for throwaway sites. @throws DatabaseUnavailable, ProvisioningFailed from `newSite` */
export async function openThrowaway({ dbType, dbUrl }: ThrowawayOptions): Promise<Throwaway> {
  const sitesFolder = await mkdtemp(join(tmpdir(), 'orc-check-'))
  const runtime = await openRuntime({ sitesFolder, log: pino({ level: 'silent' }) })
  let count = 0
  const dropLast = async (): Promise<void> => {
    for (const host of runtime.hosts()) await dropSite(runtime, host)
  }
  return {
    present: new Set(
      runtime.apps.all.filter(({ name }) => name === 'core' || name === 'company').flatMap((app) => app.doctypes.map(({ name }) => name)),
    ),
    async newSite() {
      await dropLast()
      const { site } = await createSite(runtime, {
        host: `check-${process.pid}-${++count}`,
        adminPassword: newPassword(),
        dbType,
        ...(dbUrl ? { dbUrl } : {}),
        // Nobody needs what is written here after a crash.
        config: { durable: false },
      })
      return site
    },
    async [Symbol.asyncDispose]() {
      await dropLast()
      await runtime.close()
      await rm(sitesFolder, { recursive: true, force: true })
    },
  }
}
