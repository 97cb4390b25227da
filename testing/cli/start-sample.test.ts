import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('../../bin/start.mjs', import.meta.url))
const sites = mkdtempSync(join(tmpdir(), 'orc-sample-'))
after(() => rmSync(sites, { recursive: true, force: true }))

/** Runs `npm start` until it has printed everything, does `work`, and ends it. */
async function started<T>(work: (printed: string, url: string) => Promise<T>): Promise<T> {
  const child = spawn(process.execPath, [script], {
    env: { ...process.env, ORC_SITES: sites, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    let printed = ''
    for await (const piece of (child.stdout as NodeJS.ReadableStream).setEncoding('utf8') as AsyncIterable<string>) {
      printed += piece
      if (printed.includes('Ctrl+C')) break
    }
    return await work(printed, /answers on (\S+)/.exec(printed)?.[1] ?? '')
  } finally {
    child.kill('SIGTERM')
    if (child.exitCode === null) await once(child, 'exit')
  }
}

const rowsOf = (printed: string): string[][] =>
  [...printed.matchAll(/^ {2}(\w+) +(\S+) +(\S+)/gm)]
    .map(([, ...row]) => row as string[])
    .filter(([, user]) => user?.includes('@') || user === 'Administrator')

test('the first start makes the sample and prints logins and a curl that work; the next one prints the same', async () => {
  writeFileSync(join(sites, '.localhost-sample-unfinished'), '')
  const first = await started(async (printed, url) => {
    const rows = rowsOf(printed)
    assert.deepEqual([...new Set(rows.map(([role]) => role))], ['Coordinator', 'Technician', 'Viewer', 'everything'])
    for (const [, usr, pwd] of rows) {
      const body = JSON.stringify({ usr, pwd })
      const response = await fetch(`${url}/api/method/login`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
      assert.equal(response.status, 200, usr)
    }
    const curl = printed.split('\n').find((line) => line.includes('curl ')) ?? ''
    const answer = JSON.parse(execFileSync('sh', ['-c', curl], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })) as {
      data: object[]
    }
    assert.equal(answer.data.length, 3, 'the requests of one of the two organisations')
    return rows
  })
  assert.equal(statSync(join(sites, 'localhost', 'sample-logins.json')).mode & 0o077, 0)
  assert.deepEqual(await started(async (printed) => rowsOf(printed)), first)
})
