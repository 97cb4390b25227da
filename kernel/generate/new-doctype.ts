import type { GeneratedFile } from './generated-file.ts'
import { fileName, folderName, titled } from './names.ts'

export interface NewDoctype {
  app: string
  /** As people call one of them, such as `Service Request`. */
  name: string
  /** Who may work with it; default: System Manager. */
  role?: string
}

/**
 * The files of a new DocType, paths relative to the app's folder: the definition, and a test in which somebody is let in and somebody
 * refused. It has no class: one is worth its file when there is behaviour.
 */
export function newDoctypeFiles({ app, name, role = 'System Manager' }: NewDoctype): GeneratedFile[] {
  const folder = `doctypes/${folderName(name)}`
  const definition = {
    doctype: 'DocType',
    name,
    module: titled(app),
    naming_rule: 'Random',
    autoname: 'hash',
    title_field: 'title',
    track_changes: 1,
    sort_field: 'modified',
    sort_order: 'DESC',
    field_order: ['title', 'description'],
    fields: [
      { fieldname: 'title', fieldtype: 'Data', label: 'Title', reqd: 1, in_list_view: 1 },
      { fieldname: 'description', fieldtype: 'Small Text', label: 'Description' },
    ],
    permissions: [{ role, read: 1, write: 1, create: 1, delete: 1, report: 1, export: 1, print: 1, email: 1, share: 1 }],
  }
  const label = JSON.stringify(name).slice(1, -1).replaceAll("'", "\\'")
  const holder = role.replaceAll("'", "\\'")
  return [
    { path: `${folder}/${folderName(name)}.json`, text: `${JSON.stringify(definition, null, 2)}\n` },
    {
      path: `${folder}/${fileName(name)}.test.ts`,
      text: `import assert from 'node:assert/strict'
import { test } from 'node:test'
import { getDocument } from '#kernel/documents/load.ts'
import { insert } from '#kernel/documents/save.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { testSite } from '#testing/site.ts'

test('a ${holder} makes a ${label}, and somebody without the role is refused', async () => {
  const { as, user } = await testSite({ apps: ['${app}'] })
  const insider = await user('insider@example.com', ['${holder}'])
  const outsider = await user('outsider@example.com', ['Desk User'])
  const made = await as(insider, (ctx) => insert(ctx, '${label}', { title: 'First' }))
  assert.equal(made.title, 'First')
  await assert.rejects(
    as(outsider, (ctx) => getDocument(ctx, '${label}', made.name)),
    PermissionDenied.is,
  )
})
`,
    },
  ]
}
