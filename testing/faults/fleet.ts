import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import type { CommitKill } from './kill-at-commits.ts'

const command = join(import.meta.dirname, '../../server/cli/main.ts')
/** What each says when it is ready. */
const readiness = /"url":|^Working for|^Running the schedules/
const preload = new URL('kill-at-commits.ts', import.meta.url).href

/** `all`: one process that does everything. */
export type Role = 'all' | 'web' | 'worker' | 'scheduler'

export interface FleetOptions {
  readonly sitesFolder: string
  readonly appFolder: string
  readonly host: string
  /** Where the processes' output goes. */
  readonly logFile: string
  readonly roles: readonly Role[]
}

/** One process of the platform, which is started again whenever it ends. */
export class Member {
  readonly role: Role
  readonly id: string
  readonly #options: FleetOptions
  readonly #log: WriteStream
  readonly #port: number
  #child: ChildProcess | undefined
  #isWanted = true
  #isUp = false
  /** Times it was started. */
  starts = 0
  /** How it ended when nobody had it killed. */
  readonly crashes: string[] = []
  #isKilled = false

  constructor(role: Role, number: number, port: number, options: FleetOptions, log: WriteStream) {
    this.role = role
    this.id = `${role} ${number}`
    this.#port = port
    this.#options = options
    this.#log = log
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  get isUp(): boolean {
    return this.#isUp
  }

  /** Starts it and keeps it alive. */
  async keepAlive(): Promise<void> {
    while (this.#isWanted) {
      const child = this.#spawn()
      const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
      // One that finds no database when it starts says so and ends; whoever started it does so again.
      const wasUp = this.#isUp
      this.#isUp = false
      if (wasUp && !this.#isKilled && this.#isWanted) this.crashes.push(`${this.id} ended by itself: ${signal ?? code}`)
      this.#isKilled = false
      await pause(100)
    }
  }

  #spawn(): ChildProcess {
    const { host, sitesFolder, appFolder } = this.#options
    const serve = ['start', '--port', String(this.#port), '--bind', '127.0.0.1', '--json']
    const line = {
      all: serve,
      web: [...serve, '--no-worker', '--no-scheduler'],
      worker: ['worker'],
      scheduler: ['schedule'],
    }[this.role]
    const child = spawn(process.execPath, ['--max-semi-space-size=8', '--import', preload, command, ...line, '--site', host], {
      env: { ...process.env, ORC_SITES: sitesFolder, ORC_APPS: appFolder, LOG_LEVEL: 'warn' },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    this.starts++
    this.#child = child
    for (const stream of [child.stdout, child.stderr])
      createInterface(stream as NodeJS.ReadableStream).on('line', (line) => {
        if (readiness.test(line)) this.#isUp = true
        this.#log.write(`${new Date().toISOString()} ${this.id} ${child.pid} ${line}\n`)
      })
    child.on('error', () => undefined)
    return child
  }

  /** As a power failure does it. */
  kill(): void {
    this.#isKilled = true
    this.#child?.kill('SIGKILL')
  }

  /** Asks it to end, as an orderly restart does. */
  end(): void {
    this.#isKilled = true
    this.#child?.kill('SIGTERM')
  }

  /** Has it die at a commit that is yet to come. */
  killAt(commit: CommitKill): void {
    this.#isKilled = true
    this.#child?.send?.(commit, () => undefined)
  }

  stall(): void {
    this.#child?.kill('SIGSTOP')
  }

  wake(): void {
    this.#child?.kill('SIGCONT')
  }

  /** Ends it for good, within ten seconds or by force. */
  async dismiss(): Promise<void> {
    this.#isWanted = false
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    this.wake()
    child.kill('SIGTERM')
    const force = setTimeout(() => child.kill('SIGKILL'), 10_000)
    await gone
    clearTimeout(force)
  }
}

/** The processes of one site, each kept alive. */
export class Fleet {
  readonly members: readonly Member[]
  readonly #log: WriteStream
  readonly #lives: Promise<void>[]

  private constructor(members: readonly Member[], log: WriteStream) {
    this.members = members
    this.#log = log
    this.#lives = members.map((member) => member.keepAlive())
  }

  static async start(options: FleetOptions): Promise<Fleet> {
    const log = createWriteStream(options.logFile, { flags: 'a' })
    const members: Member[] = []
    for (const role of options.roles) {
      const number = members.filter((member) => member.role === role).length + 1
      members.push(new Member(role, number, role === 'web' || role === 'all' ? await freePort() : 0, options, log))
    }
    const fleet = new Fleet(members, log)
    await fleet.untilUp()
    return fleet
  }

  of(role: Role): readonly Member[] {
    return this.members.filter((member) => member.role === role)
  }

  /** The process with this number, where it is one of ours: the other side of a call names whom to kill. */
  byPid(pid: number): Member | undefined {
    return this.members.find((member) => member.pid === pid)
  }

  /** @throws Error when one does not come up within a minute */
  async untilUp(): Promise<void> {
    for (const end = Date.now() + 60_000; !this.members.every(({ isUp }) => isUp); await pause(50))
      if (Date.now() > end) throw new Error(`${this.members.find(({ isUp }) => !isUp)?.id} does not start.`)
  }

  async end(): Promise<void> {
    await Promise.all(this.members.map((member) => member.dismiss()))
    await Promise.all(this.#lives)
    await new Promise<void>((done) => this.#log.end(done))
  }
}

/** A port of this machine that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  await new Promise((done) => server.close(done))
  return port
}
