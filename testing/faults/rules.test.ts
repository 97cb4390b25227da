import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFinal } from './outside.ts'
import { plantings } from './plantings.ts'
import { checkLedger, ledgerRules } from './rules.ts'
import type { Operation, World } from './world.ts'

const asked = (ref: string, more: Partial<Operation>): Operation => ({
  ...{ ref, kind: 'insert', amount: 5, parts: [], wants: [], counter: '', outcome: 'ok', tries: 1, puzzle: '' },
  names: new Set([`name of ${ref}`]),
  ...more,
})

const entry = (client_ref: string, docstatus = 0, parts: number[] = []) => ({
  ...{ client_ref, docstatus, parts, amount: 5, audited: 1 },
  name: `name of ${client_ref}`,
})

const job = (id: string, job_name: string, schedule = '') => ({
  id,
  job_name,
  schedule,
  state: 'finished',
  created: 120_000,
  lost: 0,
  error: '',
})

/** One of everything, and all is well. */
const sound: World = {
  operations: [
    asked('plain', { parts: [2, 1], wants: ['hook', 'mail'] }),
    asked('posted', { kind: 'post', wants: ['job', 'saga'] }),
    asked('given up', { outcome: 'unknown', names: new Set() }),
    asked('refused', { kind: 'invalid', outcome: 'fail', names: new Set() }),
    asked('raised', { kind: 'raise', counter: 'counter', names: new Set() }),
  ],
  events: [
    { id: 'e1', thing: 'thing', sequence: 1, isTaken: true, deliveries: 3 },
    { id: 'e2', thing: 'thing', sequence: 2, isTaken: true, deliveries: 1 },
  ],
  entries: [entry('plain', 0, [1, 2]), entry('posted', 1)],
  postings: [5, -5].map((amount) => ({ entry: 'name of posted', amount })),
  counters: [
    { title: 'counter', total: 1, last_sequence: 0 },
    { title: 'thing', total: 2, last_sequence: 2 },
  ],
  effects: [
    ...['job-outside', 'job-second', 'job-end'].map((kind) => ({ kind, source: 'name of posted' })),
    ...['saga-book', 'saga-note'].map((kind) => ({ kind, source: 'posted' })),
    ...['e1', 'e2'].map((source) => ({ kind: 'event', source })),
    { kind: 'tick', source: 'j2' },
  ],
  jobs: [job('j1', 'ledger.apply'), job('j2', 'ledger.tick', 'ledger.tick beat 0 * * * * *')],
  sagas: [{ name: 'S1', ref: 'posted', status: 'completed', error_message: '', told: '' }],
  deeds: ['job', 'reserve', 'charge'].map((what) => ({ key: what, what, ref: 'posted', applied: 1, undone: 0, isRefused: false })),
  hooks: [
    { id: 'h1', ref: 'plain' },
    { id: 'h1', ref: 'plain' },
  ],
  mails: [{ to: 'plain@mail.test', messageId: '<m1>' }],
  indexed: ['name of plain', 'name of posted'],
  ...{ audit: [], stuck: [], ailing: [] },
  dueTick: 120_000,
}

const broken = (world: Partial<World>) =>
  checkLedger({ ...sound, ...world })
    .filter(({ violations }) => violations.length > 0)
    .map(({ rule }) => rule.id)

test('a sound world breaks no rule', () => {
  assert.deepEqual(broken({}), [])
})

test('each rule finds what is planted against it', () => {
  for (const { rule, what, plant } of plantings) {
    const spoilt = plant(sound)
    assert.ok(spoilt, `there is something to plant: ${what}`)
    assert.ok(broken(spoilt).includes(rule), `${rule} overlooks that ${what}`)
  }
  assert.deepEqual(new Set(plantings.map(({ rule }) => rule)), new Set(ledgerRules.map(({ id }) => id)))
})

test('what got no answer may be there once', () => {
  assert.deepEqual(broken({ entries: [...sound.entries, entry('given up')], indexed: [...sound.indexed, 'name of given up'] }), [])
})

test('a compensated saga leaves nothing standing, outside or inside', () => {
  const sagas = [{ name: 'S1', ref: 'posted', status: 'compensated', error_message: 'Declined.', told: '' }]
  assert.deepEqual(broken({ sagas }), ['L9'])
  const deeds = sound.deeds.filter(({ what }) => what !== 'charge').map((deed) => ({ ...deed, undone: deed.what === 'reserve' ? 1 : 0 }))
  const effects = sound.effects.filter(({ kind }) => kind !== 'saga-note')
  assert.deepEqual(broken({ sagas, deeds, effects: [...effects, { kind: 'saga-unbook', source: 'posted' }] }), [])
})

test('a failed saga counts as ended only where something could not be undone, and somebody was told', () => {
  const refs = Array.from({ length: 200 }, (_, n) => `posted ${n}`)
  const final = refs.find((ref) => isFinal('reserve', ref)) as string
  const renamed = JSON.parse(JSON.stringify(sound).replaceAll('"posted"', `"${final}"`)) as World
  const failed: World = {
    ...renamed,
    operations: renamed.operations.map((one) => ({ ...one, names: new Set<string>() })),
    deeds: renamed.deeds.filter(({ what }) => what !== 'charge'),
    effects: [...renamed.effects.filter(({ kind }) => kind !== 'saga-note'), { kind: 'saga-unbook', source: final }],
  }
  const told = (saga: Partial<World['sagas'][number]>) => {
    const sagas = [{ name: 'S1', ref: final, status: 'failed', error_message: 'It cannot be undone.', told: 'boss@example.com', ...saga }]
    return broken({ ...failed, sagas })
  }
  assert.deepEqual(told({}), [])
  assert.deepEqual(told({ told: '' }), ['L9'])
  assert.deepEqual(told({ error_message: '' }), ['L9'])
  assert.deepEqual(broken({ sagas: [{ name: 'S1', ref: 'posted', status: 'failed', error_message: 'No.', told: 'boss@example.com' }] }), [
    'L9',
  ])
})

test('events in the wrong order leave the newest state', () => {
  const counters = sound.counters.map((one) => (one.title === 'thing' ? { ...one, last_sequence: 1 } : one))
  assert.deepEqual(broken({ counters }), ['W1'])
})

test('a schedule that stopped coming is found', () => {
  assert.deepEqual(broken({ dueTick: 180_000 }), ['S1'])
})
