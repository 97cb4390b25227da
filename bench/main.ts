import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { pino } from 'pino'
import { dropSite } from '#kernel/sites/create-site.ts'
import { openRuntime } from '#kernel/sites/runtime.ts'
import { invoiceSpeed } from './billing.ts'
import { compareCases, durableCreates, type Effort, growthOfLists } from './compare.ts'
import { jobSpeed } from './jobs.ts'
import { asMarkdown, asText, type Engine, type Finding, isKept, today } from './report.ts'
import { importSpeed } from './import.ts'
import { payrollSpeed } from './payroll.ts'
import { planningSpeed } from './projects.ts'
import { slaSpeed } from './helpdesk.ts'
import { searchSpeed } from './search.ts'
import { schedulerTick } from './schedules.ts'
import { startUp } from './start-up.ts'
import { webhookSpeed } from './webhooks.ts'
import { appFolders, makeWorld, type World, type WorldOptions } from './world.ts'

const usage = `npm run bench -- [--quick] [--full] [--only billing,cases,durable,helpdesk,import,jobs,payroll,projects,schedules,search,start,growth,webhooks] [--engine sqlite|postgres|mariadb] [--save]
  --quick   fewer rounds on fewer rows, in under two minutes
  --full    also the list at a million rows
  --save    writes docs/bench/<day>-kernel.md`

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    full: { type: 'boolean' },
    save: { type: 'boolean' },
    only: { type: 'string' },
    engine: { type: 'string' },
    help: { type: 'boolean' },
  },
})

if (options.help) console.log(usage)
else process.exitCode = await bench()

/** @returns the exit code: 1 when a target was missed */
async function bench(): Promise<number> {
  const effort: Effort = options.quick ? { rounds: 3, requests: 800, connections: 16 } : { rounds: 7, requests: 2000, connections: 16 }
  const tickets = options.quick ? 20_000 : 100_000
  const wants = (part: string): boolean => !options.only || options.only.split(',').includes(part)
  const results = new Map<string, Finding[]>()
  const postgres = await serviceUrl('POSTGRES')
  for (const engine of ['sqlite', 'postgres'] as const) {
    if (options.engine && options.engine !== engine) continue
    if (engine === 'postgres' && !postgres) {
      console.log('PostgreSQL is left out: no server is configured (dev/services starts one).')
      continue
    }
    const findings: Finding[] = []
    const url = engine === 'postgres' ? { url: postgres as string } : {}
    if (wants('cases')) findings.push(...(await inWorld({ engine, tickets, ...url }, (world) => compareCases(world, effort))))
    if (wants('webhooks')) findings.push(...(await webhookSpeed({ engine, ...url }, options.quick ? 2000 : 8000)))
    if (engine === 'sqlite') findings.push(...(await onSqlite(effort, wants)))
    if (wants('jobs')) findings.push(...(await jobs(engine, url.url)))
    results.set(engine, findings)
    console.log(`\n${engine}, ${tickets.toLocaleString('en')} tickets\n${asText(findings)}`)
  }
  const mariadb = await serviceUrl('MARIADB')
  if (mariadb && wants('jobs') && (!options.engine || options.engine === 'mariadb')) {
    const findings = await jobs('mariadb', mariadb)
    results.set('mariadb', findings)
    console.log(`\nmariadb\n${asText(findings)}`)
  }
  const words = `${effort.rounds} rounds of ${effort.requests} requests over ${effort.connections} connections, ${tickets.toLocaleString('en')} tickets of 15 fields and 2 child rows`
  if (options.save) await save(asMarkdown(results, words, postgres && (await postgresVersion(postgres))))
  return [...results.values()].flat().some((finding) => isKept(finding) === false) ? 1 : 0
}

async function onSqlite(effort: Effort, wants: (part: string) => boolean): Promise<Finding[]> {
  const findings: Finding[] = []
  if (wants('durable'))
    findings.push(
      ...(await inWorld({ engine: 'sqlite', tickets: 2000, durable: true }, (world) => durableCreates(world, options.quick ? 2000 : 4000))),
    )
  if (options.full && wants('growth'))
    findings.push(
      await inWorld({ engine: 'sqlite', tickets: 10_000 }, (small) =>
        inWorld({ engine: 'sqlite', tickets: 1_000_000 }, (large) => growthOfLists(small, large, effort)),
      ),
    )
  if (wants('search')) findings.push(...(await searchSpeed({ engine: 'sqlite' }, options.quick ? 20_000 : 100_000)))
  if (wants('helpdesk')) findings.push(...(await slaSpeed({ engine: 'sqlite' }, options.quick ? 5_000 : 50_000)))
  if (wants('payroll')) findings.push(...(await payrollSpeed(options.quick ? 200 : 1000)))
  if (wants('projects')) findings.push(...(await planningSpeed(2000, options.quick ? 3 : 9)))
  if (wants('billing')) findings.push(...(await invoiceSpeed(500, options.quick ? 5 : 15)))
  if (wants('import')) findings.push(...(await importSpeed(options.quick ? 20_000 : 100_000)))
  if (wants('schedules')) findings.push(...(await schedulerTick(options.quick ? 100 : 1000)))
  if (wants('start')) findings.push(...(await startUp(options.quick ? 3 : 7)))
  return findings
}

/** The queue on its own, and with Redis before it where there is one. */
async function jobs(engine: Engine, url: string | undefined): Promise<Finding[]> {
  const world = { engine, ...(url && { url }) }
  // Compared on a long backlog, also in a quick run: with 5,000 jobs pg-boss, which fetches 800 at a time, came out ahead of us.
  const count = options.quick && engine !== 'postgres' ? 5_000 : 20_000
  const redis = engine === 'mariadb' ? undefined : await serviceUrl('REDIS')
  return [...(await jobSpeed(world, count)), ...(redis ? await jobSpeed({ ...world, redis }, count) : [])]
}

/** Makes a world for as long as `work` takes. */
async function inWorld<T>(wanted: WorldOptions, work: (world: World) => Promise<T>): Promise<T> {
  const world = await makeWorld(wanted)
  try {
    return await work(world)
  } finally {
    const runtime = await openRuntime({ sitesFolder: world.sitesFolder, appFolders, log: pino({ level: 'silent' }) })
    await dropSite(runtime, world.host)
    await runtime.close()
    await rm(dirname(world.sitesFolder), { recursive: true, force: true })
  }
}

/** The server for tests: from the environment, or as dev/services wrote it down. */
async function serviceUrl(service: 'POSTGRES' | 'MARIADB' | 'REDIS'): Promise<string | undefined> {
  const given = process.env[`ORC_TEST_${service}_URL`]
  if (given) return given
  const text = await readFile(join(import.meta.dirname, '..', '.services', 'env'), 'utf8').catch(() => '')
  return new RegExp(`^export ORC_TEST_${service}_URL='(.+)'$`, 'm').exec(text)?.[1]
}

async function postgresVersion(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query('show server_version')
  await client.end()
  return String(rows[0].server_version).split(' ')[0] as string
}

async function save(page: string): Promise<void> {
  const folder = join(import.meta.dirname, '..', 'docs', 'bench')
  await mkdir(folder, { recursive: true })
  const file = join(folder, `${today()}-kernel.md`)
  await writeFile(file, page)
  console.log(`\nWritten to docs/bench/${today()}-kernel.md`)
}
