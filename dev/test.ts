// npm test [FILE or FOLDER …] [--test-name-pattern=… and other options of `node --test`]
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import mysql from 'mysql2/promise'
import pg from 'pg'

const root = fileURLToPath(new URL('..', import.meta.url))
const isCi = process.env.CI === 'true'
const testTimeoutMs = 120_000
const totalTimeoutMs = 20 * 60_000
const probeTimeoutMs = 5_000
/** More than the two cores of a small machine: many tests wait for a disk or a server. */
const filesAtOnce = 3

const probes: Record<string, (url: string) => Promise<void>> = {
  postgres: reachPostgres,
  mariadb: reachMariadb,
  redis: reachRedis,
  imap: reachPort,
  smtp: reachPort,
}

const options = process.argv.slice(2).filter((argument) => argument.startsWith('--'))
const files = testFiles(process.argv.slice(2).filter((argument) => !argument.startsWith('--')))
const services = await findServices()
process.stdout.write(
  `${files.length} files, on sqlite${Object.keys(services)
    .map((name) => `, ${name}`)
    .join('')}\n`,
)
process.exitCode = await runTests()

/** Every test file under the given files and folders, from the checkout's root when none is given. Ends the process when there is none. */
function testFiles(paths: string[]): string[] {
  const found = (paths.length > 0 ? paths : ['.']).flatMap((path) => {
    const absolute = resolve(path)
    if (!existsSync(absolute)) stop(2, `${path} does not exist.`)
    if (statSync(absolute).isFile()) return [absolute]
    const exclude = (name: string) => ['node_modules', '.git', '.services', 'sites'].includes(name.split('/').at(-1) ?? '')
    const inside = globSync('**/*.test.{ts,mjs}', { cwd: absolute, exclude }).map((file) => join(absolute, file))
    if (inside.length === 0) stop(2, `There is no test file in ${path}.`)
    return inside
  })
  return [...new Set(found)].sort()
}

/**
 * The URL of each server that answers, by name. A URL that was given by hand must answer; those that `dev/services` wrote down are tried.
 * Ends the process when one does not, and under CI when one is missing.
 */
async function findServices(): Promise<Record<string, string>> {
  const started = startedServices()
  const found: Record<string, string> = {}
  for (const [name, reach] of Object.entries(probes)) {
    const variable = `ORC_TEST_${name.toUpperCase()}_URL`
    const given = process.env[variable]
    const url = given || started[variable]
    if (!url) {
      if (isCi) stop(1, `${variable} is not set: under CI every service must be there. Run "dev/services start".`)
      continue
    }
    try {
      await reach(url)
      found[name] = url
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message || String(Reflect.get(cause, 'code')) : String(cause)
      if (given || isCi) stop(1, `${name} does not answer at ${variable}: ${reason}`)
      process.stderr.write(`${name} does not answer (${reason}); its tests are left out. Run "dev/services start".\n`)
    }
  }
  return found
}

function startedServices(): Record<string, string> {
  const file = join(root, '.services', 'env')
  if (!existsSync(file)) return {}
  return Object.fromEntries([...readFileSync(file, 'utf8').matchAll(/^export (\w+)='(.*)'$/gm)].map(([, name, url]) => [name, url]))
}

async function reachPostgres(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: probeTimeoutMs })
  try {
    await client.connect()
    await client.query('select 1')
  } finally {
    await client.end()
  }
}

async function reachMariadb(url: string): Promise<void> {
  const connection = await mysql.createConnection({ uri: url, connectTimeout: probeTimeoutMs })
  try {
    await connection.query('select 1')
  } finally {
    await connection.end()
  }
}

async function reachRedis(url: string): Promise<void> {
  const redis = new Redis(url, { lazyConnect: true, connectTimeout: probeTimeoutMs, retryStrategy: () => null, maxRetriesPerRequest: 0 })
  // The connection error reaches us by the promise; without a listener it would be printed as well.
  redis.on('error', () => undefined)
  try {
    await redis.connect()
    await redis.ping()
  } finally {
    redis.disconnect()
  }
}

/** Mail servers greet whoever connects. */
async function reachPort(url: string): Promise<void> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), timeout: probeTimeoutMs })
  socket.on('timeout', () => socket.destroy(new Error('it does not greet')))
  try {
    await once(socket, 'data')
  } finally {
    socket.destroy()
  }
}

/** One process per file, so that a file that crashes fails alone and leaks nothing into the next. Resolves to the exit code. */
function runTests(): Promise<number> {
  const environment = { ...process.env }
  for (const [name, url] of Object.entries(services)) environment[`ORC_TEST_${name.toUpperCase()}_URL`] = url
  const runner = [
    '--test',
    '--test-force-exit',
    `--test-timeout=${testTimeoutMs}`,
    `--test-concurrency=${filesAtOnce}`,
    `--test-reporter=${new URL('test-reporter.ts', import.meta.url).href}`,
  ]
  const child = spawn(process.execPath, [...runner, ...options, ...files.map((file) => relative(root, file))], {
    cwd: root,
    env: environment,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const timer = setTimeout(() => {
    process.stderr.write(`The tests took more than ${totalTimeoutMs / 60_000} minutes and were ended.\n`)
    // The runner ends its own processes when interrupted; the second signal is for a runner that hangs.
    child.kill('SIGINT')
    setTimeout(() => child.kill('SIGKILL'), 10_000).unref()
  }, totalTimeoutMs)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill('SIGINT'))
  return new Promise((done) => {
    child.on('exit', (code) => {
      clearTimeout(timer)
      done(code ?? 1)
    })
  })
}

function stop(code: number, message: string): never {
  process.stderr.write(`${message}\n`)
  process.exit(code)
}
