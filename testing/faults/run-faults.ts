import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Site } from '#kernel/sites/site.ts'
import { Cable } from './cable.ts'
import { Fleet } from './fleet.ts'
import { openHouse } from './house.ts'
import { Load } from './load.ts'
import { type Victims, torment } from './nemesis.ts'
import { observe, passTime, unfinished } from './observe.ts'
import { isInstalled, OwnServer } from './own-servers.ts'
import { plantings } from './plantings.ts'
import { Random } from './random.ts'
import { checkLedger, ledgerRules, type Verdict } from './rules.ts'
import type { World } from './world.ts'

export interface FaultRun {
  readonly database: 'sqlite' | 'postgres' | 'mariadb'
  readonly queue: 'database' | 'redis'
  readonly seed: number
  /** Of faults; starting and settling come on top. */
  readonly minutes: number
  readonly note: (text: string) => void
}

export interface FaultResult {
  readonly struck: ReadonlyMap<string, number>
  readonly verdicts: readonly Verdict[]
  readonly figures: Readonly<Record<string, number>>
  /** Plantings that the rules found, and what they overlooked. */
  readonly proven: number
  readonly overlooked: readonly string[]
  /** Where the output of the processes and the servers lies; undefined: all was well, and it is gone. */
  readonly folder: string | undefined
}

const host = 'faults.localhost'
const counters = ['counter a', 'counter b', 'counter c']
const things = ['thing a', 'thing b', 'thing c']
const settleMs = 150_000

/** Whether this machine has the servers for it. */
export function isPossible({ database, queue }: Pick<FaultRun, 'database' | 'queue'>): boolean {
  return (database === 'sqlite' || isInstalled(database)) && (queue === 'database' || isInstalled('redis'))
}

/** Starts everything, hurts it, lets it settle, and holds what is there against what was promised. */
export async function runFaults(run: FaultRun): Promise<FaultResult> {
  const folder = await mkdtemp(join(tmpdir(), 'orc-faults-'))
  const ends: (() => Promise<unknown>)[] = []
  let isWell = false
  try {
    const result = await hurtAndCheck(run, folder, ends)
    isWell = result.overlooked.length === 0 && result.verdicts.every(({ violations }) => violations.length === 0)
    return { ...result, folder: isWell ? undefined : folder }
  } finally {
    for (const end of ends.reverse()) await end().catch((error) => run.note(`could not be ended: ${error}`))
    if (isWell) await rm(folder, { recursive: true, force: true })
  }
}

async function hurtAndCheck(run: FaultRun, folder: string, ends: (() => Promise<unknown>)[]): Promise<FaultResult> {
  const { note, seed } = run
  const random = new Random(seed)
  let fleet: Fleet | undefined
  const server = run.database === 'sqlite' ? undefined : await OwnServer.start(run.database, folder)
  if (server) ends.push(() => server.kill())
  const redis = run.queue === 'redis' ? await OwnServer.start('redis', folder) : undefined
  if (redis) ends.push(() => redis.kill())
  const cable = server && new Cable({ host: '127.0.0.1', port: server.port })
  if (cable) ends.push(() => cable.close())
  const dbUrl = server && cable && new URL(server.url)
  if (dbUrl) dbUrl.port = String(await cable?.listen())

  const house = await openHouse({
    ...{ folder, host, seed, things: [...counters, ...things] },
    database: dbUrl && run.database !== 'sqlite' ? { name: run.database, url: dbUrl.href } : { name: 'sqlite' },
    config: redis ? { redis_url: redis.url, queue: 'redis' } : {},
    kill: (pid) => {
      const member = fleet?.byPid(pid)
      member?.kill()
      return member !== undefined
    },
  })
  ends.push(() => house.close())
  const { site, outside, mailbox } = house
  const started = await Fleet.start({
    ...house,
    logFile: join(folder, 'processes.log'),
    roles: ['web', 'web', 'worker', 'worker', 'scheduler', 'scheduler'],
  })
  fleet = started
  const { members } = started
  ends.push(() => started.end())
  const startedAt = Date.now()
  const load = new Load({
    urls: started.of('web').map(({ url }) => url),
    authorization: house.authorization,
    webhook: house.webhook,
    ...{ counters, things, seed, clients: 6 },
  })
  load.start()
  outside.isHonest = false
  mailbox.isHonest = false
  const victims: Victims = {
    ...{ fleet: started, outside, mailbox, random },
    ...(server && cable && { database: { server, cable } }),
    ...(run.database === 'sqlite' && { databaseFile: join(house.sitesFolder, host, 'site.db') }),
    ...(redis && { redis }),
  }
  const struck = await torment(victims, startedAt + run.minutes * 60_000, note)

  note('the dust settles')
  outside.isHonest = true
  mailbox.isHonest = true
  const healedAt = Date.now()
  await started.untilUp()
  await load.finish()
  await settle(site)
  const settledMs = Date.now() - healedAt
  const ailing = members.flatMap(({ crashes }) => crashes)
  for (const { url, id } of started.of('web'))
    if (
      !(await fetch(`${url}/health/ready`).then(
        ({ ok }) => ok,
        () => false,
      ))
    )
      ailing.push(`${id} does not answer`)
  const world: World = {
    ...(await observe(site)),
    ...{
      operations: load.operations,
      events: load.events,
      deeds: [...outside.deeds.values()],
      hooks: outside.deliveries,
      mails: mailbox.mails,
      ailing,
    },
    dueTick: dueTickAt(Date.now(), startedAt),
  }
  return {
    struck,
    verdicts: checkLedger(world),
    ...proveRules(world),
    figures: figuresOf(
      world,
      members.reduce((sum, { starts }) => sum + starts - 1, 0),
      settledMs,
    ),
    folder: undefined,
  }
}

/** Waits until nothing is left to do; what then still is left the rules will tell. */
async function settle(site: Site): Promise<void> {
  for (const end = Date.now() + settleMs; Date.now() < end; await pause(1000))
    try {
      if ((await unfinished(site)) === 0) return
      await passTime(site)
    } catch {
      // The connections of this process died with the server: the next ones live.
    }
}

/** The last tick that schedulers have had the time to make up for, with a lease to run out and a look to take. */
function dueTickAt(now: number, startedAt: number): number {
  const minute = 60_000
  const due = Math.floor((now - 45_000) / minute) * minute
  return due > startedAt + 5000 ? due : 0
}

/** Spoils copies of the world in every known way, and sees whether the rules notice. */
function proveRules(world: World): Pick<FaultResult, 'proven' | 'overlooked'> {
  const overlooked: string[] = []
  let proven = 0
  for (const { rule, what, plant } of plantings) {
    const spoilt = plant(world)
    if (!spoilt) continue
    const found = ledgerRules.find(({ id }) => id === rule)?.check(spoilt) ?? []
    if (found.length > (ledgerRules.find(({ id }) => id === rule)?.check(world).length ?? 0)) proven++
    else overlooked.push(`${rule}: ${what}`)
  }
  return { proven, overlooked }
}

function figuresOf(world: World, restarts: number, settledMs: number): Record<string, number> {
  const outcomes = (outcome: string) => world.operations.filter((operation) => operation.outcome === outcome).length
  const sagas = (status: string) => world.sagas.filter((saga) => saga.status === status).length
  return {
    'requests acknowledged': outcomes('ok'),
    'requests refused': outcomes('fail'),
    'requests without an answer': outcomes('unknown'),
    'repeats under a key': world.operations.reduce((sum, { tries }) => sum + Math.max(0, tries - 1), 0),
    entries: world.entries.length,
    jobs: world.jobs.length,
    'jobs whose worker died': world.jobs.filter(({ lost }) => lost > 0).length,
    'sagas completed': sagas('completed'),
    'sagas compensated': sagas('compensated'),
    'sagas failed and reported': sagas('failed'),
    'events told of': world.events.length,
    'deliveries of events': world.events.reduce((sum, { deliveries }) => sum + deliveries, 0),
    'messages of webhooks': world.hooks.length,
    mails: new Set(world.mails.map(({ messageId }) => messageId)).size,
    'mails that came again': world.mails.length - new Set(world.mails.map(({ messageId, to }) => messageId + to)).size,
    'ticks of schedules': world.jobs.filter(({ job_name, schedule }) => job_name === 'ledger.tick' && schedule !== '').length,
    'processes started again': restarts,
    'seconds to settle': Math.round(settledMs / 1000),
  }
}
