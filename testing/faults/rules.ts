import { isFinal } from './outside.ts'
import type { Operation, SeenEntry, Want, World } from './world.ts'

/** A promise, and what in a world breaks it. */
export interface LedgerRule {
  readonly id: string
  readonly promise: string
  /** Violations, in words. */
  readonly check: (world: World) => string[]
}

/** What a broken rule said. */
export interface Verdict {
  readonly rule: LedgerRule
  readonly violations: readonly string[]
}

/** The ledger rules: what a client was told against what is there. */
export const ledgerRules: readonly LedgerRule[] = [
  { id: 'L1', promise: 'what was acknowledged is there exactly once', check: (world) => counted(world, 'ok', (n) => n === 1) },
  { id: 'L2', promise: 'what was refused left nothing behind', check: (world) => counted(world, 'fail', (n) => n === 0) },
  { id: 'L3', promise: 'what got no answer is there once or not at all', check: (world) => counted(world, 'unknown', (n) => n <= 1) },
  { id: 'L4', promise: 'nothing is there that nobody asked for', check: uninvited },
  { id: 'L5', promise: 'a request that was repeated under its key was done once and answered alike', check: answeredAlike },
  { id: 'L6', promise: 'counters, postings, the audit log and the search index agree with the entries', check: derived },
  { id: 'L7', promise: 'each message of a webhook arrived, under one id', check: hooked },
  { id: 'L8', promise: 'each job ended, and each of its effects is there once', check: worked },
  { id: 'L9', promise: 'each saga was completed, compensated or reported, and its effects outside agree', check: sagasEnded },
  { id: 'L10', promise: 'no document is torn', check: torn },
  { id: 'S1', promise: 'each tick of a schedule came at most once, and went on coming', check: ticked },
  { id: 'M1', promise: 'each mail arrived, under one Message-ID', check: mailed },
  { id: 'W1', promise: 'each webhook from outside counted once, and the newest one won', check: eventsCounted },
  { id: 'K1', promise: 'nothing is stuck or locked', check: ({ stuck }) => [...stuck] },
  { id: 'K2', promise: 'every process lives, and answers', check: ({ ailing }) => [...ailing] },
]

/** Checks all rules. @returns one verdict per rule */
export function checkLedger(world: World): Verdict[] {
  return ledgerRules.map((rule) => ({ rule, violations: rule.check(world) }))
}

const isEntry = ({ kind }: Operation) => kind !== 'raise'

function byRef(world: World): Map<string, SeenEntry[]> {
  return Map.groupBy(world.entries, ({ client_ref }) => client_ref)
}

function counted(world: World, outcome: Operation['outcome'], isRight: (n: number) => boolean): string[] {
  const found = byRef(world)
  return world.operations
    .filter((operation) => isEntry(operation) && operation.outcome === outcome)
    .map((operation) => ({ operation, n: found.get(operation.ref)?.length ?? 0 }))
    .filter(({ n }) => !isRight(n))
    .map(({ operation, n }) => `${operation.ref} (${operation.kind}, ${outcome}, ${operation.tries} tries) is there ${n} times`)
}

function uninvited(world: World): string[] {
  const asked = new Set(world.operations.map(({ ref }) => ref))
  return world.entries.filter(({ client_ref }) => !asked.has(client_ref)).map(({ name, client_ref }) => `entry ${name} of ${client_ref}`)
}

function answeredAlike(world: World): string[] {
  const found = byRef(world)
  return world.operations
    .filter(isEntry)
    .filter(({ ref, names }) => names.size > 1 || [...names].some((name) => !found.get(ref)?.some((entry) => entry.name === name)))
    .map(({ ref, names }) => `${ref} was answered with ${[...names].join(', ')}`)
}

function derived(world: World): string[] {
  const raises = Map.groupBy(
    world.operations.filter(({ kind }) => kind === 'raise'),
    ({ counter }) => counter,
  )
  const wrong = [...world.audit]
  for (const [counter, operations] of raises) {
    const sure = operations.filter(({ outcome }) => outcome === 'ok').length
    const most = sure + operations.filter(({ outcome }) => outcome === 'unknown').length
    const total = world.counters.find(({ title }) => title === counter)?.total ?? -1
    if (total < sure || total > most) wrong.push(`counter ${counter} is at ${total}, and was raised ${sure} to ${most} times`)
  }
  for (const { name, audited } of world.entries)
    if (audited !== 1) wrong.push(`the audit log tells ${audited} times that entry ${name} was made`)
  const [indexed, there] = [new Set(world.indexed), new Set(world.entries.map(({ name }) => name))]
  for (const name of there.symmetricDifference(indexed))
    wrong.push(`entry ${name} is ${indexed.has(name) ? 'in the search index, and not there' : 'not in the search index'}`)
  const sum = world.postings.reduce((total, { amount }) => total + amount, 0)
  if (sum !== 0) wrong.push(`the postings sum to ${sum}`)
  return wrong
}

/** Entries that are there and were to have that consequence. */
function wanting(world: World, want: Want): SeenEntry[] {
  const found = byRef(world)
  return world.operations.filter(({ wants }) => wants.includes(want)).flatMap(({ ref }) => found.get(ref) ?? [])
}

function hooked(world: World): string[] {
  const ids = Map.groupBy(world.hooks, ({ ref }) => ref)
  const wrong = wanting(world, 'hook')
    .map(({ client_ref }) => ({ ref: client_ref, n: new Set(ids.get(client_ref)?.map(({ id }) => id)).size }))
    .filter(({ n }) => n !== 1)
    .map(({ ref, n }) => `${ref} was told of under ${n} ids`)
  const there = new Set(world.entries.map(({ client_ref }) => client_ref))
  return [...wrong, ...[...ids.keys()].filter((ref) => !there.has(ref)).map((ref) => `${ref} was told of and is not there`)]
}

function effectsOf(world: World): (kind: string, source: string) => number {
  const counts = new Map<string, number>()
  for (const { kind, source } of world.effects) counts.set(`${kind} ${source}`, (counts.get(`${kind} ${source}`) ?? 0) + 1)
  return (kind, source) => counts.get(`${kind} ${source}`) ?? 0
}

function worked(world: World): string[] {
  const effects = effectsOf(world)
  const deeds = Map.groupBy(
    world.deeds.filter(({ what }) => what === 'job'),
    ({ ref }) => ref,
  )
  const wrong = world.jobs
    .filter(({ state }) => !['finished', 'cancelled'].includes(state))
    .map(({ id, job_name, state, lost, error }) => `job ${id} (${job_name}) is ${state}, lost ${lost} times: ${error.slice(0, 200)}`)
  for (const { name, client_ref } of wanting(world, 'job')) {
    for (const kind of ['job-outside', 'job-second', 'job-end'])
      if (effects(kind, name) !== 1) wrong.push(`${kind} of entry ${name} took effect ${effects(kind, name)} times`)
    const done = deeds.get(client_ref)?.reduce((sum, { applied }) => sum + applied, 0) ?? 0
    if (done !== 1) wrong.push(`the job of ${client_ref} was done ${done} times outside`)
  }
  return wrong
}

function sagasEnded(world: World): string[] {
  const effects = effectsOf(world)
  const wrong: string[] = []
  const sagas = Map.groupBy(world.sagas, ({ ref }) => ref)
  for (const { client_ref } of wanting(world, 'saga')) {
    const [saga, ...more] = sagas.get(client_ref) ?? []
    if (!saga || more.length > 0) {
      wrong.push(`${client_ref} has ${saga ? more.length + 1 : 0} sagas`)
      continue
    }
    // What is in effect at the end, outside and inside.
    const net = (what: string) =>
      world.deeds
        .filter((deed) => deed.ref === client_ref && deed.what === what)
        .reduce((sum, { applied, undone }) => sum + applied - undone, 0)
    const twice = world.deeds.find((deed) => deed.ref === client_ref && (deed.applied > 1 || deed.undone > deed.applied))
    const inside = (kind: string) => effects(`saga-${kind}`, client_ref) - effects(`saga-un${kind}`, client_ref)
    const standing = [net('reserve'), inside('book'), net('charge'), inside('note')].join(' ')
    const isReported = saga.status !== 'failed' || (saga.error_message !== '' && saga.told !== '' && isFinal('reserve', client_ref))
    const expected = { completed: '1 1 1 1', compensated: '0 0 0 0', failed: '1 0 0 0' }[saga.status]
    if (twice) wrong.push(`saga ${saga.name}: ${twice.what} was applied ${twice.applied} and undone ${twice.undone} times`)
    if (!isReported || expected !== standing)
      wrong.push(
        `saga ${saga.name} is ${saga.status}, told: ${saga.told || 'nobody'}; what stands is ${standing}: ${saga.error_message.slice(0, 200)}`,
      )
  }
  return wrong
}

function torn(world: World): string[] {
  const operations = new Map(world.operations.map((operation) => [operation.ref, operation]))
  const postings = Map.groupBy(world.postings, ({ entry }) => entry)
  const wrong: string[] = []
  for (const { name, client_ref, docstatus, amount, parts } of world.entries) {
    const operation = operations.get(client_ref)
    if (!operation) continue
    if (parts.join() !== operation.parts.toSorted((a, b) => a - b).join())
      wrong.push(`entry ${name} has the rows ${parts.join()}, asked for were ${operation.parts.join()}`)
    if (amount !== operation.amount) wrong.push(`entry ${name} has the amount ${amount}, asked for was ${operation.amount}`)
    if (docstatus !== (operation.kind === 'post' ? 1 : 0)) wrong.push(`entry ${name} has docstatus ${docstatus}`)
    const sides = postings.get(name)?.length ?? 0
    if (sides !== (docstatus === 1 ? 2 : 0)) wrong.push(`entry ${name} with docstatus ${docstatus} has ${sides} postings`)
  }
  const entries = new Set(world.entries.map(({ name }) => name))
  for (const entry of postings.keys()) if (!entries.has(entry)) wrong.push(`there are postings of ${entry}, which is not there`)
  return wrong
}

const minute = 60_000

function ticked(world: World): string[] {
  const effects = effectsOf(world)
  const wrong: string[] = []
  const jobs = Map.groupBy(
    world.jobs.filter(({ job_name, schedule }) => job_name === 'ledger.tick' && schedule !== ''),
    ({ schedule }) => schedule,
  )
  if (world.dueTick > 0 && jobs.size === 0) wrong.push('no schedule ever ticked')
  for (const [schedule, ticks] of jobs) {
    const minutes = Map.groupBy(ticks, ({ created }) => Math.floor(created / minute))
    for (const [when, { length }] of minutes)
      if (length > 1) wrong.push(`${schedule} ticked ${length} times at ${new Date(when * minute).toISOString()}`)
    if (ticks.every(({ created }) => created < world.dueTick))
      wrong.push(`${schedule} has not ticked since ${new Date(world.dueTick).toISOString()}`)
  }
  for (const [source, n] of Map.groupBy(
    world.effects.filter(({ kind }) => kind === 'tick'),
    ({ source }) => source,
  ))
    if (n.length !== 1) wrong.push(`the tick ${source} took effect ${n.length} times`)
  for (const { id, state } of [...jobs.values()].flat())
    if (state === 'finished' && effects('tick', id) !== 1) wrong.push(`the tick ${id} left no effect`)
  return wrong
}

function mailed(world: World): string[] {
  const mails = Map.groupBy(world.mails, ({ to }) => to)
  const ids = (ref: string) => new Set(mails.get(`${ref}@mail.test`)?.map(({ messageId }) => messageId)).size
  const wrong = wanting(world, 'mail')
    .filter(({ client_ref }) => ids(client_ref) !== 1)
    .map(({ client_ref }) => `the mail of ${client_ref} arrived under ${ids(client_ref)} ids`)
  const there = new Set(world.entries.map(({ client_ref }) => `${client_ref}@mail.test`))
  // Mail elsewhere is the platform's own: of sagas that failed, for one.
  const strays = [...mails.keys()].filter((to) => to.endsWith('@mail.test') && !there.has(to))
  return [...wrong, ...strays.map((to) => `a mail went to ${to}, of whom there is no entry`)]
}

function eventsCounted(world: World): string[] {
  const effects = effectsOf(world)
  const wrong: string[] = []
  for (const { id, isTaken, deliveries } of world.events) {
    const n = effects('event', id)
    if (isTaken ? n !== 1 : n > 1)
      wrong.push(`event ${id} (sent ${deliveries} times, ${isTaken ? '' : 'not '}acknowledged) counted ${n} times`)
  }
  for (const [thing, events] of Map.groupBy(world.events, (event) => event.thing)) {
    const done = events.filter(({ id }) => effects('event', id) > 0)
    const state = world.counters.find(({ title }) => title === thing)
    const newest = Math.max(0, ...done.map(({ sequence }) => sequence))
    if (state?.total !== done.length || state.last_sequence !== newest)
      wrong.push(`${thing} counts ${state?.total} up to ${state?.last_sequence}, told were ${done.length} up to ${newest}`)
  }
  return wrong
}
