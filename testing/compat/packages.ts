import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** A folder of its own: beside package.json, our own `#` imports would not be found. */
const folder = join(import.meta.dirname, 'clients')
const require = createRequire(join(folder, 'package.json'))
const lock = join(folder, 'node_modules.lock')
/** An installation takes half a minute; a lock this old was left by a process that was killed. */
const staleLockMs = 110_000

/**
 * Sees to it that the packages of `clients/` are installed, as its package-lock.json has them; the first test file to run does it for all.
 * @returns false, or the reason to skip the tests: packages cannot be had on this machine
 * @throws Error under `CI=true` when they cannot be had, because a skipped exam must not look like a passed one
 */
export async function missingPackages(): Promise<string | false> {
  while (!isInstalled()) {
    if (!takeLock()) {
      await sleep(250)
      continue
    }
    try {
      if (isInstalled()) break
      const problem = install()
      if (problem === undefined) break
      if (process.env.CI === 'true') throw new Error(problem)
      return problem
    } finally {
      rmSync(lock, { recursive: true, force: true })
    }
  }
  return false
}

/** A CommonJS package of `clients/`, as Node loads it. */
export function requirePackage<T>(name: string): T {
  return require(name) as T
}

/** The absolute path of a file in an installed package, such as `frappe-ui/src/resources/index.ts`. */
export function packageFile(path: string): string {
  return join(folder, 'node_modules', path)
}

function isInstalled(): boolean {
  const present = join(folder, 'node_modules', '.package-lock.json')
  if (!existsSync(present)) return false
  const versions = (file: string) =>
    Object.entries((JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, { version?: string }> }).packages)
  const here = new Map(versions(present).map(([path, entry]) => [path, entry.version]))
  const { dependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { dependencies: Record<string, string> }
  return Object.entries(dependencies).every(([name, version]) => here.get(`node_modules/${name}`) === version)
}

function takeLock(): boolean {
  try {
    mkdirSync(lock)
    return true
  } catch {
    const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
    if (age > staleLockMs) rmSync(lock, { recursive: true, force: true })
    return false
  }
}

/** Runs `npm ci`; returns what went wrong. */
function install(): string | undefined {
  // npm belongs to a Node of its own, which need not be the pinned one that tests run on.
  const binaries = join(import.meta.dirname, '..', '..', 'node_modules', '.bin')
  const path = (process.env.PATH ?? '').split(delimiter).filter((one) => resolve(one) !== binaries)
  const result = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--no-progress', '--loglevel=error'], {
    cwd: folder,
    env: { ...process.env, PATH: path.join(delimiter) },
    encoding: 'utf8',
  })
  if (result.status === 0) return undefined
  return `The client packages in testing/compat/clients could not be installed: ${result.error?.message ?? `${result.stderr}${result.stdout}`.trim()}`
}
