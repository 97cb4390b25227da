import type { World } from './world.ts'

/** A fault put into a world by hand, which the rule must find: a checker that finds nothing may as well be blind. */
export interface Planting {
  readonly rule: string
  readonly what: string
  /** The world with the fault; undefined: there is nothing in it to spoil. */
  readonly plant: (world: World) => World | undefined
}

export const plantings: readonly Planting[] = [
  {
    rule: 'L1',
    what: 'an acknowledged entry is lost',
    plant: (world) => {
      const lost = world.operations.find(({ outcome, kind }) => outcome === 'ok' && kind !== 'raise')
      return lost && { ...world, entries: world.entries.filter(({ client_ref }) => client_ref !== lost.ref) }
    },
  },
  { rule: 'L1', what: 'an entry is there twice', plant: (world) => doubled(world, 'ok') },
  {
    rule: 'L2',
    what: 'a refused request left an entry',
    plant: (world) => {
      const [refused] = world.operations.filter(({ outcome }) => outcome === 'fail')
      const [entry] = world.entries
      return refused && entry && { ...world, entries: [...world.entries, { ...entry, name: 'planted', client_ref: refused.ref }] }
    },
  },
  {
    rule: 'L3',
    what: 'a request without an answer was done twice',
    plant: (world) => {
      const [entry] = world.entries
      const [operation] = world.operations.filter(({ ref }) => ref === entry?.client_ref)
      if (!entry || !operation) return undefined
      const others = world.operations.filter((one) => one !== operation)
      return {
        ...world,
        operations: [...others, { ...operation, outcome: 'unknown' }],
        entries: [...world.entries, { ...entry, name: 'planted' }],
      }
    },
  },
  {
    rule: 'L4',
    what: 'an entry came from nowhere',
    plant: (world) => {
      const [entry] = world.entries
      return entry && { ...world, entries: [...world.entries, { ...entry, name: 'planted', client_ref: 'nobody' }] }
    },
  },
  {
    rule: 'L5',
    what: 'a repeated request was answered with another name',
    plant: (world) => {
      const [first, ...others] = world.operations.filter(({ names }) => names.size > 0)
      return first && { ...world, operations: [...others, { ...first, names: new Set([...first.names, 'planted']) }] }
    },
  },
  {
    rule: 'L6',
    what: 'an addition to a counter is lost',
    plant: (world) => {
      const raised = world.operations.find(({ kind, outcome }) => kind === 'raise' && outcome === 'ok')?.counter
      const sure = world.operations.filter(({ counter, outcome }) => counter === raised && outcome === 'ok').length
      return raised === undefined
        ? undefined
        : { ...world, counters: world.counters.map((one) => (one.title === raised ? { ...one, total: sure - 1 } : one)) }
    },
  },
  {
    rule: 'L6',
    what: 'an entry is not in the audit log',
    plant: (world) => withEntries(world, (entry) => ({ ...entry, audited: 0 })),
  },
  {
    rule: 'L6',
    what: 'an entry cannot be found',
    plant: (world) => (world.indexed.length > 0 ? { ...world, indexed: world.indexed.slice(1) } : undefined),
  },
  {
    rule: 'L7',
    what: 'a message of a webhook never left',
    plant: (world) => {
      const there = new Set(world.entries.map(({ client_ref }) => client_ref))
      const lost = world.operations.find(({ wants, ref }) => wants.includes('hook') && there.has(ref))?.ref
      return lost === undefined ? undefined : { ...world, hooks: world.hooks.filter(({ ref }) => ref !== lost) }
    },
  },
  {
    rule: 'L8',
    what: 'a step of a job took effect twice',
    plant: (world) => {
      const [effect] = world.effects.filter(({ kind }) => kind === 'job-second')
      return effect && { ...world, effects: [...world.effects, effect] }
    },
  },
  {
    rule: 'L8',
    what: 'a job never ends',
    plant: (world) => {
      const [job, ...others] = world.jobs
      return job && { ...world, jobs: [...others, { ...job, state: 'running' }] }
    },
  },
  {
    rule: 'L9',
    what: 'a completed saga was charged for nothing',
    plant: (world) => {
      const saga = world.sagas.find(({ status }) => status === 'completed')
      return saga && { ...world, deeds: world.deeds.filter(({ ref, what }) => ref !== saga.ref || what !== 'charge') }
    },
  },
  {
    rule: 'L9',
    what: 'a saga runs for ever',
    plant: (world) => {
      const [saga, ...others] = world.sagas
      return saga && { ...world, sagas: [...others, { ...saga, status: 'running' }] }
    },
  },
  {
    rule: 'L10',
    what: 'a row of an entry is missing',
    plant: (world) => withEntries(world, (entry) => ({ ...entry, parts: entry.parts.slice(1) })),
  },
  {
    rule: 'L10',
    what: 'a submitted entry has one side of its posting',
    plant: (world) => (world.postings.length > 0 ? { ...world, postings: world.postings.slice(1) } : undefined),
  },
  {
    rule: 'S1',
    what: 'a tick came twice',
    plant: (world) => {
      const tick = world.jobs.find(({ job_name, schedule }) => job_name === 'ledger.tick' && schedule !== '')
      return tick && { ...world, jobs: [...world.jobs, { ...tick, id: 'planted' }] }
    },
  },
  {
    rule: 'M1',
    what: 'a mail arrived as two',
    plant: (world) => {
      const [mail] = world.mails
      return mail && { ...world, mails: [...world.mails, { ...mail, messageId: 'planted' }] }
    },
  },
  {
    rule: 'W1',
    what: 'an event counted twice',
    plant: (world) => {
      const [effect] = world.effects.filter(({ kind }) => kind === 'event')
      return effect && { ...world, effects: [...world.effects, effect] }
    },
  },
  { rule: 'K1', what: 'a lock outlived its holder', plant: (world) => ({ ...world, stuck: [...world.stuck, 'planted'] }) },
  { rule: 'K2', what: 'a process died of itself', plant: (world) => ({ ...world, ailing: [...world.ailing, 'planted'] }) },
]

function doubled(world: World, outcome: string): World | undefined {
  const refs = new Set(world.operations.filter((operation) => operation.outcome === outcome).map(({ ref }) => ref))
  const entry = world.entries.find(({ client_ref }) => refs.has(client_ref))
  return entry && { ...world, entries: [...world.entries, { ...entry, name: 'planted' }] }
}

/** Spoils the first entry that has rows. */
function withEntries(world: World, spoil: (entry: World['entries'][number]) => World['entries'][number]): World | undefined {
  const victim = world.entries.find(({ parts }) => parts.length > 0)
  return victim && { ...world, entries: world.entries.map((entry) => (entry === victim ? spoil(entry) : entry)) }
}
