import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { proseComplaints } from './prose.ts'

/** The complaints about a project with these files and one kernel folder, without those about pages that it does not have. */
async function complaintsAbout(t: TestContext, files: Readonly<Record<string, string>>): Promise<string[]> {
  const root = mkdtempSync(join(tmpdir(), 'orc-prose-'))
  t.after(() => rmSync(root, { recursive: true }))
  for (const [path, text] of Object.entries({ 'kernel/engine/engine.ts': '', ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return (await proseComplaints(root)).filter((complaint) => !complaint.startsWith('docs/kernel/documents.md'))
}

const engine = { 'docs/kernel/engine.md': '# Engine\n\n`kernel/engine/` runs.\n\n## How fast\n' }

test('a link that leads nowhere is told, with its page', async (t) => {
  const found = await complaintsAbout(t, {
    ...engine,
    'README.md': '[a](docs/kernel/engine.md) [b](docs/gone.md) [c](https://example.com/x)',
  })
  assert.deepEqual(found, ['README.md: docs/gone.md leads nowhere'])
})

test('a link to a heading that is not there is told', async (t) => {
  const found = await complaintsAbout(t, { ...engine, 'docs/map.md': '[a](kernel/engine.md#how-fast) [b](kernel/engine.md#how-slow)' })
  assert.deepEqual(found, ['docs/map.md: kernel/engine.md#how-slow names no heading there'])
})

test('a command line with a command that does not exist is told', async (t) => {
  const found = await complaintsAbout(t, { ...engine, 'README.md': '```sh\nnpx orc new-site HOST\nnpx orc make-coffee\n```\n' })
  assert.deepEqual(found, ['README.md: there is no command orc make-coffee'])
})

test('a kernel folder without a page is told', async (t) => {
  assert.deepEqual(await complaintsAbout(t, {}), ['docs/kernel: no page says that it is about `kernel/engine/`'])
})

test('a configuration key that the page about sites does not name is told', async (t) => {
  const found = await complaintsAbout(t, {
    ...engine,
    'kernel/engine/engine.ts': 'site.config.known; site.config.unheard_of; process.env.ORC_NEW',
    'docs/kernel/sites.md': '`known`',
  })
  assert.deepEqual(found, [
    'docs/kernel/sites.md: `ORC_NEW`, which the code reads, is missing',
    'docs/kernel/sites.md: `unheard_of`, which the code reads, is missing',
  ])
})
