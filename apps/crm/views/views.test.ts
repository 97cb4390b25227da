import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DocumentNotFound } from '#kernel/documents/errors.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { list } from '#kernel/query/list.ts'
import { sellingTown } from '#testing/crm.ts'
import { PublishRefused } from '../errors.ts'

const { as, sam, mona, otto, fay, person } = await sellingTown()
const view = (user: string, values: Record<string, unknown> = {}) =>
  as(user, (ctx) => insert(ctx, 'Saved View', { label: 'Mine', dt: 'Lead', organization: 'North', ...values }))
const seen = async (user: string) =>
  (await as(user, (ctx) => list(ctx, 'Saved View', { wire: { version: 1, zone: 'UTC' }, limit: 0 }))).rows.map((row) => row.name)
const sally = await person('sally', ['Sales User'], ['North'])

test('a view is its owner’s until a manager puts it before everybody in the organization', async () => {
  const own = await view(sam, { filters: '{"status": "New"}', columns: '["lead_name", "email"]', order_by: 'modified desc' })
  assert.ok((await seen(sam)).includes(own.name))
  for (const other of [sally, mona, otto]) assert.ok(!(await seen(other)).includes(own.name), other)
  await assert.rejects(
    as(sally, (ctx) => getDocument(ctx, 'Saved View', own.name)),
    PermissionDenied.is,
  )
  await assert.rejects(view(sam, { public: 1 }), PublishRefused.is)
  const shared = await view(mona, { label: 'All', public: 1 })
  assert.ok((await seen(sally)).includes(shared.name))
  assert.ok(!(await seen(otto)).includes(shared.name))
  await assert.rejects(
    as(otto, (ctx) => getDocument(ctx, 'Saved View', shared.name)),
    DocumentNotFound.is,
  )
  await assert.rejects(
    as(sally, (ctx) => openForWrite(ctx, 'Saved View', shared.name)),
    PermissionDenied.is,
  )
})

test('what does not work, or would look at what is closed, is refused with its place', async () => {
  const refused = (field: string, values: Record<string, unknown>, user = sam) =>
    assert.rejects(view(user, values), (error) => String((error as { field: string }).field).startsWith(field), field)
  await refused('columns', { columns: '{"a": 1}' })
  await refused('columns[1]', { columns: '["lead_name", "shoe_size"]' })
  await refused('columns[0]', { dt: 'Customer', columns: '["tax_id"]' })
  await refused('group_by_field', { type: 'group_by' })
  await refused('group_by_field', { type: 'group_by', group_by_field: 'nothing' })
  await refused('column_field', { type: 'kanban' })
  await assert.rejects(view(sam, { filters: '{"shoe_size": 7}' }))
  await assert.rejects(view(sam, { order_by: 'shoe_size desc' }))
  await assert.rejects(view(fay, { dt: 'Lead' }), PermissionDenied.is)
})

test('its owner changes a view', async () => {
  const own = await view(sam)
  const changed = await as(sam, async (ctx) =>
    save(ctx, await openForWrite(ctx, 'Saved View', own.name), { label: 'Better', type: 'kanban', column_field: 'status' }),
  )
  assert.equal(changed.label, 'Better')
})
