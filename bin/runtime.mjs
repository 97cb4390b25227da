// Plain JavaScript for Node 18 and later: this file runs before the pinned Node is known to be there.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import * as nodeModule from 'node:module'
import { constants } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** The checkout's root folder, absolute. */
export const root = fileURLToPath(new URL('..', import.meta.url))

// A smaller nursery: a server that waits needs some 40 MB less, and one that works is as fast. npm's scripts give it too.
const memoryFlags = ['--max-semi-space-size=8']

const compileCache = join(root, 'node_modules', '.cache', 'node-compile')

/** The exact Node version that package.json pins, without the leading `v`; all platforms pin the same one. */
export function pinnedVersion() {
  const { optionalDependencies = {} } = readJson('package.json')
  const versions = new Set(
    Object.entries(optionalDependencies)
      .filter(([name]) => name.startsWith('node-'))
      .map(([, version]) => version),
  )
  if (versions.size !== 1) throw new Error(`package.json pins ${versions.size} versions of Node; it must pin exactly one.`)
  return [...versions][0]
}

/**
 * The absolute path of the pinned Node: the installed package of this platform, or the running executable if its version is the pinned one.
 * @throws Error that tells what to install, when neither is there
 */
export function pinnedNode() {
  const version = pinnedVersion()
  for (const folder of [`node-${process.platform}-${process.arch}`, `node-bin-${process.platform}-${process.arch}`]) {
    const path = join(root, 'node_modules', folder, 'bin', 'node')
    if (existsSync(path)) return path
  }
  if (process.versions.node === version) return process.execPath
  throw new Error(
    `Orchestrator runs on Node ${version}, and this is ${process.versions.node}. Run "npm ci" to get it, or install it yourself.`,
  )
}

/** The environment for processes of the project: compiled code is cached, and `node` in scripts means the pinned one. */
export function projectEnvironment() {
  const binaries = join(root, 'node_modules', '.bin')
  const path = process.env.PATH ?? ''
  return {
    ...process.env,
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? compileCache,
    PATH: path.split(delimiter)[0] === binaries ? path : `${binaries}${delimiter}${path}`,
  }
}

/**
 * Runs a script of the project on the pinned Node with the caller's arguments, streams, signals and exit code.
 * On the pinned Node already, the script is imported into this process, so it must do its work when loaded rather than ask whether it is the main module.
 * @param script  path from the checkout's root, such as `server/cli/main.ts`
 * @param args    what the script finds in process.argv after its own path
 */
export async function runPinned(script, args = process.argv.slice(2)) {
  const file = resolve(root, script)
  if (!existsSync(file)) fail(`${script} is missing from this checkout.`)
  if (process.versions.node === pinnedVersion()) {
    process.argv = [process.execPath, file, ...args]
    process.env.NODE_COMPILE_CACHE ??= compileCache
    nodeModule.enableCompileCache?.(process.env.NODE_COMPILE_CACHE)
    await import(pathToFileURL(file).href)
    return
  }
  let node
  try {
    node = pinnedNode()
  } catch (error) {
    fail(error.message)
  }
  const follow = pathToFileURL(join(root, 'bin', 'follow-launcher.mjs')).href
  const child = spawn(node, [...memoryFlags, '--import', follow, file, ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...projectEnvironment(), ORC_LAUNCHED: '1' },
  })
  child.on('error', (error) => fail(`Node could not be started from ${node}: ${error.message}`))
  passSignals(child)
  const [code, signal] = await new Promise((done) => child.on('exit', (...end) => done(end)))
  process.exit(signal ? 128 + (constants.signals[signal] ?? 0) : (code ?? 1))
}

/**
 * Installs the packages when they are missing or are not those of package-lock.json; otherwise costs some milliseconds.
 * Ends the process with npm's own message when the installation fails.
 * @param options.dev  also require the development packages (tests and checks need them, a running server does not)
 */
export function ensureInstalled({ dev = false } = {}) {
  if (isInstalled(dev)) return
  process.stderr.write('Installing packages (npm ci) …\n')
  const started = Date.now()
  // npm replaces node_modules/.bin/node while it runs, so it must not itself run on that one.
  const binaries = join(root, 'node_modules', '.bin')
  const PATH = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => resolve(folder) !== binaries)
    .join(delimiter)
  const result = spawnSync('npm', ['ci', '--include=dev', '--include=optional', '--loglevel=error', '--no-progress'], {
    cwd: root,
    env: { ...process.env, PATH },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (result.error) fail(`npm could not be started: ${result.error.message}. Node comes with it; see that it is on the PATH.`)
  if (result.status !== 0) {
    const output = [result.stderr, result.stdout]
      .map((text) => text.trim())
      .filter(Boolean)
      .join('\n')
    fail(`${output}\nThe packages could not be installed: "npm ci" ended with ${result.status ?? result.signal}.`)
  }
  process.stderr.write(`Packages installed in ${Math.round((Date.now() - started) / 1000)} s.\n`)
}

function isInstalled(dev) {
  const wanted = join(root, 'package-lock.json')
  const present = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(present)) return false
  if (dev && !existsSync(join(root, 'node_modules', '@types', 'node'))) return false
  if (statSync(wanted).mtimeMs <= statSync(present).mtimeMs) return true
  // A newer file need not differ: a branch switch touches it. What npm wrote down about its last install decides.
  const here = readJson('node_modules/.package-lock.json').packages
  return Object.entries(readJson('package-lock.json').packages).every(([path, entry]) => {
    if (path === '' || entry.link) return true
    if (here[path]) return here[path].version === entry.version
    return entry.optional || entry.devOptional || (entry.dev && !dev)
  })
}

/** A terminal interrupts the whole process group, so the child has that signal already; anything else reached only us. */
function passSignals(child) {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2']) {
    process.on(signal, () => {
      const cameFromTerminal = process.stdin.isTTY && (signal === 'SIGINT' || signal === 'SIGQUIT')
      if (!cameFromTerminal) child.kill(signal)
    })
  }
}

function readJson(path) {
  return JSON.parse(readFileSync(join(root, path), 'utf8'))
}

function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}
