import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { DocumentNotFound } from '#kernel/documents/errors.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { openForWrite, save } from '#kernel/documents/save.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { list } from '#kernel/query/list.ts'
import { testSite } from '#testing/site.ts'
import { matrixDocTypes, roleMatrix } from './role-matrix.ts'

const wire = { version: 2, zone: 'UTC' } as const
const site = await testSite({ apps: ['matrix'], appFolders: [join(import.meta.dirname, 'apps')] })
/** Two documents per DocType: of the user's department and of another one, where the DocType knows departments. */
const documents = new Map<string, [own: string, other: string]>()

async function fill(): Promise<void> {
  await site.make('Organization', { organization_name: 'North' })
  const departments: string[] = []
  for (const department_name of ['Detox', 'Housing'])
    departments.push(await site.make('Department', { department_name, organization: 'North' }))
  for (const doctype of matrixDocTypes) {
    const make = (at: number) =>
      site.make(doctype, { note: 'as it was', ...(doctype === 'Care Client' && { department: departments[at] }) })
    documents.set(doctype, [await make(0), await make(1)])
  }
  for (const role of Object.keys(roleMatrix)) {
    const user = await site.user(emailOf(role), [role])
    const isBound = roleMatrix[role]?.includes('Own Dept')
    if (isBound) await site.make('User Permission', { user, allow: 'Department', for_value: departments[0] })
  }
  await site.user('newcomer@example.com', ['Medical Staff'])
  await site.user('nobody@example.com', [])
}

await fill()

function emailOf(role: string): string {
  return `${role.toLowerCase().replaceAll(' ', '.')}@example.com`
}

async function allows(work: Promise<unknown>): Promise<boolean> {
  try {
    await work
    return true
  } catch (error) {
    // What one may not even see looks as if it were not there.
    if (PermissionDenied.is(error) || DocumentNotFound.is(error)) return false
    throw error
  }
}

for (const [role, cells] of Object.entries(roleMatrix))
  for (const [at, cell] of cells.entries()) {
    const doctype = matrixDocTypes[at] as string
    test(`${role}: ${cell} of ${doctype}`, async () => {
      const [own, other] = documents.get(doctype) as [string, string]
      const user = emailOf(role)
      const readable = cell === '-' ? [] : cell === 'Own Dept' ? [own] : [own, other]
      const listed = site.as(user, async (ctx) => (await list(ctx, doctype, { wire })).rows.map((row) => row.name))
      if (cell === '-') await assert.rejects(listed, PermissionDenied.is)
      else assert.deepEqual((await listed).sort(), [...readable].sort())
      for (const name of [own, other]) {
        assert.equal(await allows(site.as(user, (ctx) => getDocument(ctx, doctype, name))), readable.includes(name), `read ${name}`)
        const write = site.as(user, async (ctx) => save(ctx, await openForWrite(ctx, doctype, name), { note: role }))
        assert.equal(await allows(write), cell === 'RW', `write ${name}`)
      }
    })
  }

test('somebody whose role is bound to a department, but who has none, sees no client', async () => {
  assert.deepEqual((await site.as('newcomer@example.com', (ctx) => list(ctx, 'Care Client', { wire }))).rows, [])
})

test('somebody without a role is refused everywhere', async () => {
  for (const doctype of matrixDocTypes) {
    await assert.rejects(
      site.as('nobody@example.com', (ctx) => list(ctx, doctype, { wire })),
      PermissionDenied.is,
    )
    for (const name of documents.get(doctype) ?? [])
      assert.equal(await allows(site.as('nobody@example.com', (ctx) => getDocument(ctx, doctype, name))), false)
  }
})
