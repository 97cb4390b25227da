import { type Case, cases, createRequest, latestPath, listPath } from './cases.ts'
import { load, type RawRequest, rawRequest } from './load.ts'
import { type MeasuredProcess, startProcess } from './measured-process.ts'
import type { Finding } from './report.ts'
import { appFolders, ownOrganization, type World } from './world.ts'

/** How much is measured. */
export interface Effort {
  readonly rounds: number
  /** Requests of each side in a round. */
  readonly requests: number
  readonly connections: number
}

/** Starts our server on a site that exists. */
export function startOurs(world: World): Promise<MeasuredProcess> {
  return startProcess('our-server.ts', { sitesFolder: world.sitesFolder, appFolders, site: world.host })
}

/** Starts the floor on the same rows. */
export function startFloor(world: World, durable = false): Promise<MeasuredProcess> {
  return startProcess('floor-server.ts', { engine: world.engine, address: world.address, organization: ownOrganization, durable })
}

/** Runs each case on both servers in turns, so that whatever else the machine does falls on both alike, and compares the medians. */
export async function compareCases(world: World, effort: Effort): Promise<Finding[]> {
  const ours = await startOurs(world)
  const floor = await startFloor(world)
  try {
    const findings: Finding[] = []
    for (const one of cases.filter((each) => !each.writes)) findings.push(await compare(world, one, ours, floor, effort))
    findings.push(await scopingCost(world, ours, effort), await severalTenants(world, ours, effort))
    // Last, because what is written then lies in the way of whoever reads.
    for (const one of cases.filter((each) => each.writes)) findings.push(await compare(world, one, ours, floor, effort))
    return findings
  } finally {
    await ours.stop()
    await floor.stop()
  }
}

async function compare(world: World, one: Case, ours: MeasuredProcess, floor: MeasuredProcess, effort: Effort): Promise<Finding> {
  const [oursCpu, floorCpu] = await inTurns(effort, [
    { process: ours, next: (number) => one.ours(world, number) },
    { process: floor, next: (number) => one.floor(world, number) },
  ])
  return { engine: world.engine, what: one.name, unit: 'µs of CPU', ours: oursCpu, floor: floorCpu, limit: one.target, compares: 'ratio' }
}

/** The same list by the same person, who is confined to one organisation, and by the Administrator, who sees all 20. */
async function scopingCost(world: World, ours: MeasuredProcess, effort: Effort): Promise<Finding> {
  const listAs = (who: string) => rawRequest('GET', listPath(), { Authorization: who })
  // What is looked for is a few parts in a hundred, where the others are about factors.
  const [scoped, unscoped] = await inTurns({ ...effort, rounds: effort.rounds * 3 }, [
    { process: ours, next: () => listAs(world.agent) },
    { process: ours, next: () => listAs(world.administrator) },
  ])
  return {
    engine: world.engine,
    what: 'row scoping: the list against the Administrator’s',
    unit: 'µs of CPU',
    ours: scoped,
    floor: unscoped,
    limit: 1.15,
    compares: 'ratio',
  }
}

/** The latest tickets of three organisations, for somebody confined to those, against the latest of all. */
async function severalTenants(world: World, ours: MeasuredProcess, effort: Effort): Promise<Finding> {
  const listAs = (who: string) => rawRequest('GET', latestPath(), { Authorization: who })
  const [scoped, unscoped] = await inTurns(effort, [
    { process: ours, next: () => listAs(world.regional) },
    { process: ours, next: () => listAs(world.administrator) },
  ])
  return {
    engine: world.engine,
    what: 'the latest 20 of three organisations against those of all',
    unit: 'µs of CPU',
    ours: scoped,
    floor: unscoped,
    compares: 'ratio',
  }
}

/** How the scoped list behaves as the table grows. */
export async function growthOfLists(small: World, large: World, effort: Effort): Promise<Finding> {
  const [few, many] = [await startOurs(small), await startOurs(large)]
  try {
    const [largeCpu, smallCpu] = await inTurns(effort, [
      { process: many, next: () => rawRequest('GET', listPath(), { Authorization: large.agent }) },
      { process: few, next: () => rawRequest('GET', listPath(), { Authorization: small.agent }) },
    ])
    const what = `list at ${large.tickets.toLocaleString('en')} rows against ${small.tickets.toLocaleString('en')}`
    return { engine: small.engine, what, unit: 'µs of CPU', ours: largeCpu, floor: smallCpu, limit: 1.15, compares: 'ratio' }
  } finally {
    await few.stop()
    await many.stop()
  }
}

const stretches = 4

/**
 * Creates per second that 32 clients see acknowledged by a site with synchronous=FULL; the floor commits each for itself. The best of four
 * stretches that the two take in turns: whatever else the machine does can only make the clock run against them.
 * @param milliseconds  of each stretch
 */
export async function durableCreates(world: World, milliseconds: number): Promise<Finding[]> {
  const { engine } = world
  const floor = { process: await startFloor(world, true), next: (number: number) => (cases.at(-1) as Case).floor(world, number) }
  const ours = { process: await startOurs(world), next: (number: number) => createRequest(world, number) }
  try {
    const [bestOurs, bestFloor] = [await creates(ours, 500), await creates(floor, 500)]
    for (let stretch = 0; stretch < stretches; stretch++) {
      keepBetter(bestOurs, await creates(ours, milliseconds))
      keepBetter(bestFloor, await creates(floor, milliseconds))
    }
    return [
      {
        engine,
        what: 'durable creates from 32 clients, synchronous=FULL',
        unit: 'per second',
        ours: bestOurs.rate,
        floor: bestFloor.rate,
        limit: 1500,
        compares: 'at least',
      },
      {
        engine,
        what: 'the slowest hundredth of them',
        unit: 'ms',
        ours: bestOurs.slowest,
        floor: bestFloor.slowest,
        limit: 60,
        compares: 'at most',
      },
      {
        engine,
        what: 'what the server got of a core meanwhile',
        unit: '%',
        ours: bestOurs.share,
        floor: bestFloor.share,
        compares: 'at least',
      },
    ]
  } finally {
    await ours.process.stop()
    await floor.process.stop()
  }
}

interface Creates {
  rate: number
  slowest: number
  share: number
}

async function creates({ process, next }: Side, milliseconds: number): Promise<Creates> {
  const before = (await process.usage()).cpu
  const until = performance.now() + milliseconds
  const { requests, wall, latencies } = await load(process.port, 32, next, () => performance.now() > until)
  const share = ((await process.usage()).cpu - before) / 1000 / wall
  return { rate: (requests / wall) * 1000, slowest: latencies[Math.floor(latencies.length * 0.99)] ?? 0, share: share * 100 }
}

function keepBetter(best: Creates, found: Creates): void {
  if (found.rate > best.rate) Object.assign(best, found)
}

interface Side {
  readonly process: MeasuredProcess
  next(number: number): RawRequest
}

/** Median CPU of one request on each side, in microseconds; the first round of each warms up and does not count. */
async function inTurns({ rounds, requests, connections }: Effort, sides: readonly [Side, Side]): Promise<[number, number]> {
  const cpu: [number[], number[]] = [[], []]
  let done = 0
  for (let round = -1; round < rounds; round++) {
    for (const which of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      const { process, next } = sides[which]
      const before = (await process.usage()).cpu
      const offset = done
      await load(
        process.port,
        connections,
        (number) => next(offset + number),
        (sent) => sent >= requests,
      )
      done += requests
      const used = ((await process.usage()).cpu - before) / requests
      if (round >= 0) cpu[which].push(used)
    }
  }
  return [median(cpu[0]), median(cpu[1])]
}

/** The middle one, or the upper of the two in the middle. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
