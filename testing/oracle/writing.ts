import assert from 'node:assert/strict'
import { sql } from '#kernel/database/sql.ts'
import type { CallAnswer } from '#testing/server.ts'
import { checkBeside, checkRows } from './beside.ts'
import { leak } from './expected.ts'
import { isMasked, levels, mayCreate, mayDo, mayPointAt, statusFor } from './model.ts'
import { run, writeDocuments } from './settle.ts'
import type { Question, Stage } from './stage.ts'
import { pick, type State, stateOf } from './state.ts'
import type { DocumentFact, RightName, World, WorldDocType, WorldUser } from './world.ts'

type Row = Record<string, unknown>

const method = (path: string, body: object): Question => ({ verb: 'POST', path: `/api/method/${path}`, body })

/** Tries to change, delete, copy by hand, submit and cancel a document. @param before how things are; they are so again afterwards */
export async function checkWrites(
  stage: Stage,
  world: World,
  user: WorldUser,
  fact: DocumentFact,
  before: State,
  turn: number,
): Promise<void> {
  const common = [checkChange, checkRemoval, checkCreation, checkBeside]
  const tries = fact.doctype === 'Case' ? [...common, checkRows, checkSubmission, checkCancellation] : [...common, checkChange]
  try {
    await pick(tries, turn)(stage, world, user, fact, before, Math.floor(turn / tries.length))
  } finally {
    await restore(stage, world, before)
  }
}

async function restore(stage: Stage, world: World, before: State): Promise<void> {
  const now = await stateOf(stage)
  if (same(now, before)) return
  await stage.server.asSystem((ctx) => writeDocuments(ctx, world))
}

function same(one: State, other: State): boolean {
  return JSON.stringify([...one].sort()) === JSON.stringify([...other].sort())
}

const changes: readonly [string, (doctype: string, name: string, values: Row) => Question][] = [
  ['v1 put', (doctype, name, body) => ({ verb: 'PUT', path: `/api/resource/${doctype}/${name}`, body })],
  ['v2 patch', (doctype, name, body) => ({ verb: 'PATCH', path: `/api/v2/document/${doctype}/${name}`, body })],
  ['set_value', (doctype, name, fieldname) => method('frappe.client.set_value', { doctype, name, fieldname })],
  ['client.save', (doctype, name, values) => method('frappe.client.save', { doc: { doctype, name, ...values } })],
  ['savedocs', (doctype, name, values) => method('frappe.desk.form.save.savedocs', { doc: { doctype, name, ...values }, action: 'Save' })],
  ['client.bulk_update', (doctype, name, values) => method('frappe.client.bulk_update', { docs: [{ doctype, docname: name, ...values }] })],
  [
    'v2 bulk_update',
    (doctype, name, values) => ({ verb: 'POST', path: `/api/v2/document/${doctype}/bulk_update`, body: { docs: [{ name, ...values }] } }),
  ],
]

/** Moves of a document, to be tried by somebody: what is written, and the document as the model sees it then. */
function moveOf(fact: DocumentFact, turn: number): { values: Row; after: DocumentFact; targets: [WorldDocType, string][] } {
  const region = pick(['Europe', 'Berlin', 'Asia', 'Loose', 'World'], turn)
  const organization = pick(['North', 'South'], turn)
  const about = pick(['C1', 'C2', 'C3', 'C4', 'C5'], turn)
  const note = pick(['open', 'closed', 'hidden', 'plain'], turn)
  switch (pick(['closed fields', 'region', 'note', 'tenant'], Math.floor(turn / 7))) {
    case 'region':
      return { values: { region }, after: { ...fact, region }, targets: [['Region', region]] }
    case 'note':
      return { values: { note }, after: { ...fact, note }, targets: [] }
    case 'tenant':
      if (fact.doctype === 'Memo') return { values: { about }, after: { ...fact, about }, targets: [['Case', about]] }
      return { values: { organization }, after: { ...fact, organization }, targets: [['Organization', organization]] }
    default:
      return { values: { secret: 'changed', ...(fact.doctype === 'Case' && { phone: '555' }) }, after: fact, targets: [] }
  }
}

async function checkChange(stage: Stage, world: World, user: WorldUser, fact: DocumentFact, before: State, turn: number): Promise<void> {
  const { doctype, name } = fact
  const { values, after, targets } = moveOf(fact, turn)
  const stored = before.get(`${doctype}/${name}`) as Row
  const rowsToo = 'secret' in values && doctype === 'Case' && turn % 2 === 0
  const visits = (stored.visits as Row[] | undefined)?.map((visit) => ({ ...visit, secret: 'changed' }))
  const [surface, question] = pick(changes, turn)
  const answer = await stage.ask(user.name, question(doctype, name, { ...values, ...(rowsToo && { visits }) }))
  const what = `${user.name} ${surface} ${doctype} ${name} ${JSON.stringify(values)}: ${answer.text}`
  const mayBefore = mayDo(world, user, 'write', fact)
  // A link that stays as it is may go on leading where the user could not point it.
  const isNew = Object.entries(values).some(([key, value]) => stored[key] !== value)
  const mayLink = !isNew || targets.every(([type, target]) => mayPointTo(world, user, type, target))
  const allowed = mayBefore && mayLink && mayDo(world, user, 'write', after)

  const expected = new Map(before)
  if (allowed) {
    const isOpen = levels(world, user, doctype, 'write').has(1)
    const isPlain = !isMasked(world, user, doctype, 0)
    const { secret, phone, ...plain } = values
    expected.set(`${doctype}/${name}`, {
      ...stored,
      ...plain,
      ...(secret !== undefined && isOpen && { secret }),
      ...(phone !== undefined && isPlain && { phone }),
      ...(rowsToo && isOpen && { visits }),
    })
  }
  assert.deepEqual(await stateOf(stage), expected, what)
  assert.equal(leak(world, user, answer.text), undefined, what)
  if (!surface.includes('bulk')) {
    const status = allowed ? 200 : !mayBefore ? statusFor(world, user, 'write', fact) : mayLink ? 403 : undefined
    // A link that may not be made and a place that may not be reached are two refusals, of which either may be told.
    if (status) assert.equal(answer.status, status, what)
    else assert.ok([403, 417].includes(answer.status), what)
  }
  if (allowed) tellsOnlyReaders(world, user, after, answer, what)
}

/** Who may change but not read a document is not shown what it holds. */
function tellsOnlyReaders(world: World, user: WorldUser, after: DocumentFact, answer: CallAnswer, what: string): void {
  if (mayDo(world, user, 'read', after)) return
  for (const key of ['organization', 'region', 'about', 'phone', 'visits', 'note'])
    assert.ok(!answer.text.includes(`"${key}":`), `shows ${key} to who may not read: ${what}`)
}

function mayPointTo(world: World, user: WorldUser, doctype: WorldDocType, name: string): boolean {
  return world.documents.some((one) => one.doctype === doctype && one.name === name && mayPointAt(world, user, one))
}

const removals: readonly [string, (doctype: string, name: string) => Question][] = [
  ['v1 delete', (doctype, name) => ({ verb: 'DELETE', path: `/api/resource/${doctype}/${name}` })],
  ['v2 delete', (doctype, name) => ({ verb: 'DELETE', path: `/api/v2/document/${doctype}/${name}` })],
  ['client.delete', (doctype, name) => method('frappe.client.delete', { doctype, name })],
  ['v2 bulk_delete', (doctype, name) => ({ verb: 'POST', path: `/api/v2/document/${doctype}/bulk_delete`, body: { names: [name] } })],
  ['delete_items', (doctype, name) => method('frappe.desk.reportview.delete_items', { doctype, items: [name] })],
]

async function checkRemoval(stage: Stage, world: World, user: WorldUser, fact: DocumentFact, before: State, turn: number): Promise<void> {
  const { doctype, name } = fact
  const [surface, question] = pick(removals, turn)
  const answer = await stage.ask(user.name, question(doctype, name))
  const what = `${user.name} ${surface} ${doctype} ${name}: ${answer.text}`
  const may = mayDo(world, user, 'delete', fact)
  const memos = doctype === 'Case' ? world.documents.filter((one) => one.doctype === 'Memo' && one.about === name) : []
  const isBound = world.permissions.some((one) => one.allow === doctype && one.value === name)
  const isKept = memos.length > 0 || isBound
  const expected = new Map(before)
  if (may && !isKept) expected.delete(`${doctype}/${name}`)
  assert.deepEqual(await stateOf(stage), expected, what)
  if (surface !== 'v2 bulk_delete' && surface !== 'delete_items')
    assert.equal(answer.status >= 300 ? answer.status : 200, may ? (isKept ? 417 : 200) : statusFor(world, user, 'delete', fact), what)
  // What keeps a document is named to those who may read it, and to nobody else.
  for (const memo of memos)
    if (!mayDo(world, user, 'read', memo)) assert.ok(!answer.text.includes(`Memo ${memo.name}`), `names ${memo.name}: ${what}`)
}

const creations: readonly [string, (doctype: string, values: Row) => Question][] = [
  ['v1 post', (doctype, body) => ({ verb: 'POST', path: `/api/resource/${doctype}`, body })],
  ['v2 post', (doctype, body) => ({ verb: 'POST', path: `/api/v2/document/${doctype}`, body })],
  ['client.insert', (doctype, values) => method('frappe.client.insert', { doc: { doctype, ...values } })],
  ['insert_many', (doctype, values) => method('frappe.client.insert_many', { docs: [{ doctype, ...values }] })],
  ['client.save', (doctype, values) => method('frappe.client.save', { doc: { doctype, ...values } })],
  [
    'savedocs',
    (doctype, values) =>
      method('frappe.desk.form.save.savedocs', { doc: { doctype, name: 'new-1', __islocal: 1, ...values }, action: 'Save' }),
  ],
]

async function checkCreation(stage: Stage, world: World, user: WorldUser, fact: DocumentFact, before: State, turn: number): Promise<void> {
  const { doctype } = fact
  const [surface, question] = pick(creations, turn)
  const isCase = doctype === 'Case'
  const values = {
    note: fact.note || null,
    region: fact.region || null,
    secret: 'given',
    ...(isCase && { organization: fact.organization || null, phone: '0309999' }),
    ...(isCase && { visits: fact.visits.map((region) => ({ region: region || null, secret: 'given' })) }),
    ...(!isCase && { about: fact.about || null }),
  }
  const answer = await stage.ask(user.name, question(doctype, values))
  const what = `${user.name} ${surface} ${doctype} like ${fact.name}: ${answer.text}`
  const links: [WorldDocType, string][] = [
    ['Organization', fact.organization],
    ['Region', fact.region],
    ['Case', fact.about],
    ...fact.visits.map((one): [WorldDocType, string] => ['Region', one]),
  ]
  const mayLink = links.every(([type, target]) => target === '' || mayPointTo(world, user, type, target))
  const allowed = mayLink && mayCreate(world, user, { ...fact, name: '' })
  const now = await stateOf(stage)
  const made = [...now].filter(([key]) => !before.has(key))
  assert.equal(made.length, allowed ? 1 : 0, what)
  const kept = new Map([...now].filter(([key]) => before.has(key)))
  assert.deepEqual(kept, before, what)
  if (!allowed) assert.ok([403, 417].includes(answer.status), what)
  if (!made[0]) return
  assert.equal(answer.status, 200, what)
  const [, row] = made[0]
  const isOpen = levels(world, user, doctype, 'write').has(1)
  assert.equal(row.owner, user.name, what)
  assert.equal(row.secret, isOpen ? 'given' : null, what)
  if (!isCase) return
  assert.equal(row.phone, isMasked(world, user, doctype, 0) ? null : '0309999', what)
  for (const visit of row.visits as Row[]) assert.equal(visit.secret, isOpen ? 'given' : null, what)
}

const submissions: readonly [string, (name: string) => Question, readonly RightName[]][] = [
  ['client.submit', (name) => method('frappe.client.submit', { doc: { doctype: 'Case', name } }), ['submit']],
  ['v2 method', (name) => ({ verb: 'POST', path: `/api/v2/document/Case/${name}/method/submit`, body: {} }), ['submit']],
  ['run_method', (name) => ({ verb: 'POST', path: `/api/resource/Case/${name}`, body: { run_method: 'submit' } }), ['submit']],
  [
    'savedocs',
    (name) => method('frappe.desk.form.save.savedocs', { doc: { doctype: 'Case', name }, action: 'Submit' }),
    ['write', 'submit'],
  ],
  ['put docstatus', (name) => ({ verb: 'PUT', path: `/api/resource/Case/${name}`, body: { docstatus: 1 } }), ['write', 'submit']],
]

const cancellations: typeof submissions = [
  ['client.cancel', (name) => method('frappe.client.cancel', { doctype: 'Case', name }), ['cancel']],
  ['v2 method', (name) => ({ verb: 'POST', path: `/api/v2/document/Case/${name}/method/cancel`, body: {} }), ['cancel']],
  ['desk cancel', (name) => method('frappe.desk.form.save.cancel', { doctype: 'Case', name }), ['cancel']],
  ['savedocs', (name) => method('frappe.desk.form.save.savedocs', { doc: { doctype: 'Case', name }, action: 'Cancel' }), ['cancel']],
  ['put docstatus', (name) => ({ verb: 'PUT', path: `/api/resource/Case/${name}`, body: { docstatus: 2 } }), ['write', 'cancel']],
]

async function checkSubmission(
  stage: Stage,
  world: World,
  user: WorldUser,
  fact: DocumentFact,
  before: State,
  turn: number,
): Promise<void> {
  await checkTransition(stage, world, user, fact, before, pick(submissions, turn), 1)
}

async function checkCancellation(
  stage: Stage,
  world: World,
  user: WorldUser,
  fact: DocumentFact,
  before: State,
  turn: number,
): Promise<void> {
  await stage.server.asSystem((ctx) => run(ctx, sql`update ${sql.id('tabCase')} set docstatus = 1 where name = ${fact.name}`))
  const submitted = new Map(before).set(`Case/${fact.name}`, { ...before.get(`Case/${fact.name}`), docstatus: 1 })
  await checkTransition(stage, world, user, fact, submitted, pick(cancellations, turn), 2)
}

async function checkTransition(
  stage: Stage,
  world: World,
  user: WorldUser,
  fact: DocumentFact,
  before: State,
  [surface, question, rights]: (typeof submissions)[number],
  docstatus: 1 | 2,
): Promise<void> {
  const { name } = fact
  const answer = await stage.ask(user.name, question(name))
  const what = `${user.name} ${surface} ${docstatus === 1 ? 'submits' : 'cancels'} ${name}: ${answer.text}`
  const missing = rights.find((right) => !mayDo(world, user, right, fact))
  const expected = new Map(before)
  if (!missing) expected.set(`Case/${name}`, { ...before.get(`Case/${name}`), docstatus })
  assert.deepEqual(await stateOf(stage), expected, what)
  if (!missing) assert.equal(answer.status, 200, what)
  else assert.ok([403, 404].includes(answer.status), what)
  assert.equal(leak(world, user, answer.text), undefined, what)
  if (!missing) tellsOnlyReaders(world, user, fact, answer, what)
}
