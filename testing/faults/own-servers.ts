import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, globSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from './fleet.ts'

interface Account {
  readonly uid: number
  readonly gid: number
}

interface Program {
  readonly name: string
  /** Debian's account for it: these servers refuse to be root. */
  readonly account: string
  readonly url: (port: number, password: string) => string
  /** Makes its data folder, once. */
  readonly prepare: (server: { folder: string; port: number; password: string; as: object }) => void
  readonly arguments: (folder: string, port: number) => string[]
}

const programs = {
  postgres: {
    name: 'postgres',
    account: 'postgres',
    url: (port, password) => `postgres://orc:${password}@127.0.0.1:${port}/postgres`,
    prepare: ({ folder, password, as }) => {
      writeFileSync(join(folder, 'password'), password)
      const line = ['-D', join(folder, 'data'), '-U', 'orc', '-E', 'UTF8', '--locale=C.UTF-8', '--auth=scram-sha-256']
      execFileSync(programPath('initdb'), [...line, `--pwfile=${join(folder, 'password')}`, '--no-sync'], {
        ...as,
        cwd: folder,
        stdio: 'ignore',
      })
    },
    arguments: (folder, port) => [
      ...['-D', join(folder, 'data')],
      ...[`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories=', 'shared_buffers=64MB'].flatMap((one) => ['-c', one]),
    ],
  },
  mariadb: {
    name: 'mariadbd',
    account: 'mysql',
    url: (port, password) => `mysql://orc:${password}@127.0.0.1:${port}/orc`,
    prepare: ({ folder, password, as }) => {
      const line = ['--no-defaults', `--datadir=${join(folder, 'data')}`, '--skip-test-db', '--innodb-log-file-size=16M']
      execFileSync(programPath('mariadb-install-db'), [...line, '--auth-root-authentication-method=socket'], {
        ...as,
        cwd: folder,
        stdio: 'ignore',
      })
      const grants = `GRANT ALL PRIVILEGES ON *.* TO 'orc'@'%' WITH GRANT OPTION`
      writeFileSync(
        join(folder, 'accounts.sql'),
        `CREATE USER IF NOT EXISTS 'orc'@'%' IDENTIFIED BY '${password}';\n${grants};\nCREATE DATABASE IF NOT EXISTS orc;\n`,
      )
    },
    arguments: (folder, port) => [
      ...['--no-defaults', `--datadir=${join(folder, 'data')}`, `--port=${port}`, '--bind-address=127.0.0.1', '--skip-name-resolve'],
      ...[`--socket=${join(folder, 'socket')}`, `--pid-file=${join(folder, 'pid')}`, `--init-file=${join(folder, 'accounts.sql')}`],
      ...['--character-set-server=utf8mb4', '--default-time-zone=+00:00', '--innodb-buffer-pool-size=64M', '--innodb-log-file-size=16M'],
    ],
  },
  redis: {
    name: 'redis-server',
    account: 'redis',
    url: (port, password) => `redis://:${password}@127.0.0.1:${port}/0`,
    prepare: ({ folder, port, password }) =>
      writeFileSync(
        join(folder, 'redis.conf'),
        [`port ${port}`, 'bind 127.0.0.1', `requirepass ${password}`, `dir ${folder}`, 'save ""', 'appendonly no', ''].join('\n'),
      ),
    arguments: (folder) => [join(folder, 'redis.conf')],
  },
} as const satisfies Record<string, Program>

export type OwnServerName = keyof typeof programs

/** Whether the programs are installed here. */
export function isInstalled(name: OwnServerName): boolean {
  return findProgram(programs[name].name) !== undefined
}

/** A server of the suite's own, which may be killed: its data outlives it (Redis has none to lose). */
export class OwnServer {
  readonly url: string
  readonly port: number
  readonly #program: Program
  readonly #folder: string
  readonly #as: object
  #child: ChildProcess | undefined
  #turn: Promise<void> = Promise.resolve()

  private constructor(program: Program, folder: string, port: number, password: string) {
    this.#program = program
    this.#folder = folder
    this.port = port
    this.url = program.url(port, password)
    this.#as = accountOf(program.account) ?? {}
  }

  /** @param base a folder that the account of the server may enter */
  static async start(name: OwnServerName, base: string): Promise<OwnServer> {
    const program: Program = programs[name]
    const folder = join(base, name)
    mkdirSync(folder, { recursive: true })
    chmodSync(base, 0o711)
    const port = await freePort()
    const password = randomBytes(12).toString('hex')
    const server = new OwnServer(program, folder, port, password)
    const account = accountOf(program.account)
    if (account) chownSync(folder, account.uid, account.gid)
    program.prepare({ folder, port, password, as: server.#as })
    // However the suite ends, its servers end with it.
    process.once('exit', () => server.#child?.kill(server.#killing))
    await server.start()
    return server
  }

  /** @throws Error when it does not answer within half a minute */
  async start(): Promise<void> {
    const log = openSync(join(this.#folder, 'server.log'), 'a')
    this.#child = spawn(programPath(this.#program.name), this.#program.arguments(this.#folder, this.port), {
      ...this.#as,
      cwd: this.#folder,
      env: { ...process.env, HOME: this.#folder },
      stdio: ['ignore', log, log],
    })
    for (const end = Date.now() + 30_000; !(await this.#isReady()); await pause(50))
      if (Date.now() > end || this.#child.exitCode !== null)
        throw new Error(`${this.#program.name} did not start:\n${readFileSync(join(this.#folder, 'server.log'), 'utf8').slice(-1000)}`)
  }

  /** Takes it down as a power failure would, and up again after so many milliseconds; a second one waits for the first. */
  restart(downMs: number): Promise<void> {
    this.#turn = this.#turn.then(async () => {
      await this.kill()
      await pause(downMs)
      await this.start()
    })
    return this.#turn
  }

  /** Takes it down as a power failure would. */
  async kill(): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill(this.#killing)
    await gone
  }

  /** PostgreSQL's children would outlive a killed parent for a moment and hold the data: SIGQUIT ends all at once, without a checkpoint. */
  get #killing(): 'SIGQUIT' | 'SIGKILL' {
    return this.#program.name === 'postgres' ? 'SIGQUIT' : 'SIGKILL'
  }

  async #isReady(): Promise<boolean> {
    const state = join(this.#folder, 'data/postmaster.pid')
    if (this.#program.name === 'postgres' && (!existsSync(state) || readFileSync(state, 'utf8').split('\n')[7]?.trim() !== 'ready'))
      return false
    const socket = connect(this.port, '127.0.0.1')
    const isOpen = await new Promise<boolean>((done) => {
      socket.once('connect', () => done(true))
      socket.once('error', () => done(false))
    })
    socket.destroy()
    return isOpen
  }
}

function accountOf(name: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined
  const number = (flag: string) => Number(execFileSync('id', [flag, name], { encoding: 'utf8' }))
  return { uid: number('-u'), gid: number('-g') }
}

function programPath(name: string): string {
  const path = findProgram(name)
  if (!path) throw new Error(`${name} is not installed; "dev/services start" installs it.`)
  return path
}

function findProgram(name: string): string | undefined {
  const folders = [
    ...(process.env.PATH ?? '').split(':'),
    '/usr/local/sbin',
    '/usr/sbin',
    '/usr/bin',
    ...globSync('/usr/lib/postgresql/*/bin'),
  ]
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}
