import assert from 'node:assert/strict'
import { isListed, mayDo, statusFor } from './model.ts'
import { writeDocuments } from './settle.ts'
import type { Question, Stage } from './stage.ts'
import type { DocumentFact, World, WorldUser } from './world.ts'
import { pick, type State, stateOf } from './state.ts'

const method = (path: string, body: object): Question => ({ verb: 'POST', path: `/api/method/${path}`, body })

/** What is asked around a document, by those who may read it. */
const questions: readonly ((fact: DocumentFact) => Question)[] = [
  ({ doctype, name }) => method('frappe.desk.form.linked_with.get', { doctype, docname: name }),
  ({ doctype, name }) => method('frappe.share.get_users', { doctype, name }),
  ({ doctype, name }) => method('frappe.realtime.has_permission', { doctype, name }),
  ({ doctype, name }) => method('frappe.client.is_document_amended', { doctype, docname: name }),
]

/** Asks what surrounds a document. */
export async function checkAround(stage: Stage, world: World, user: WorldUser, fact: DocumentFact, turn: number): Promise<void> {
  const answer = await stage.ask(user.name, pick(questions, turn)(fact))
  const what = `${user.name} around ${fact.doctype} ${fact.name} (${turn % questions.length}): ${answer.text}`
  assert.equal(answer.status, statusFor(world, user, 'read', fact), what)
  if (answer.status !== 200 || turn % questions.length !== 0) return
  const linked = ((answer.json.message.Memo ?? []) as { name: string }[]).map((one) => one.name).sort()
  const memos = world.documents.filter((one) => one.doctype === 'Memo' && fact.doctype === 'Case' && one.about === fact.name)
  const seen = memos.filter((one) => isListed(world, user, 'read', one) && mayDo(world, user, 'read', one)).map((one) => one.name)
  assert.deepEqual(linked, seen.sort(), what)
}

/** Shares, tags, likes and comments on a document: none of them without the right that it takes. */
export async function checkBeside(
  stage: Stage,
  world: World,
  user: WorldUser,
  fact: DocumentFact,
  before: State,
  turn: number,
): Promise<void> {
  const { doctype, name } = fact
  const may = (...rights: ('read' | 'write' | 'share')[]) => rights.every((right) => mayDo(world, user, right, fact))
  const somebody = user.name === 'ann' ? 'ben' : 'ann'
  const isPlain = user.name !== 'Guest' && user.keyScopes === undefined
  const tries: [Question, boolean][] = [
    [method('frappe.share.add', { doctype, name, user: somebody, read: 1 }), may('share', 'read')],
    [method('frappe.share.add', { doctype, name, user: somebody, read: 1, write: 1 }), may('share', 'read', 'write')],
    [method('frappe.desk.doctype.tag.tag.add_tag', { tag: 'seen', dt: doctype, dn: name }), may('write')],
    [method('frappe.desk.like.toggle_like', { doctype, name, add: 'Yes' }), may('read')],
    [method('frappe.desk.form.utils.add_comment', { reference_doctype: doctype, reference_name: name, content: 'a remark' }), may('read')],
  ]
  const [question, allowed] = pick(tries, turn)
  const answer = await stage.ask(user.name, question)
  const what = `${user.name} ${question.path} ${JSON.stringify(question.body)}: ${answer.text}`
  if (!allowed) assert.ok([403, 404].includes(answer.status), what)
  else if (isPlain) assert.equal(answer.status, 200, what)
  assert.deepEqual(await stateOf(stage), before, what)
  await stage.server.asSystem((ctx) => writeDocuments(ctx, world))
}

/** Rows of a table, changed one by one: each is a change of the document around it. */
export async function checkRows(
  stage: Stage,
  world: World,
  user: WorldUser,
  fact: DocumentFact,
  before: State,
  turn: number,
): Promise<void> {
  const stored = before.get(`Case/${fact.name}`)
  const visits = stored?.visits as Record<string, unknown>[] | undefined
  if (!stored || !visits?.[0]) return
  const name = `${fact.name}-0`
  const place = { parent: fact.name, parenttype: 'Case', parentfield: 'visits' }
  const tries: [Question, readonly Record<string, unknown>[], readonly string[]][] = [
    [
      method('frappe.client.set_value', { doctype: 'Case Visit', name, fieldname: { note: 'touched' } }),
      [{ ...visits[0], note: 'touched' }, ...visits.slice(1)],
      fact.visits,
    ],
    [method('frappe.client.delete', { doctype: 'Case Visit', name }), visits.slice(1), fact.visits.slice(1)],
    [
      method('frappe.client.insert', { doc: { doctype: 'Case Visit', ...place, note: 'one more' } }),
      [...visits, { name: '', region: null, note: 'one more', secret: null }],
      [...fact.visits, ''],
    ],
  ]
  const [question, rows, after] = pick(tries, turn)
  const answer = await stage.ask(user.name, question)
  const what = `${user.name} ${JSON.stringify(question.body)}: ${answer.text}`
  const allowed = mayDo(world, user, 'write', fact) && mayDo(world, user, 'write', { ...fact, visits: after })
  const now = await stateOf(stage)
  const found = now.get(`Case/${fact.name}`)?.visits as Record<string, unknown>[]
  const named = found.map((row) => (visits.some((one) => one.name === row.name) ? row : { ...row, name: '' }))
  assert.deepEqual(named, allowed ? rows : visits, what)
  now.set(`Case/${fact.name}`, { ...now.get(`Case/${fact.name}`), visits })
  assert.deepEqual(now, before, what)
  if (allowed) assert.equal(answer.status, 200, what)
  else assert.ok([403, 404].includes(answer.status), what)
}
