import { execFileSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { Cable } from './cable.ts'
import type { Fleet, Member, Role } from './fleet.ts'
import type { Mailbox } from './mailbox.ts'
import type { Outside, OutsideMoment } from './outside.ts'
import type { OwnServer } from './own-servers.ts'
import { Random } from './random.ts'

/** Whom the nemesis may hurt. */
export interface Victims {
  readonly fleet: Fleet
  readonly outside: Outside
  readonly mailbox: Mailbox
  readonly random: Random
  /** The database server and the way to it; absent on SQLite. */
  readonly database?: { readonly server: OwnServer; readonly cable: Cable }
  /** The file whose disk may be full; absent elsewhere. */
  readonly databaseFile?: string
  readonly redis?: OwnServer
}

interface Fault {
  readonly name: string
  readonly isPossible?: (victims: Victims) => boolean
  /** @param untilTime when all faults are to be over, in milliseconds since 1970 */
  readonly strike: (victims: Victims, untilTime: number) => Promise<void> | void
}

const kill = (role: Role): Fault => ({
  name: `kill -9 a ${role} process`,
  strike: ({ fleet, random }) => random.pick(fleet.of(role)).kill(),
})

const killAt = (role: Role, point: 'before' | 'after'): Fault => ({
  name: `kill -9 a ${role} process right ${point} a commit`,
  strike: ({ fleet, random }) => random.pick(fleet.of(role)).killAt({ point, nth: random.between(1, 5) }),
})

const stall = (role: Role, seconds: number): Fault => ({
  name: `stall a ${role} process for ${seconds} s`,
  strike: async ({ fleet, random }, untilTime) => {
    const member = random.pick(fleet.of(role))
    member.stall()
    await pause(Math.max(0, Math.min(seconds * 1000, untilTime - Date.now())))
    member.wake()
  },
})

/** Longer than a claim holds: the worker's jobs are taken over, and it wakes up among them. */
const longStall = stall('worker', 24)

const moments: Record<OutsideMoment, string> = {
  before: 'before the other side did anything',
  unanswered: 'between the deed of the other side and its answer',
  answered: 'with the answer of the other side in its hands',
}

const killWhileCalling = (moment: OutsideMoment): Fault => ({
  name: `kill -9 a worker ${moments[moment]}`,
  strike: ({ outside }) => outside.arm(moment),
})

/** Everything that can go wrong. */
const faults: readonly Fault[] = [
  kill('web'),
  kill('worker'),
  kill('scheduler'),
  killAt('web', 'before'),
  killAt('web', 'after'),
  killAt('worker', 'before'),
  killAt('worker', 'after'),
  killAt('scheduler', 'after'),
  killWhileCalling('before'),
  killWhileCalling('unanswered'),
  killWhileCalling('answered'),
  {
    name: 'kill -9 the workers while a mail is being taken',
    strike: ({ mailbox, fleet }) => {
      mailbox.onText = () => {
        for (const worker of fleet.of('worker')) worker.kill()
      }
    },
  },
  {
    name: 'kill -9 every process at once',
    strike: ({ fleet }) => {
      for (const member of fleet.members) member.kill()
    },
  },
  { name: 'restart a web process in good order', strike: ({ fleet, random }) => random.pick(fleet.of('web')).end() },
  { name: 'restart a worker in good order', strike: ({ fleet, random }) => random.pick(fleet.of('worker')).end() },
  stall('web', 3),
  stall('worker', 3),
  longStall,
  stall('scheduler', 6),
  {
    name: 'kill and restart the database server',
    isPossible: ({ database }) => database !== undefined,
    strike: async ({ database, random }) => {
      await database?.server.restart(random.between(0, 2000))
    },
  },
  {
    name: 'cut all connections to the database',
    isPossible: ({ database }) => database !== undefined,
    strike: ({ database }) => database?.cable.cut(),
  },
  {
    name: 'silence on the line to the database for 5 s',
    isPossible: ({ database }) => database !== undefined,
    strike: async ({ database }) => {
      database?.cable.hush()
      await pause(5000)
      database?.cable.speak()
    },
  },
  {
    name: 'a full disk for 3 s',
    isPossible: ({ databaseFile }) => databaseFile !== undefined && process.platform === 'linux',
    strike: async ({ databaseFile, fleet }) => {
      const bytes = Math.max(...['', '-wal', '-shm'].map((end) => statSync(databaseFile + end, { throwIfNoEntry: false })?.size ?? 0))
      for (const member of fleet.members) limitFiles(member, String(bytes))
      await pause(3000)
      for (const member of fleet.members) limitFiles(member, 'unlimited')
    },
  },
  {
    name: 'kill and restart Redis, which forgets everything',
    isPossible: ({ redis }) => redis !== undefined,
    strike: async ({ redis, random }) => {
      await redis?.restart(random.between(0, 2000))
    },
  },
]

/** No process can make a file larger than that, which is what a full disk looks like from within. */
function limitFiles({ pid }: Member, bytes: string): void {
  try {
    execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:unlimited`], { stdio: 'ignore' })
  } catch {
    // It has just died of something else.
  }
}

/**
 * Deals faults until the time is up: all that are possible, shuffled by the seed, and again. A fault that takes long does not hold up the
 * next.
 * @returns how often each struck
 */
export async function torment(victims: Victims, untilTime: number, note: (text: string) => void): Promise<Map<string, number>> {
  const { random } = victims
  const struck = new Map<string, number>()
  const lasting = new Set<Promise<void>>()
  const possible = faults.filter(({ isPossible }) => isPossible?.(victims) ?? true)
  // First, so that it has its time in the shortest run too.
  let deck = [...random.shuffle(possible.filter((fault) => fault !== longStall)), longStall]
  while (Date.now() < untilTime) {
    if (deck.length === 0) deck = random.shuffle(possible)
    const fault = deck.pop() as Fault
    note(fault.name)
    struck.set(fault.name, (struck.get(fault.name) ?? 0) + 1)
    // Numbers of its own: when a fault that lasts asks for its next one must not change what the others get.
    const done = Promise.resolve(fault.strike({ ...victims, random: new Random(random.between(1, 1e9)) }, untilTime)).finally(() =>
      lasting.delete(done),
    )
    lasting.add(done)
    await pause(random.between(600, 2600))
  }
  await Promise.all(lasting)
  return struck
}
