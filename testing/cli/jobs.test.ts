import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { run } from '#server/cli/run.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const sites = mkdtempSync(join(tmpdir(), 'orc-cli-jobs-'))
const host = 'jobs.localhost'
const children: ChildProcess[] = []

async function orc(line: readonly string[]): Promise<{ code: number; value: Record<string, unknown> }> {
  let stdout = ''
  const code = await run([...line, '--json'], {
    env: { ORC_SITES: sites },
    print: (text) => (stdout += text),
    note: () => undefined,
    readInput: async () => '',
  })
  return { code, value: JSON.parse(stdout) as Record<string, unknown> }
}

/** The pending jobs by state. */
async function counts(): Promise<Record<string, number>> {
  return (await orc(['show-pending-jobs'])).value.counts as Record<string, number>
}

async function until(what: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 15_000; Date.now() < end; await pause(50)) if (await what()) return
  assert.fail('it did not come to pass in time')
}

/** Starts a command that goes on, and waits for its first word. */
async function start(...line: string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, [join(root, 'bin/orc.mjs'), ...line], { env: { ...process.env, ORC_SITES: sites }, stdio: 'pipe' })
  children.push(child)
  await Promise.race([once(child.stdout, 'data'), once(child.stderr, 'data')])
  return child
}

async function end(child: ChildProcess): Promise<number | null> {
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
  return child.exitCode
}

before(async () => {
  assert.equal((await orc(['new-site', host, '--admin-password', 'fake-Password-of-admin-1'])).code, 0)
})
after(async () => {
  for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
  rmSync(sites, { recursive: true, force: true })
})

test('schedules are shown, paused and let go on', async () => {
  const { value } = await orc(['scheduler', 'status'])
  assert.equal(value.paused, false)
  const [first] = value.schedules as { job: string; every: string; next: string }[]
  assert.deepEqual([first?.job, first?.every, first?.next.slice(11, 16)], ['core.tidy-up', 'daily', '00:00'])
  assert.equal((await orc(['scheduler', 'disable'])).value.paused, true)
  assert.equal((await orc(['scheduler', 'status'])).value.paused, true)
  const findings = (await orc(['doctor', '--site', host])).value.findings as { text: string; state: string }[]
  assert.ok(findings.some((one) => one.state === 'notice' && one.text.includes('paused')))
  assert.equal((await orc(['scheduler', 'enable'])).value.paused, false)
  assert.equal((await orc(['scheduler', 'trigger', 'core.none'])).code, 3)
})

test('a job waits until a worker comes, can be cancelled and retried, and is forgotten', async () => {
  const id = String((await orc(['scheduler', 'trigger', 'core.tidy-up'])).value.job)
  assert.deepEqual(await counts(), { queued: 1 })
  assert.equal((await orc(['jobs', 'cancel', id])).code, 0)
  assert.equal((await orc(['jobs', 'cancel', id])).code, 4)
  assert.equal((await orc(['worker', '--burst'])).code, 0)
  assert.deepEqual(await counts(), { cancelled: 1 })
  assert.equal((await orc(['jobs', 'retry', id])).code, 0)
  assert.equal((await orc(['worker', '--burst', '--queue', 'short'])).code, 0)
  assert.deepEqual(await counts(), { queued: 1 })
  assert.equal((await orc(['worker', '--burst', '--queue', 'long,short'])).code, 0)
  assert.deepEqual(await counts(), { finished: 1 })
  assert.equal((await orc(['purge-jobs', '--days', '1'])).value.purged, 0)
  assert.equal((await orc(['purge-jobs'])).value.purged, 1)
  assert.equal((await orc(['jobs', 'retry', id])).code, 3)
  assert.equal((await orc(['worker', '--burst', '--queue', 'huge'])).code, 2)
})

test('a server runs the jobs that another process enqueues, unless it is told not to, and a worker beside it does', async () => {
  const server = await start('start', '--port', '0', '--no-worker')
  await orc(['scheduler', 'trigger', 'core.tidy-up'])
  await pause(1500)
  assert.equal((await counts()).queued, 1)
  const worker = await start('worker')
  await until(async () => (await counts()).finished === 1)
  assert.deepEqual([await end(worker), await end(server)], [0, 0])
  const both = await start('start', '--port', '0')
  await orc(['scheduler', 'trigger', 'core.tidy-up'])
  await until(async () => (await counts()).finished === 2)
  assert.equal(await end(both), 0)
})
