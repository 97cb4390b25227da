import assert from 'node:assert/strict'
import { test } from 'node:test'
import { always } from '#client/rules/predicate.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { remove } from '#kernel/documents/remove.ts'
import { rename } from '#kernel/documents/rename.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { DocumentNotFound } from '#kernel/documents/errors.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { LinkNotFound } from '#kernel/permissions/errors.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { list } from '#kernel/query/list.ts'
import { testServer } from '#testing/server.ts'
import { testDatabases } from '#testing/services.ts'
import { KnownAlready, NotAMember, OtherOrganization, ValueRefused } from '../errors.ts'
import { fillMembership } from './membership.ts'

const wire = { version: 1, zone: 'UTC' } as const

/** Who belongs where. The roles open the desk, and nothing else. */
const cast: Readonly<Record<string, readonly string[]>> = {
  'ann@example.com': ['North'],
  'abe@example.com': ['North'],
  'bob@example.com': ['South'],
  'bea@example.com': ['South'],
  'duo@example.com': ['North', 'South'],
  'lone@example.com': [],
  'lost@example.com': [],
}
const people = Object.keys(cast)

/** The rule, said once more and in other words: an organization in common, or both have none. */
function mayKnow(viewer: string, seen: string): boolean {
  const [own, theirs] = [cast[viewer] ?? [], cast[seen] ?? []]
  return viewer === seen || own.some((one) => theirs.includes(one)) || (own.length === 0 && theirs.length === 0)
}

for (const { name } of testDatabases()) await examine(name)

async function examine(database: 'sqlite' | 'postgres' | 'mariadb'): Promise<void> {
  const server = await testServer({ database })
  const { as, asSystem, call, make, user } = server

  const permissions = new Map<string, string>()

  for (const organization_name of ['North', 'South']) await make('Organization', { organization_name })
  for (const [email, organizations] of Object.entries(cast)) {
    await user(email, ['Dispatcher'])
    for (const for_value of organizations)
      permissions.set(`${email} ${for_value}`, await make('User Permission', { user: email, allow: 'Organization', for_value }))
  }
  const manager = await user('manager@example.com', ['System Manager'])
  const keys = new Map<string, string>()
  for (const one of [...people, manager]) keys.set(one, await server.keyOf(one))

  const method = async (viewer: string, path: string, body: Record<string, unknown>) =>
    call('POST', `/api/method/${path}`, { body, as: keys.get(viewer) ?? '' })

  /** Where people are found: each gives the members of the cast that an answer names. */
  const surfaces: Readonly<Record<string, (viewer: string) => Promise<string>>> = {
    search_link: async (viewer) =>
      (await method(viewer, 'frappe.desk.search.search_link', { doctype: 'User', txt: '', page_length: 50 })).text,
    'search_link by a piece of the name': async (viewer) =>
      (await method(viewer, 'frappe.desk.search.search_link', { doctype: 'User', txt: 'example.com', page_length: 50 })).text,
    search_widget: async (viewer) =>
      (await method(viewer, 'frappe.desk.search.search_widget', { doctype: 'User', txt: '', page_length: 50 })).text,
    mentions: async (viewer) => (await method(viewer, 'frappe.desk.search.get_names_for_mentions', { search_term: '' })).text,
  }

  for (const [name, ask] of Object.entries(surfaces))
    test(`${database}: ${name} finds exactly those who share an organization`, async () => {
      for (const viewer of people) {
        const text = await ask(viewer)
        for (const seen of people) assert.equal(text.includes(seen), mayKnow(viewer, seen), `${viewer} finds ${seen} by ${name}`)
      }
    })

  test(`${database}: lists, counts, reports, exports and single reads tell nobody of people elsewhere`, async () => {
    const asks: [path: string, body: (seen: string) => Record<string, unknown>][] = [
      ['frappe.client.get_list', () => ({ doctype: 'User', fields: ['name', 'full_name'], limit_page_length: 0 })],
      ['frappe.desk.reportview.get', () => ({ doctype: 'User', fields: ['name'], page_length: 100 })],
      ['frappe.desk.reportview.export_query', () => ({ doctype: 'User', fields: ['name'], file_format_type: 'CSV', title: 'User' })],
      ['frappe.client.get_value', (seen) => ({ doctype: 'User', fieldname: 'full_name', filters: { name: seen } })],
      ['frappe.client.get', (seen) => ({ doctype: 'User', name: seen })],
      ['frappe.desk.form.load.getdoc', (seen) => ({ doctype: 'User', name: seen })],
      ['frappe.desk.search.get_link_title', (seen) => ({ doctype: 'User', docname: seen })],
      ['frappe.client.validate_link', (seen) => ({ doctype: 'User', docname: seen, fields: '["full_name"]' })],
    ]
    for (const viewer of ['ann@example.com', 'lone@example.com'])
      for (const seen of ['bob@example.com', 'bea@example.com', viewer === 'ann@example.com' ? 'lost@example.com' : 'duo@example.com'])
        for (const [path, body] of asks) {
          const answer = await method(viewer, path, body(seen))
          const nobody = await method(viewer, path, body('none@example.com'))
          assert.equal(answer.status, nobody.status, `${path} tells ${viewer} that ${seen} exists`)
          assert.equal(
            answer.text.replaceAll(seen, '@'),
            nobody.text.replaceAll('none@example.com', '@'),
            `${path} for ${viewer} about ${seen}`,
          )
        }
  })

  test(`${database}: a link to somebody elsewhere is refused in the words for somebody who is not there`, async () => {
    const todo = (viewer: string, allocated_to: string) =>
      as(viewer, (ctx) => insert(ctx, 'ToDo', { description: 'Call back', allocated_to }))
    for (const viewer of people)
      for (const seen of people) {
        if (mayKnow(viewer, seen)) await todo(viewer, seen)
        else await assert.rejects(todo(viewer, seen), LinkNotFound.is, `${viewer} points at ${seen}`)
      }
  })

  test(`${database}: assigning and sharing tell nobody of people elsewhere`, async () => {
    const name = (await as('ann@example.com', (ctx) => insert(ctx, 'Note', { title: 'Keys', content: 'In the box' }))).name
    const asks: [path: string, body: (seen: string) => Record<string, unknown>][] = [
      ['frappe.desk.form.assign_to.add', (seen) => ({ doctype: 'Note', name, assign_to: JSON.stringify([seen]) })],
      ['frappe.share.add', (seen) => ({ doctype: 'Note', name, user: seen, read: 1 })],
    ]
    for (const [path, body] of asks) {
      const [elsewhere, nobody, colleague] = [
        await method('ann@example.com', path, body('bob@example.com')),
        await method('ann@example.com', path, body('none@example.com')),
        await method('ann@example.com', path, body('abe@example.com')),
      ]
      assert.ok(elsewhere.status >= 400, `${path} ${elsewhere.text}`)
      assert.equal(elsewhere.status, nobody.status, path)
      assert.equal(elsewhere.text.replaceAll('bob@example.com', '@'), nobody.text.replaceAll('none@example.com', '@'), path)
      assert.equal(colleague.status, 200, colleague.text)
    }
  })

  test(`${database}: a System Manager knows everybody`, async () => {
    const found = (await as(manager, (ctx) => list(ctx, 'User', { wire, limit: 0 }))).rows.map((row) => row.name)
    for (const one of people) assert.ok(found.includes(one))
  })

  test(`${database}: who joins or leaves an organization is known, or not, from then on`, async () => {
    const find = async () =>
      (await method('ann@example.com', 'frappe.desk.search.search_link', { doctype: 'User', txt: 'rover' })).json.message.length
    const rover = await user('rover@example.com', ['Dispatcher'])
    assert.equal(await find(), 0)
    const permission = await make('User Permission', { user: rover, allow: 'Organization', for_value: 'South' })
    assert.equal(await find(), 0)
    await asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'User Permission', permission), { for_value: 'North' }))
    assert.equal(await find(), 1)
    await asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'User', rover), { organizations: [], bio: 'Sent along by mistake' }))
    assert.equal(await find(), 1)
    await asSystem((ctx) => rename(ctx, 'User', rover, 'rover.two@example.com'))
    assert.equal(await find(), 1)
    await asSystem((ctx) => remove(ctx, 'User Permission', permission))
    assert.equal(await find(), 0)
  })

  test(`${database}: a site that had permissions before it had members is filled, once or twice`, async () => {
    const find = async () => (await surfaces.search_link?.('ann@example.com')) ?? ''
    await asSystem((ctx) => ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${ident('tabOrganization Member')}`)))
    assert.ok(!(await find()).includes('abe@example.com'))
    for (const _ of [1, 2]) await asSystem(fillMembership)
    const text = await find()
    for (const seen of people) assert.equal(text.includes(seen), mayKnow('ann@example.com', seen), seen)
    const members = await asSystem(async (ctx) => findRows(ctx, await ctx.site.meta.get('Organization Member'), always))
    assert.equal(members.length, Object.values(cast).flat().length)
  })

  test(`${database}: nobody reads or writes from the outside to which organizations a user belongs`, async () => {
    const own = await call('GET', '/api/resource/User/ann@example.com', { as: keys.get('ann@example.com') ?? '' })
    assert.equal(own.status, 200)
    assert.ok(!('organizations' in own.json.data))
    const sent = await call('PUT', '/api/resource/User/ann@example.com', {
      body: { organizations: [{ organization: 'South' }], bio: 'Hello' },
      as: keys.get('ann@example.com') ?? '',
    })
    assert.equal(sent.status, 200)
    assert.ok(!(await surfaces.search_link?.('ann@example.com'))?.includes('bob@example.com'))
  })

  const department = (department_name: string, organization: string, more: Record<string, unknown> = {}) =>
    make('Department', { department_name, organization, is_group: 1, ...more })

  test(`${database}: a manager sees the people of the department and of all below it; others see themselves, HR sees all of its organization`, async () => {
    const field = await department('Field work', 'North', { manager: 'abe@example.com' })
    const plumbing = await department('Plumbing', 'North', { parent_department: field })
    const office = await department('Office', 'North')
    await user('hana@example.com', ['HR User'])
    await make('User Permission', { user: 'hana@example.com', allow: 'Organization', for_value: 'North' })
    const person = (first_name: string, organization: string, more: Record<string, unknown> = {}) =>
      make('Person', { first_name, organization, ...more })
    const pia = await person('Pia', 'North', { department: plumbing, date_of_birth: '1990-02-03' })
    const olaf = await person('Olaf', 'North', { department: office })
    const ann = await person('Ann', 'North', { user: 'ann@example.com' })
    const bob = await person('Bob', 'South', { user: 'bob@example.com' })
    const seen = async (viewer: string) =>
      (await as(viewer, (ctx) => list(ctx, 'Person', { wire, limit: 0 }))).rows.map((row) => row.name).sort()
    assert.deepEqual(await seen('abe@example.com'), [pia])
    assert.deepEqual(await seen('ann@example.com'), [ann])
    assert.deepEqual(await seen('bob@example.com'), [bob])
    assert.deepEqual(await seen('hana@example.com'), [pia, olaf, ann].sort())
    const byManager = await call('GET', `/api/resource/Person/${pia}`, { as: keys.get('abe@example.com') ?? '' })
    assert.equal(byManager.status, 200)
    assert.ok(!('date_of_birth' in byManager.json.data))
    await assert.rejects(
      as('bob@example.com', (ctx) => getDocument(ctx, 'Person', pia)),
      DocumentNotFound.is,
    )
    // Nobody manages what is closed, and a new manager is one at once.
    await asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'Department', field), { manager: 'duo@example.com' }))
    assert.deepEqual(await seen('abe@example.com'), [])
    assert.deepEqual(await seen('duo@example.com'), [pia])
    await asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'Department', field), { disabled: 1 }))
    assert.deepEqual(await seen('duo@example.com'), [])
  })

  test(`${database}: people and departments stay within their organization`, async () => {
    const south = await department('Sales', 'South')
    const refused = async (work: Promise<unknown>, error: { is(error: unknown): boolean }, field: string) =>
      assert.rejects(work, (thrown) => error.is(thrown) && (thrown as { field: string }).field === field)
    const person = (values: Record<string, unknown>) => make('Person', { first_name: 'Max', organization: 'North', ...values })
    await refused(person({ department: south }), OtherOrganization, 'department')
    await refused(person({ user: 'bob@example.com' }), NotAMember, 'user')
    await refused(person({ time_zone: 'Mars/Base' }), ValueRefused, 'time_zone')
    await refused(person({ date_of_birth: '2999-01-01' }), ValueRefused, 'date_of_birth')
    await person({ user: 'duo@example.com' })
    await refused(person({ user: 'duo@example.com' }), KnownAlready, 'user')
    await make('Person', { first_name: 'Max', organization: 'South', user: 'duo@example.com' })
    await refused(department('Sales', 'South'), KnownAlready, 'department_name')
    await refused(department('Door', 'North', { parent_department: south }), OtherOrganization, 'parent_department')
    await refused(department('Door', 'North', { manager: 'bob@example.com' }), NotAMember, 'manager')
  })

  test(`${database}: somebody without a role that says so makes no person and no department`, async () => {
    const values = {
      Person: { first_name: 'X' },
      Department: { department_name: 'X' },
      'Organization Settings': {},
      'Feature Flag': { flag: 'x' },
    }
    for (const [doctype, own] of Object.entries(values)) {
      const body = doctype === 'Feature Flag' ? own : { organization: 'North', ...own }
      const answer = await call('POST', `/api/resource/${encodeURIComponent(doctype)}`, { body, as: keys.get('ann@example.com') ?? '' })
      assert.equal(answer.status, 403, doctype)
    }
    const organization = await call('POST', '/api/resource/Organization', {
      body: { organization_name: 'X' },
      as: keys.get('ann@example.com') ?? '',
    })
    assert.equal(organization.status, 403)
  })
}
