import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { run } from '#server/cli/run.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = checkout()
const apps = join(folder, 'apps')

/** A checkout of its own, so that what is generated does not appear among the apps of tests that run at the same time. */
function checkout(): string {
  const folder = mkdtempSync(join(tmpdir(), 'orc-generate-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  for (const shared of ['kernel', 'client', 'node_modules']) symlinkSync(join(root, shared), join(folder, shared))
  for (const own of ['apps/core', 'apps/company', 'testing/site.ts', 'testing/services.ts'])
    cpSync(join(root, own), join(folder, own), { recursive: true })
  const { type, imports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, unknown>
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type, imports }))
  return folder
}

async function orc(...line: string[]): Promise<{ code: number; value: Record<string, unknown> }> {
  let printed = ''
  const code = await run([...line, '--json'], {
    env: { ORC_SITES: join(folder, 'sites') },
    print: (text) => (printed += text),
    note: () => undefined,
    readInput: async () => '',
  })
  return { code, value: JSON.parse(printed) as Record<string, unknown> }
}

test('a new app with a new DocType passes the tests that are written with it', async () => {
  const made = await orc('new-app', 'field-service', '--folder', apps)
  assert.deepEqual([made.code, (made.value.written as string[]).length], [0, 2])
  const added = await orc('new-doctype', 'field-service', "Engineer's Van", '--folder', apps)
  assert.equal(added.code, 2, 'a name that no DocType may have')
  assert.equal((await orc('new-doctype', 'field-service', 'Spare Part', '--folder', apps)).code, 0)
  const definition = JSON.parse(readFileSync(join(apps, 'field-service/doctypes/spare_part/spare_part.json'), 'utf8'))
  assert.equal(definition.permissions[0].role, 'Field Service User')
  // The runner tells its children that they are children; this one is to be a runner of its own.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const { status, stdout } = spawnSync(
    process.execPath,
    ['--test', '--test-isolation=none', '--test-reporter=tap', `${apps}/field-service/**/*.test.ts`],
    {
      cwd: folder,
      encoding: 'utf8',
      env,
      timeout: 60_000,
    },
  )
  assert.equal(status, 0, stdout)
  assert.match(stdout, /# pass 2/)
})

test('nothing is written over what is there, nor for an app that is not there', async () => {
  await orc('new-app', 'twice', '--folder', apps)
  const again = await orc('new-app', 'twice', '--folder', apps)
  assert.deepEqual([again.code, (again.value.error as { code: string }).code], [4, 'cli/target-exists'])
  assert.equal((await orc('new-app', 'Bad Name', '--folder', apps)).code, 2)
  assert.equal((await orc('new-doctype', 'nowhere', 'Thing', '--folder', apps)).code, 3)
  assert.equal((await orc('new-doctype', 'twice', 'ToDo', '--folder', apps)).code, 4, 'the name belongs to another app')
})

test('types of an app are those of its DocTypes', async () => {
  const { code, value } = await orc('types', '--app', 'core')
  assert.equal(code, 0)
  assert.match(String(value.types), /'ToDo': ToDo|ToDo: ToDo/)
  assert.equal((await orc('types', '--app', 'nowhere')).code, 3)
})
