import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { getDocument } from '#kernel/documents/load.ts'
import { remove } from '#kernel/documents/remove.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { list } from '#kernel/query/list.ts'
import { type TestSite, testSite } from '#testing/site.ts'

const wire = { version: 1, zone: 'UTC' } as const
/** Refused outright, or as if the document were not there. */
const refusals: readonly (string | undefined)[] = ['PermissionError', 'LinkValidationError', 'DoesNotExistError']
const denied = ({ excType }: { excType?: string }): boolean => refusals.includes(excType)

suite('working together', () => {
  let site: TestSite
  let dana: string
  let erik: string
  before(async () => {
    site = await testSite({ closedByCaller: true })
    dana = await site.user('dana@example.com', ['Desk User'])
    erik = await site.user('erik@example.com', ['Desk User'])
    await site.make('DocType', {
      name: 'Case',
      autoname: 'prompt',
      fields: [{ fieldname: 'title', fieldtype: 'Data' }],
      permissions: [{ role: 'Desk User', read: 1, write: 1, create: 1, if_owner: 1 }],
    })
    await site.as(dana, (ctx) => insert(ctx, 'Case', { name: 'hers' }))
    await site.as(erik, (ctx) => insert(ctx, 'Case', { name: 'his' }))
  })
  after(() => site.close())

  const seen = async (user: string, doctype: string): Promise<unknown[]> =>
    (await site.as(user, (ctx) => list(ctx, doctype, { wire, limit: 0 }))).rows.map((row) => row.name)
  const note = async (name: string, column: string) =>
    (await site.site.database.query({ sql: `select "${column}" as note from "tabCase" where name = '${name}'`, parameters: [] }))[0]?.note

  test('nobody comments on, tags or assigns what they may not read', async () => {
    const about = { reference_doctype: 'Case', reference_name: 'his' }
    await assert.rejects(
      site.as(dana, (ctx) => insert(ctx, 'Comment', { ...about, comment_type: 'Comment', content: 'x' })),
      denied,
    )
    await assert.rejects(
      site.as(dana, (ctx) => insert(ctx, 'ToDo', { description: 'x', reference_type: 'Case', reference_name: 'his', allocated_to: dana })),
      denied,
    )
    assert.deepEqual([await note('his', '_comments'), await note('his', '_assign')], [null, null])
  })

  test('a comment bears the name of who wrote it, whatever they say', async () => {
    const { name } = await site.as(dana, (ctx) =>
      insert(ctx, 'Comment', {
        reference_doctype: 'Case',
        reference_name: 'hers',
        comment_type: 'Comment',
        content: 'x',
        comment_email: erik,
        comment_by: 'Erik',
      }),
    )
    const stored = await site.asSystem((ctx) => getDocument(ctx, 'Comment', name))
    assert.deepEqual([stored.comment_email, stored.comment_by], [dana, 'dana'])
    await assert.rejects(
      site.as(erik, (ctx) => getDocument(ctx, 'Comment', name)),
      denied,
    )
    await assert.rejects(
      site.as(erik, (ctx) => remove(ctx, 'Comment', name)),
      denied,
    )
  })

  test('a comment stays where it is; a ToDo moves only to what its owner may read, and leaves the former document', async () => {
    const comment = await site.as(dana, (ctx) =>
      insert(ctx, 'Comment', { reference_doctype: 'Case', reference_name: 'hers', comment_type: 'Comment', content: 'moving' }),
    )
    const todo = await site.as(dana, (ctx) =>
      insert(ctx, 'ToDo', { description: 'x', reference_type: 'Case', reference_name: 'hers', allocated_to: dana }),
    )
    await assert.rejects(
      site.as(dana, async (ctx) => save(ctx, await openForWrite(ctx, 'Comment', comment.name), { reference_name: 'his' })),
    )
    await assert.rejects(
      site.asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'Comment', comment.name), { reference_name: 'his' })),
      { code: 'document/constant-changed' },
    )
    await assert.rejects(
      site.as(dana, async (ctx) => save(ctx, await openForWrite(ctx, 'ToDo', todo.name), { reference_name: 'his' })),
      denied,
    )
    assert.deepEqual([await note('his', '_comments'), await note('his', '_assign')], [null, null])
    await site.asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'ToDo', todo.name), { reference_name: 'his' }))
    assert.ok(String(await note('hers', '_comments')).includes('moving'))
    assert.deepEqual([await note('hers', '_assign'), await note('his', '_assign')], [null, `["${dana}"]`])
  })

  test('a ToDo is seen by who owns it, has to do it, or gave it out, and by nobody else', async () => {
    const forErik = await site.as(dana, (ctx) => insert(ctx, 'ToDo', { description: 'for Erik', allocated_to: erik }))
    const own = await site.as(dana, (ctx) => insert(ctx, 'ToDo', { description: 'own' }))
    const theirs = await seen(erik, 'ToDo')
    assert.deepEqual([theirs.includes(forErik.name), theirs.includes(own.name)], [true, false])
    await site.as(erik, async (ctx) => save(ctx, await openForWrite(ctx, 'ToDo', forErik.name), { status: 'Closed' }))
    await assert.rejects(
      site.as(erik, (ctx) => getDocument(ctx, 'ToDo', own.name)),
      denied,
    )
  })

  test('public notes and events are read by all who are signed in, changed by their owner alone', async () => {
    const [open, closed] = await Promise.all(
      [1, 0].map((isPublic) => site.as(dana, (ctx) => insert(ctx, 'Note', { title: `n${isPublic}`, public: isPublic }))),
    )
    const event = await site.as(dana, (ctx) =>
      insert(ctx, 'Event', { subject: 'e', event_type: 'Public', starts_on: '2026-11-20 10:00:00' }),
    )
    assert.deepEqual(await seen(erik, 'Note'), [open?.name])
    assert.deepEqual(await seen(erik, 'Event'), [event.name])
    await assert.rejects(
      site.as(erik, (ctx) => getDocument(ctx, 'Note', closed?.name ?? '')),
      denied,
    )
    await assert.rejects(
      site.as(erik, async (ctx) => save(ctx, await openForWrite(ctx, 'Note', open?.name ?? ''), { title: 'mine' })),
      denied,
    )
    await assert.rejects(
      site.as('Guest', (ctx) => getDocument(ctx, 'Note', open?.name ?? '')),
      denied,
    )
  })

  test('the platform’s own roles stay as they are', async () => {
    const refused = { code: 'core/role-is-fixed' }
    for (const role of ['System Manager', 'All', 'Guest']) {
      await assert.rejects(
        site.asSystem((ctx) => remove(ctx, 'Role', role)),
        refused,
      )
      await assert.rejects(
        site.asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'Role', role), { disabled: 1 })),
        refused,
      )
    }
    await site.make('Role', { role_name: 'Night Shift' })
    await site.asSystem((ctx) => remove(ctx, 'Role', 'Night Shift'))
  })

  test('a time zone must be one', async () => {
    const set = (time_zone: string) =>
      site.asSystem(async (ctx) =>
        save(ctx, await openForWrite(ctx, 'System Settings', 'System Settings'), {
          time_zone,
          date_format: 'yyyy-mm-dd',
          time_format: 'HH:mm:ss',
        }),
      )
    await assert.rejects(set('Mars/Olympus'), { code: 'core/time-zone-unknown', field: 'time_zone' })
    await set('Europe/Berlin')
  })

  test('the same user permission cannot be given twice, nor two defaults of one kind', async () => {
    const give = (values: object) =>
      site.asSystem((ctx) => insert(ctx, 'User Permission', { user: erik, allow: 'Role', apply_to_all_doctypes: 1, ...values }))
    await give({ for_value: 'All', is_default: 1 })
    await assert.rejects(give({ for_value: 'All' }), { code: 'core/user-permission-repeated' })
    await assert.rejects(give({ for_value: 'Guest', is_default: 1 }), { code: 'core/user-permission-default-repeated' })
    await give({ for_value: 'Guest' })
    await give({ for_value: 'All', apply_to_all_doctypes: 0, applicable_for: 'ToDo' })
  })
})
