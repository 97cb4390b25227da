import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { SqliteDatabase } from './driver.ts'

const driver = new URL('./driver.ts', import.meta.url).href

test('a process killed while it writes loses nothing it acknowledged and keeps no half transaction', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'orc-crash-'))
  const file = join(folder, 'site.db')
  const database = new SqliteDatabase(file)
  t.after(async () => {
    await database.close()
    rmSync(folder, { recursive: true })
  })
  await database.alter(['create table pair (name text primary key, half integer) strict'])

  const child = spawn(process.execPath, ['--input-type=module', '--eval', writerProgram, file], { stdio: ['ignore', 'pipe', 'inherit'] })
  let acknowledged = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    acknowledged += text
    if (acknowledged.length > 2000) child.kill('SIGKILL')
  })
  await once(child, 'close')

  const rows = await database.query<{ name: string }>({ sql: 'select name from pair', parameters: [] })
  const kept = new Set(rows.map((row) => row.name))
  const told = acknowledged.split('\n').slice(0, -1)
  assert.ok(told.length > 50)
  assert.deepEqual(
    told.filter((name) => !kept.has(`${name}/1`) || !kept.has(`${name}/2`)),
    [],
  )
  for (const name of kept) assert.ok(kept.has(name.endsWith('/1') ? name.replace('/1', '/2') : name.replace('/2', '/1')), name)
})

/** Eight writers that put down pairs for ever, each printed once its commit was acknowledged. */
const writerProgram = `
import { writeSync } from 'node:fs'
import { SqliteDatabase } from ${JSON.stringify(driver)}
const database = new SqliteDatabase(process.argv[1])
for (let writer = 0; writer < 8; writer++) void write(writer)
async function write(writer) {
  for (let turn = 0; ; turn++) {
    await database.transaction(async (tx) => {
      for (const half of [1, 2]) {
        await tx.execute({ sql: 'insert into pair values (?, ?)', parameters: [writer + '-' + turn + '/' + half, half] })
        await new Promise(setImmediate)
      }
    })
    writeSync(1, writer + '-' + turn + '\\n')
  }
}`
