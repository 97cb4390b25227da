import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from '#kernel/database/sql.ts'
import { planMigration } from '#kernel/sites/migrate.ts'
import { DatabaseQueue } from '#kernel/jobs/database-queue.ts'
import { oldestDue } from '#kernel/jobs/manage.ts'
import { queueDriver } from '#kernel/jobs/open-queue.ts'
import { wireOf } from '#kernel/redis/wire.ts'
import { isPaused } from '#kernel/schedule/scheduler.ts'
import type { OpenSite } from '#kernel/sites/open-site.ts'
import type { Runtime } from '#kernel/sites/runtime.ts'

/** One thing that was looked at. */
export interface Finding {
  /** `machine`, or the site. */
  readonly about: string
  /** A notice works but wants attention. */
  readonly state: 'well' | 'notice' | 'fault'
  readonly text: string
}

/** Looks at the machine, then at every site or the one named. Changes nothing. @throws SiteNotFound when the named one is not there */
export async function examine(runtime: Runtime, only?: string): Promise<Finding[]> {
  if (only) await runtime.site(only)
  const findings = [sitesFolder(runtime), apps(runtime)]
  for (const host of only ? [only] : runtime.hosts()) findings.push(...(await examineSite(runtime, host)))
  return findings
}

function sitesFolder({ sitesFolder: folder }: Runtime): Finding {
  if (!existsSync(folder))
    return { about: 'machine', state: 'notice', text: `the sites folder ${folder} is not there yet; new-site makes it.` }
  try {
    accessSync(folder, constants.R_OK | constants.W_OK)
    return { about: 'machine', state: 'well', text: `sites are in ${folder}.` }
  } catch {
    return { about: 'machine', state: 'fault', text: `the sites folder ${folder} cannot be written.` }
  }
}

function apps({ apps: { all } }: Runtime): Finding {
  return { about: 'machine', state: 'well', text: `apps: ${all.map((app) => app.name).join(', ')}.` }
}

async function examineSite(runtime: Runtime, host: string): Promise<Finding[]> {
  let site: OpenSite
  try {
    site = await runtime.site(host)
  } catch (error) {
    return [{ about: host, state: 'fault', text: (error as Error).message }]
  }
  const looks = [configuration, database, migrations, jobs, schedules]
  const findings: Finding[] = []
  for (const look of looks) {
    try {
      findings.push(await look(site, runtime))
    } catch (error) {
      findings.push({ about: host, state: 'fault', text: (error as Error).message })
    }
  }
  return findings
}

function configuration(site: OpenSite, runtime: Runtime): Finding {
  const finding = (state: Finding['state'], text: string): Finding => ({ about: site.host, state, text })
  const unknown = (site.config.installed_apps ?? []).filter((name) => !runtime.apps.has(name))
  if (unknown.length > 0) return finding('fault', `installed apps that are not on this machine: ${unknown.join(', ')}.`)
  if (Buffer.from(site.config.encryption_key ?? '', 'base64').length < 32)
    return finding('fault', 'encryption_key is not 32 bytes in base64.')
  const { mode } = statSync(join(site.folder, 'site_config.json'))
  if ((mode & 0o077) !== 0) return finding('notice', 'site_config.json holds secrets and can be read by others: chmod 600.')
  return finding('well', `configured for ${site.config.db_type}, with ${site.apps.all.map((app) => app.name).join(', ')}.`)
}

async function database(site: OpenSite): Promise<Finding> {
  const started = performance.now()
  await site.database.query(site.database.dialect.compile(sql`select name from ${sql.id('tabDocType')} limit 1`))
  return { about: site.host, state: 'well', text: `the database answers in ${(performance.now() - started).toFixed(1)} ms.` }
}

async function migrations(site: OpenSite): Promise<Finding> {
  const { definitions, schema, patches } = await planMigration(site)
  const waiting = definitions.length + schema.length + patches.length
  if (waiting === 0) return { about: site.host, state: 'well', text: 'nothing to migrate.' }
  return { about: site.host, state: 'notice', text: `${waiting} changes wait for "orc migrate".` }
}

/** Seconds after which somebody should have taken a job that is due. */
const patience = 60

async function jobs(site: OpenSite): Promise<Finding> {
  const counts = await new DatabaseQueue(site).counts()
  const numbers = (['queued', 'waiting', 'running', 'failed'] as const).map((state) => `${counts.get(state) ?? 0} ${state}`).join(', ')
  const text = queueDriver(site) === 'redis' ? `${numbers}, handed out by Redis` : numbers
  const oldest = await oldestDue(site)
  const seconds = oldest === undefined ? 0 : Math.round((site.clock.now() - oldest) / 1000)
  if (seconds > patience)
    return { about: site.host, state: 'fault', text: `jobs: ${text}; one has been due for ${seconds} s. Is a worker running?` }
  if (site.config.queue === 'redis' && !(await answers(site)))
    return {
      about: site.host,
      state: 'notice',
      text: `jobs: ${numbers}; Redis, which should hand them out, does not answer: the database does.`,
    }
  const failed = counts.get('failed') ?? 0
  return { about: site.host, state: failed > 0 ? 'notice' : 'well', text: `jobs: ${text}.` }
}

/** Whether the site's Redis is there; false also when none is named. */
async function answers(site: OpenSite): Promise<boolean> {
  const wire = await wireOf(site)
  return wire !== undefined && (await wire.answers())
}

async function schedules(site: OpenSite): Promise<Finding> {
  if (isPaused(site)) return { about: site.host, state: 'notice', text: 'schedules are paused ("orc scheduler enable" ends that).' }
  return { about: site.host, state: 'well', text: 'schedules are not paused.' }
}
