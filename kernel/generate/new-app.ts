import type { GeneratedFile } from './generated-file.ts'
import { titled } from './names.ts'

/** The files of a new app, paths relative to its folder: a table of contents and a test that it installs. */
export function newAppFiles(name: string): GeneratedFile[] {
  const title = titled(name)
  return [
    {
      path: 'app.ts',
      text: `import { defineApp } from '#kernel/apps/app.ts'

export default defineApp({
  name: '${name}',
  title: '${title}',
  version: '0.1.0',
  roles: ['${title} User'],
})
`,
    },
    {
      path: 'app.test.ts',
      text: `import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exists } from '#kernel/documents/load.ts'
import { testSite } from '#testing/site.ts'

test('installing ${name} brings its role', async () => {
  const { asSystem } = await testSite({ apps: ['${name}'] })
  assert.ok(await asSystem((ctx) => exists(ctx, 'Role', '${title} User')))
})
`,
    },
  ]
}
