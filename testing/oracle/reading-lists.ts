import assert from 'node:assert/strict'
import type { CallAnswer } from '#testing/server.ts'
import { chosenNames, exportedNames, factsOf, listedNames, noteBehindLink, ownFields, seesSecrets, shownFields } from './expected.ts'
import { isListed, isMasked, mayAsk } from './model.ts'
import type { Question, Stage } from './stage.ts'
import { pick } from './state.ts'
import type { DocumentFact, World, WorldDocType, WorldUser } from './world.ts'

type Row = Record<string, unknown>

const method = (path: string, body: object): Question => ({ verb: 'POST', path: `/api/method/${path}`, body })

/** Surfaces that list: a question for some fields, and how its answer holds rows. */
const lists: readonly [string, (doctype: string, options: Row) => Question, (answer: CallAnswer) => Row[]][] = [
  [
    'v1 list',
    (doctype, options) => ({ path: `/api/resource/${doctype}`, query: { ...options, limit_page_length: 0 } }),
    (a) => a.json.data,
  ],
  ['v2 list', (doctype, options) => ({ path: `/api/v2/document/${doctype}`, query: { ...options, limit: 200 } }), (a) => a.json.data],
  [
    'client.get_list',
    (doctype, options) => method('frappe.client.get_list', { doctype, ...options, limit_page_length: 0 }),
    (a) => a.json.message,
  ],
  [
    'reportview.get_list',
    (doctype, options) => method('frappe.desk.reportview.get_list', { doctype, ...options, page_length: 0 }),
    (a) => a.json.message,
  ],
  ['reportview.get', (doctype, options) => method('frappe.desk.reportview.get', { doctype, ...options, page_length: 0 }), keyed],
]

function keyed({ json }: CallAnswer): Row[] {
  if (Array.isArray(json.message)) return json.message
  const { keys, values } = json.message as { keys: string[]; values: unknown[][] }
  return values.map((row) => Object.fromEntries(keys.map((key, at) => [key, row[at]])))
}

const counts: readonly [string, (doctype: string) => Question, (answer: CallAnswer) => unknown][] = [
  ['client.get_count', (doctype) => method('frappe.client.get_count', { doctype }), (a) => a.json.message],
  ['reportview.get_count', (doctype) => method('frappe.desk.reportview.get_count', { doctype }), (a) => a.json.message],
  ['v2 count', (doctype) => ({ path: `/api/v2/doctype/${doctype}/count` }), (a) => a.json.data],
  ['v2 include=count', (doctype) => ({ path: `/api/v2/document/${doctype}`, query: { include: 'count' } }), (a) => a.json.count],
]

const searches: readonly [string, (doctype: string) => Question, (answer: CallAnswer) => string[]][] = [
  [
    'search_link',
    (doctype) => method('frappe.desk.search.search_link', { doctype, txt: '', page_length: 100 }),
    (a) => a.json.message.map((one: Row) => one.value),
  ],
  [
    'search_widget',
    (doctype) => method('frappe.desk.search.search_widget', { doctype, txt: '', page_length: 100 }),
    (a) => a.json.message.map((one: unknown[]) => one[0]),
  ],
  [
    'v2 search',
    (doctype) => ({ path: `/api/v2/doctype/${doctype}/search`, query: { limit: 100 } }),
    (a) => a.json.data.map((one: Row) => one.value),
  ],
]

const sorted = (rows: readonly Row[]) => rows.map((row) => String(row.name)).sort()

/** Asks what lists, counts, choices and exports show of a DocType. @param turn which of several surfaces is asked */
export async function checkLists(stage: Stage, world: World, user: WorldUser, doctype: WorldDocType, turn: number): Promise<void> {
  const ask = (question: Question) => stage.ask(user.name, question)
  const names = listedNames(world, user, doctype)
  const mayRead = mayAsk(world, user, 'read', doctype)
  const [listName, listQuestion, rowsOf] = pick(lists, turn)
  const what = `${user.name} ${doctype}`
  const listed = await ask(listQuestion(doctype, { fields: ['*'] }))
  if (!names) assert.equal(listed.status, 403, `${what} ${listName}: ${listed.text}`)
  else {
    assert.equal(listed.status, 200, `${what} ${listName}: ${listed.text}`)
    const rows = rowsOf(listed)
    assert.deepEqual(sorted(rows), names, `${what} ${listName}`)
    for (const row of rows) {
      const fact = factNamed(world, doctype, String(row.name))
      assert.deepEqual(
        picked(row, ownFields[doctype]),
        mayRead ? shownFields(world, user, fact) : { name: fact.name },
        `${what} ${listName}`,
      )
    }
  }

  const [countName, countQuestion, numberOf] = pick(counts, turn)
  const counted = await ask(countQuestion(doctype))
  assert.deepEqual(answered(counted, numberOf), names ? names.length : 403, `${what} ${countName}: ${counted.text}`)

  const [searchName, searchQuestion, valuesOf] = pick(searches, turn)
  const found = await ask(searchQuestion(doctype))
  assert.deepEqual(
    answered(found, (a) => valuesOf(a).sort()),
    chosenNames(world, user, doctype) ?? 403,
    `${what} ${searchName}: ${found.text}`,
  )

  const exported = await ask({ path: '/api/method/frappe.desk.reportview.export_query', query: { doctype, fields: ['name'] } })
  const lines = () =>
    exported.text
      .trim()
      .split(/\r?\n/)
      .slice(1)
      .map((line) => line.replaceAll('"', ''))
      .filter(Boolean)
      .sort()
  assert.deepEqual(answered(exported, lines), exportedNames(world, user, doctype) ?? 403, `${what} export: ${exported.text}`)

  if (doctype === 'Case' || doctype === 'Memo') {
    await checkFieldUse(stage, world, user, doctype, turn)
    await checkLinks(stage, world, user, doctype, turn)
  }
  if (doctype === 'Case') await checkVisits(stage, world, user, turn)
}

/** Fields of closed levels and masked ones are refused wherever something is compared with them. */
async function checkFieldUse(stage: Stage, world: World, user: WorldUser, doctype: 'Case' | 'Memo', turn: number): Promise<void> {
  const [name, question] = pick(lists, turn)
  const mayRead = mayAsk(world, user, 'read', doctype)
  const isOpen = mayRead && seesSecrets(world, user, doctype)
  const isPlain = mayRead && !isMasked(world, user, doctype, 0)
  const uses: Row[] = [
    { filters: [['secret', 'like', 'a%']] },
    {
      or_filters: [
        ['secret', '=', 'x'],
        ['note', '=', 'open'],
      ],
    },
    { order_by: 'secret desc' },
    { fields: ['secret'] },
    { fields: ['max(secret) as top'] },
    { fields: ['count(name) as total'], group_by: 'secret' },
  ]
  const asked: [Row, boolean][] = [[pick(uses, turn), isOpen]]
  if (doctype === 'Case') {
    const masked: Row[] = [{ filters: { phone: '0301234' } }, { order_by: 'phone asc' }, { fields: ['max(phone) as top'] }]
    asked.push([pick(masked, turn), isPlain])
    asked.push([pick([{ filters: [['Case Visit', 'secret', '=', 'x']] }, { fields: ['visits.secret'] }], turn), isOpen])
  }
  for (const [options, isAllowed] of asked) {
    const answer = await stage.ask(user.name, question(doctype, options))
    assert.equal(answer.status, isAllowed ? 200 : 403, `${user.name} ${doctype} ${name} ${JSON.stringify(options)}: ${answer.text}`)
  }
  const sought = await stage.ask(user.name, method('frappe.desk.search.search_link', { doctype, txt: 'secret', searchfield: 'secret' }))
  const mayChoose = mayAsk(world, user, 'select', doctype)
  // A key may leave room to read but not to choose, and the other way round.
  assert.equal(
    sought.status,
    mayChoose && seesSecrets(world, user, doctype) ? 200 : 403,
    `${user.name} ${doctype} search in secret: ${sought.text}`,
  )
}

/** Columns behind links, and links put in full, show only what may be read there. */
async function checkLinks(stage: Stage, world: World, user: WorldUser, doctype: 'Case' | 'Memo', turn: number): Promise<void> {
  if (!mayAsk(world, user, 'read', doctype)) return
  const [link, target]: ['region' | 'about', WorldDocType] = doctype === 'Memo' && turn % 3 > 0 ? ['about', 'Case'] : ['region', 'Region']
  const [name, question, rowsOf] = pick(lists, turn)
  const what = `${user.name} ${doctype} ${name} ${link}`
  const visible = factsOf(world, doctype).filter((fact) => isListed(world, user, 'read', fact))
  const expected = Object.fromEntries(visible.map((fact) => [fact.name, noteBehindLink(world, user, target, String(fact[link]))]))
  const isOpen = mayAsk(world, user, 'read', target)
  const answer = await stage.ask(user.name, question(doctype, { fields: ['name', `${link}.note as behind`] }))
  assert.equal(answer.status, isOpen ? 200 : 403, `${what}.note: ${answer.text}`)
  if (isOpen) {
    const shown = Object.fromEntries(rowsOf(answer).map((row) => [row.name, row.behind]))
    assert.deepEqual(shown, expected, `${what}.note`)
    const filtered = await stage.ask(user.name, question(doctype, { filters: [[`${link}.note`, '=', 'open']] }))
    const names = visible.filter((fact) => expected[fact.name] === 'open').map((fact) => fact.name)
    assert.deepEqual(
      answered(filtered, (a) => sorted(rowsOf(a))),
      names.sort(),
      `${what}.note = open: ${filtered.text}`,
    )
  }
  const isV2 = turn % 2 === 0
  const expanded = await stage.ask(
    user.name,
    isV2
      ? { path: `/api/v2/document/${doctype}`, query: { fields: ['name', link], expand: [link], limit: 200 } }
      : method('frappe.client.get_list', { doctype, fields: ['name', link], expand: [link], limit_page_length: 0 }),
  )
  assert.equal(expanded.status, 200, `${what} expand: ${expanded.text}`)
  const lacking = (row: Row) => row[link] !== null && typeof row[link] === 'object'
  for (const row of (isV2 ? expanded.json.data : expanded.json.message) as Row[]) {
    const to = String(factNamed(world, doctype, String(row.name))[link])
    if (!lacking(row)) {
      assert.equal(row[link] ?? '', to, `${what} expand`)
      continue
    }
    const fact = factNamed(world, target, to)
    const isShown: boolean = mayAsk(world, user, 'read', target) && isListed(world, user, 'read', fact)
    const seen: Row = isShown ? shownFields(world, user, fact) : { name: to }
    assert.deepEqual(picked(row[link] as Row, ownFields[target]), seen, `${what} expand`)
  }
}

/** Rows of a table are seen with the document around them. */
async function checkVisits(stage: Stage, world: World, user: WorldUser, turn: number): Promise<void> {
  const mayRead = mayAsk(world, user, 'read', 'Case')
  const visible = factsOf(world, 'Case').filter((fact) => isListed(world, user, 'read', fact))
  const [name, question, rowsOf] = pick(lists, turn)
  const rows = await stage.ask(user.name, question('Case Visit', { parent: 'Case', fields: ['*'] }))
  if (!mayRead) assert.equal(rows.status, 403, `${user.name} visits ${name}: ${rows.text}`)
  else {
    const expected = visible.flatMap((fact) => fact.visits.map((_, at) => `${fact.name}-${at}`)).sort()
    assert.deepEqual(
      answered(rows, (a) => sorted(rowsOf(a))),
      expected,
      `${user.name} visits ${name}: ${rows.text}`,
    )
    assert.equal(
      rows.text.includes('of the visit'),
      expected.length > 0 && seesSecrets(world, user, 'Case'),
      `${user.name} secrets of visits`,
    )
    const beside = await stage.ask(
      user.name,
      question('Case', { fields: ['name', 'visits.note as told'], filters: [['Case Visit', 'note', '=', 'a visit']] }),
    )
    const holders = visible.flatMap((fact) => fact.visits.map(() => fact.name)).sort()
    assert.deepEqual(
      answered(beside, (a) => sorted(rowsOf(a))),
      holders,
      `${user.name} ${name} visits.note: ${beside.text}`,
    )
  }
  const bare = await stage.ask(user.name, question('Case Visit', {}))
  assert.ok(bare.status >= 400, `${user.name} visits without their document: ${bare.text}`)
}

function answered<T>(answer: CallAnswer, read: (answer: CallAnswer) => T): T | number {
  return answer.status === 200 ? read(answer) : answer.status
}

function factNamed(world: World, doctype: WorldDocType, name: string): DocumentFact {
  return factsOf(world, doctype).find((fact) => fact.name === name) as DocumentFact
}

function picked(row: Row, keys: readonly string[]): Row {
  return Object.fromEntries(keys.filter((key) => key in row).map((key) => [key, row[key]]))
}
