import assert from 'node:assert/strict'
import type { Meta } from '#kernel/meta/meta.ts'
import type { CallAnswer } from '#testing/server.ts'
import { type Area, type Reach, reachOf, roleMatrix, rowsOfTable, type SpokenOf } from './matrix.ts'
import { type Holder, type Side, sides, type Stage, stored } from './stage.ts'

/**
 * Walks one cell: each answer must be what the permission rows of the DocType say for somebody with that one role.
 * @throws AssertionError that names the cell and the verb
 */
export async function walk(stage: Stage, area: Area, meta: Meta, role: string, side: Side): Promise<void> {
  const who = await stage.holder(role, side)
  const cell = `${area.area}: ${role} of ${side.organization}, ${meta.name}`
  const documents = await stage.documents(meta)
  const mine = documents.get(side)
  const theirs = documents.get(otherThan(side))
  assert.ok(mine && theirs)
  const rows = meta.definition.permissions ?? []
  const reach = (right: SpokenOf) => reachOf(rows, who.roles, right)
  /** What an app's own conditions take away or add is proved by its own tests; here only that it is no more than this. */
  const isBare = !stage.site.apps.permissionHooks(meta.name).some((hook) => hook.rows || hook.alsoRows || hook.check)
  const everything = new Set([mine.own, mine.elsewhere, ...(isSiteWide(meta) ? [theirs.own, theirs.elsewhere] : [])])
  const names = (of: Reach): string[] => (of === 'all' ? [...everything] : of === 'department' ? [mine.own] : [])
  const expect = (found: readonly string[], of: Reach, what: string): void => {
    const most = isBare ? names(permitted(meta, of)) : names(of === 'none' ? 'none' : 'all')
    if (isBare) assert.deepEqual([...found].sort(), [...most].sort(), `${cell}: ${what}`)
    else
      assert.deepEqual(
        found.filter((name) => !most.includes(name)),
        [],
        `${cell}: ${what}`,
      )
  }

  const asked = [...new Set([...everything, theirs.own, theirs.elsewhere])]
  const listed = await ask(stage, who, 'GET', `${path(meta)}?limit_page_length=0`)
  const listReach = reach('read') === 'none' ? reach('select') : reach('read')
  refusedUnless(listed, listReach !== 'none', `${cell}: list`)
  expect(found(listed, asked), listReach, 'list')

  for (const name of names('all')) {
    const read = await ask(stage, who, 'GET', `${path(meta)}/${encodeURIComponent(name)}`)
    if (isBare)
      assert.equal(read.status === 200, names(permitted(meta, reach('read'))).includes(name), `${cell}: read answers ${read.status}`)
    else assert.ok(reach('read') !== 'none' || isRefusal(read), `${cell}: read`)
  }

  const choices = await method(stage, who, 'frappe.desk.search.search_link', { doctype: meta.name, txt: '', page_length: 50 })
  refusedUnless(choices, reach('select') !== 'none', `${cell}: search`)
  expect(found(choices, asked), reach('select'), 'search')

  const both = (right: SpokenOf): Reach => (reach('read') === 'none' ? 'none' : reach(right))
  const report = await method(stage, who, 'frappe.desk.query_report.run', { report_name: await stage.report(meta), filters: '{}' })
  refusedUnless(report, both('report') !== 'none', `${cell}: report`)
  if (report.status === 200) expect(found(report, asked), narrower(reach('read'), both('report')), 'report')

  const sheet = await method(stage, who, 'frappe.desk.reportview.export_query', {
    doctype: meta.name,
    fields: ['name'],
    file_format_type: 'CSV',
    title: 'All',
  })
  refusedUnless(sheet, both('export') !== 'none', `${cell}: export`)
  if (sheet.status === 200) expect(found(sheet, asked), narrower(reach('read'), both('export')), 'export')

  await changes(stage, cell, who, meta, reach, isBare)
  if (!isSiteWide(meta)) await seesNothingElsewhere(stage, meta, who)
}

/**
 * Walks a cell of data that stands in a table of other documents: whoever reads the document sees the table only with a right on its level.
 * @throws AssertionError that names the cell
 */
export async function walkTable(stage: Stage, area: Area, table: Meta, role: string, side: Side): Promise<void> {
  const who = await stage.holder(role, side)
  const cell = `${area.area}: ${role} of ${side.organization}, ${table.name}`
  const parents = await stage.parentsOf(table)
  assert.ok(parents.length > 0, `${table.name} stands in no document`)
  for (const parent of parents) {
    const field = parent.tables.find((one) => one.options === table.name)
    const mine = (await stage.documents(parent)).get(side)
    assert.ok(field && mine)
    await stage.fillTable(table, parent, field.fieldname, mine.own, side)
    const isOpen = reachOf(rowsOfTable(parent, table.name), who.roles, 'read') !== 'none'
    const read = await ask(stage, who, 'GET', `${path(parent)}/${encodeURIComponent(mine.own)}`)
    if (read.status === 200) assert.equal(field.fieldname in read.json.data, isOpen, `${cell}: ${parent.name} shows ${field.fieldname}`)
    else assert.ok(isRefusal(read), `${cell}: read answers ${read.status}`)
    const asked = { doctype: table.name, parent: parent.name, fields: ['name', 'parent'], limit_page_length: 0 }
    const listed = await method(stage, who, 'frappe.client.get_list', asked)
    if (!isOpen) assert.ok(isRefusal(listed) || !listed.text.includes(mine.own), `${cell}: lists rows`)
    const elsewhere = (await stage.documents(parent)).get(otherThan(side))
    assert.ok(elsewhere && (listed.status >= 400 || !listed.text.includes(elsewhere.own)), `${cell}: lists rows of the other organization`)
  }
}

/** Writing, submitting, making and deleting: refused without the right. With it, the app's own rules may still have something to say. */
async function changes(
  stage: Stage,
  cell: string,
  who: Holder,
  meta: Meta,
  reach: (right: SpokenOf) => Reach,
  isBare: boolean,
): Promise<void> {
  const mine = (await stage.documents(meta)).get(who.side)
  assert.ok(mine)
  const url = `${path(meta)}/${encodeURIComponent(mine.own)}`
  const before = await stored(stage, meta, [mine.own])
  const mayWrite = ['all', 'department'].includes(permitted(meta, reach('write')))
  const written = await ask(stage, who, 'PUT', url, { _user_tags: 'x' })
  if (!mayWrite) {
    assert.ok(isRefusal(written), `${cell}: write answers ${written.status}`)
    assert.deepEqual(await stored(stage, meta, [mine.own]), before, `${cell}: written`)
  } else if (isBare) assert.ok(!isRefusal(written), `${cell}: write answers ${written.status} ${written.text}`)

  if (meta.isSubmittable && (reach('submit') === 'none' || !mayWrite)) {
    const submitted = await ask(stage, who, 'PUT', url, { docstatus: 1 })
    assert.ok(submitted.status >= 400, `${cell}: submit answers ${submitted.status}`)
    assert.deepEqual(await stored(stage, meta, [mine.own]), before, `${cell}: submitted`)
  }

  const made = await ask(stage, who, 'POST', path(meta), organizationOf(meta, who.side))
  if (reach('create') === 'none') assert.equal(made.status, 403, `${cell}: create answers ${made.status}`)
  else if (isBare && permitted(meta, reach('create')) === 'all') assert.notEqual(made.status, 403, `${cell}: create answers ${made.text}`)
  if (isSiteWide(meta)) return
  const planted = await ask(stage, who, 'POST', path(meta), organizationOf(meta, otherThan(who.side)))
  assert.ok(planted.status >= 400, `${cell}: makes a document in the other organization`)

  if (['all', 'department'].includes(permitted(meta, reach('delete')))) return
  const spare = await stage.spare(meta, who.side)
  const deleted = await ask(stage, who, 'DELETE', `${path(meta)}/${encodeURIComponent(spare)}`)
  assert.ok(isRefusal(deleted), `${cell}: delete answers ${deleted.status}`)
  assert.equal((await stored(stage, meta, [spare])).length, 1, `${cell}: deleted`)
}

/**
 * No answer holds a name or a word of the other organization, and what is there is answered like what is not.
 * @throws AssertionError that names the verb and what was shown
 */
export async function seesNothingElsewhere(stage: Stage, meta: Meta, who: Holder): Promise<void> {
  const other = otherThan(who.side)
  const theirs = (await stage.documents(meta)).get(other)
  assert.ok(theirs)
  const cell = `${who.user} and ${meta.name} of ${other.organization}`
  const before = await stored(stage, meta, [theirs.own, theirs.elsewhere])
  const url = `${path(meta)}/${encodeURIComponent(theirs.own)}`
  const answers: [what: string, answer: CallAnswer][] = [
    ['list', await ask(stage, who, 'GET', `${path(meta)}?fields=["*"]&limit_page_length=0`)],
    [
      'filtered list',
      await ask(stage, who, 'GET', `${path(meta)}?filters=${encodeURIComponent(JSON.stringify([['name', '=', theirs.own]]))}`),
    ],
    [
      'count',
      await method(stage, who, 'frappe.desk.reportview.get_count', {
        doctype: meta.name,
        filters: JSON.stringify([['name', '=', theirs.own]]),
      }),
    ],
    ['read', await ask(stage, who, 'GET', url)],
    ['form', await method(stage, who, 'frappe.desk.form.load.getdoc', { doctype: meta.name, name: theirs.own })],
    ['search', await method(stage, who, 'frappe.desk.search.search_link', { doctype: meta.name, txt: other.canary })],
    ['global search', await method(stage, who, 'frappe.utils.global_search.search', { text: other.canary })],
    ['report', await method(stage, who, 'frappe.desk.query_report.run', { report_name: await stage.report(meta), filters: '{}' })],
    [
      'export',
      await method(stage, who, 'frappe.desk.reportview.export_query', {
        doctype: meta.name,
        fields: ['*'],
        file_format_type: 'CSV',
        title: 'All',
      }),
    ],
    ['write', await ask(stage, who, 'PUT', url, { _user_tags: 'x' })],
    ['delete', await ask(stage, who, 'DELETE', url)],
  ]
  for (const [what, answer] of answers) {
    assert.ok(answer.status < 500, `${cell}: ${what} answers ${answer.status} ${answer.text.slice(0, 300)}`)
    assert.ok(!answer.text.includes(other.canary), `${cell}: ${what} shows ${answer.text.slice(0, 300)}`)
    assert.ok(answer.status >= 400 || !answer.text.includes(theirs.own), `${cell}: ${what} names it`)
  }
  const counted = answers.find(([what]) => what === 'count')?.[1]
  assert.ok(counted && (counted.status >= 400 || counted.json.message === 0), `${cell}: count`)
  for (const what of ['read', 'form', 'write', 'delete'])
    assert.ok(isRefusal(answers.find(([one]) => one === what)?.[1] as CallAnswer), `${cell}: ${what}`)
  assert.deepEqual(await stored(stage, meta, [theirs.own, theirs.elsewhere]), before, `${cell}: changed`)
}

/** A User Permission for a department keeps its holder to it wherever a DocType links to Department. */
function permitted(meta: Meta, reach: Reach): Reach {
  const isBound =
    meta.name === 'Department' ||
    meta.links.some((field) => field.options === 'Department' && field.stored && !field.ignore_user_permissions)
  return reach === 'all' && isBound ? 'department' : reach
}

function narrower(one: Reach, other: Reach): Reach {
  const order: readonly Reach[] = ['none', 'owner', 'department', 'all']
  return order[Math.min(order.indexOf(one), order.indexOf(other))] as Reach
}

function isSiteWide(meta: Meta): boolean {
  return meta.name in roleMatrix.siteWide
}

function otherThan(side: Side): Side {
  return side === sides[0] ? sides[1] : sides[0]
}

function organizationOf(meta: Meta, side: Side): Record<string, unknown> {
  const fields = meta.links.filter((field) => field.options === 'Organization' && field.stored)
  return Object.fromEntries(fields.map((field) => [field.fieldname, side.organization]))
}

const path = (meta: Meta) => `/api/resource/${encodeURIComponent(meta.name)}`
const ask = ({ call }: Stage, who: Holder, verb: string, url: string, body?: unknown) =>
  call(verb, url, { as: who.authorization, ...(body !== undefined && { body }) })
const method = ({ call }: Stage, who: Holder, name: string, body: unknown) =>
  call('POST', `/api/method/${name}`, { as: who.authorization, body })
const isRefusal = ({ status }: CallAnswer) => status === 403 || status === 404
const found = (answer: CallAnswer, names: readonly string[]) =>
  answer.status === 200 ? names.filter((name) => answer.text.includes(name)) : []

function refusedUnless(answer: CallAnswer, isAllowed: boolean, what: string): void {
  if (isAllowed) assert.equal(answer.status, 200, `${what} answers ${answer.status} ${answer.text.slice(0, 300)}`)
  else assert.ok(isRefusal(answer), `${what} answers ${answer.status} ${answer.text.slice(0, 300)}`)
}
