import assert from 'node:assert/strict'
import type { CallAnswer } from '#testing/server.ts'
import { checkAround } from './beside.ts'
import { chosenNames, leak, listedNames, ownFields, seesSecrets, shownFields } from './expected.ts'
import { levels, mayAsk, mayDo, statusFor } from './model.ts'
import type { Question, Stage } from './stage.ts'
import { pick } from './state.ts'
import { type DocumentFact, rightNames, type World, type WorldUser } from './world.ts'

type Row = Record<string, unknown>

const method = (path: string, body: object): Question => ({ verb: 'POST', path: `/api/method/${path}`, body })
const resource = (doctype: string, name: string) => `/api/resource/${encodeURIComponent(doctype)}/${encodeURIComponent(name)}`
const document = (doctype: string, name: string) => `/api/v2/document/${encodeURIComponent(doctype)}/${encodeURIComponent(name)}`

/** Asks for one document where documents are shown. */
export async function checkDocument(stage: Stage, world: World, user: WorldUser, fact: DocumentFact, turn: number): Promise<void> {
  const { doctype, name } = fact
  const ask = (question: Question) => stage.ask(user.name, question)
  const status = statusFor(world, user, 'read', fact)
  const what = `${user.name} ${doctype} ${name}`
  const single: readonly [string, Question, (answer: CallAnswer) => Row][] = [
    ['v1 get', { path: resource(doctype, name) }, (a) => a.json.data],
    ['v2 get', { path: document(doctype, name) }, (a) => a.json.data],
    ['client.get', method('frappe.client.get', { doctype, name }), (a) => a.json.message],
    ['getdoc', method('frappe.desk.form.load.getdoc', { doctype, name }), (a) => a.json.docs[0]],
    [
      'v2 get with parts',
      { path: document(doctype, name), query: { include: 'versions,comments,attachments,permissions' } },
      (a) => a.json.data,
    ],
    ['v1 get with links', { path: resource(doctype, name), query: { expand_links: 1 } }, (a) => a.json.data],
  ]
  const [surface, question, documentOf] = pick(single, turn)
  const answer = await ask(question)
  assert.equal(answer.status, status, `${what} ${surface}: ${answer.text}`)
  assert.equal(leak(world, user, answer.text), undefined, `${what} ${surface}: ${answer.text}`)
  if (status === 200) {
    const shown = documentOf(answer)
    const fields = Object.fromEntries(ownFields[doctype].filter((key) => key in shown).map((key) => [key, plainLink(shown[key])]))
    // v1 leaves empty fields out.
    const expected = Object.fromEntries(
      Object.entries(shownFields(world, user, fact)).filter(([key, value]) => value !== null || key in fields),
    )
    assert.deepEqual(fields, expected, `${what} ${surface}`)
    if (doctype === 'Case') {
      const visits = shown.visits as Row[]
      assert.equal(visits.length, fact.visits.length, `${what} ${surface} visits`)
      for (const visit of visits) assert.equal('secret' in visit, seesSecrets(world, user, doctype), `${what} ${surface} secret of a visit`)
    }
  }
  await pick([checkPermissions, checkValue, checkChoice, checkExplained, checkFile, checkAround], turn)(stage, world, user, fact, turn)
}

async function checkPermissions(stage: Stage, world: World, user: WorldUser, fact: DocumentFact, turn: number): Promise<void> {
  const { doctype, name } = fact
  const status = statusFor(world, user, 'read', fact)
  const right = pick(
    rightNames.filter((one) => one !== 'create'),
    turn,
  )
  const one = await stage.ask(user.name, method('frappe.client.has_permission', { doctype, docname: name, perm_type: right }))
  assert.equal(
    one.json.message?.has_permission,
    status === 200 && mayDo(world, user, right, fact),
    `${user.name} ${right} ${name}: ${one.text}`,
  )
  const all = await stage.ask(user.name, method('frappe.client.get_doc_permissions', { doctype, docname: name }))
  assert.equal(all.status, status, `${user.name} permissions of ${name}: ${all.text}`)
  if (status !== 200) return
  for (const action of rightNames)
    if (action !== 'create')
      assert.equal(
        all.json.message.permissions[action],
        mayDo(world, user, action, fact) ? 1 : 0,
        `${user.name} ${action} ${doctype} ${name}`,
      )
}

async function checkValue(stage: Stage, world: World, user: WorldUser, fact: DocumentFact, turn: number): Promise<void> {
  const { doctype, name } = fact
  const mayRead = mayAsk(world, user, 'read', doctype)
  const isThere = listedNames(world, user, doctype)?.includes(name) ?? false
  const isTold = mayRead && doctype !== 'Organization'
  const fieldname = isTold ? ['name', 'note'] : ['name']
  const filters = pick<unknown>([name, { name }, [['name', '=', name]]], turn)
  const answer = await stage.ask(user.name, method('frappe.client.get_value', { doctype, fieldname, filters }))
  if (!listedNames(world, user, doctype)) assert.equal(answer.status, 403, `${user.name} value of ${name}: ${answer.text}`)
  else
    assert.deepEqual(
      answer.json.message,
      isThere ? (isTold ? { name, note: fact.note || null } : { name }) : {},
      `${user.name} value of ${name}`,
    )
  const secret = await stage.ask(user.name, method('frappe.client.get_value', { doctype, fieldname: 'secret', filters }))
  assert.equal(leak(world, user, secret.text), undefined, `${user.name} value of the secret of ${name}`)
}

async function checkChoice(stage: Stage, world: World, user: WorldUser, fact: DocumentFact): Promise<void> {
  const { doctype, name } = fact
  const answer = await stage.ask(user.name, method('frappe.client.validate_link', { doctype, docname: name }))
  const isChosen = chosenNames(world, user, doctype)?.includes(name) ?? false
  assert.deepEqual(answer.json.message, isChosen ? { name } : {}, `${user.name} link to ${name}: ${answer.text}`)
  const copied = await stage.ask(user.name, { path: `${document(doctype, name)}/copy` })
  const status = statusFor(world, user, 'read', fact)
  const mayCopy = status === 200 && mayAsk({ ...world, shares: [] }, user, 'create', doctype)
  assert.equal(copied.status, mayCopy ? 200 : status === 200 ? 403 : status, `${user.name} copy of ${name}: ${copied.text}`)
  assert.equal(leak(world, user, copied.text), undefined, `${user.name} copy of ${name}`)
}

/** `explain` is asked by the Administrator about the user, without the key that narrows the user's own requests. */
async function checkExplained(stage: Stage, world: World, user: WorldUser, fact: DocumentFact, turn: number): Promise<void> {
  const { doctype, name } = fact
  const right = pick(
    rightNames.filter((one) => one !== 'create'),
    turn,
  )
  const plain = { name: user.name, roles: user.roles }
  const answer = await stage.ask(
    'Administrator',
    method('orchestrator.permissions.explain', { user: user.name, doctype, action: right, name }),
  )
  assert.equal(answer.json.message.allowed, mayDo(world, plain, right, fact), `${user.name} ${right} ${name}: ${answer.text}`)
}

async function checkFile(stage: Stage, world: World, user: WorldUser, fact: DocumentFact): Promise<void> {
  const path = stage.fileOf(fact)
  if (path === '') return
  const { doctype, name } = fact
  const isOpen = name === 'C2' ? levels(world, user, doctype, 'read').has(1) : levels(world, user, doctype, 'read').size > 0
  const may = user.name !== 'Guest' && mayDo(world, user, 'read', fact) && isOpen
  const answer = await stage.ask(user.name, { path })
  assert.equal(answer.status, may ? 200 : 403, `${user.name} file of ${name}: ${answer.text}`)
  for (const kind of ['File', 'Comment', 'Version']) {
    const records = await stage.ask(user.name, { path: `/api/resource/${kind}`, query: { fields: ['*'], limit_page_length: 0 } })
    assert.equal(leak(world, user, records.text), undefined, `${user.name} ${kind}: ${records.text}`)
    assert.ok(may || !records.text.includes(path), `${user.name} ${kind} tells of the file of ${name}`)
  }
}

function plainLink(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? (value as Row).name : value
}
