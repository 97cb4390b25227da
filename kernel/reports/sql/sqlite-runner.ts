import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { defineError } from '#client/rules/errors.ts'
import type { Query, Row } from '#kernel/database/database.ts'
import { QueryFailed } from '#kernel/database/errors.ts'
import { ReportTooLarge, ReportTooLong } from '../errors.ts'

/** What the process beside is asked, and what it answers. */
export interface SqliteQuestion {
  readonly file: string
  readonly query: Query
  readonly rows: number
}
export type SqliteReply = { readonly rows: Row[] } | { readonly failure: string } | { readonly tooLarge: true }

/** Reports waiting for a process; more are refused. */
const longestQueue = 20
/** Processes at once: reports must not take the machine from those who work. */
const atOnce = 2
const idleMs = 30_000

export const ReportsBusy = defineError<{ waiting: number }>({
  code: 'report/busy',
  status: 503,
  excType: 'QueryTimeoutError',
  message: () => 'Too many reports are running. Try again in a moment.',
})

interface Asked {
  readonly question: SqliteQuestion
  readonly timeMs: number
  readonly resolve: (rows: Row[]) => void
  readonly reject: (error: Error) => void
}

/**
 * SQLite computes where it is called, and nothing stops a statement that has begun: reports run in processes of their own, which keep the
 * server answering and are ended when their time is over.
 */
class SqliteRunner {
  readonly #waiting: Asked[] = []
  readonly #idle: { readonly child: ChildProcess; readonly wake: () => ChildProcess }[] = []
  #busy = 0

  /** @throws ReportTooLong, ReportTooLarge, ReportsBusy, QueryFailed */
  run(file: string, query: Query, { timeMs, rows }: { timeMs: number; rows: number }): Promise<Row[]> {
    if (this.#waiting.length >= longestQueue) throw new ReportsBusy({ waiting: longestQueue })
    return new Promise((resolve, reject) => {
      this.#waiting.push({ question: { file, query, rows }, timeMs, resolve, reject })
      this.#next()
    })
  }

  #next(): void {
    if (this.#busy >= atOnce) return
    const asked = this.#waiting.shift()
    if (!asked) return
    this.#busy++
    const child = this.#idle.pop()?.wake() ?? start()
    const timer = setTimeout(() => end(new ReportTooLong({ seconds: Math.round(asked.timeMs / 1000) })), asked.timeMs)
    const onMessage = (reply: SqliteReply): void => {
      if ('rows' in reply) end(reply.rows)
      else if ('tooLarge' in reply) end(new ReportTooLarge({ rows: asked.question.rows - 1 }))
      else end(new QueryFailed({ dialect: 'sqlite', reason: reply.failure }), true)
    }
    const onExit = (): void => end(new QueryFailed({ dialect: 'sqlite', reason: 'the process of the report ended' }))
    const end = (outcome: Row[] | Error, isHealthy = Array.isArray(outcome)): void => {
      clearTimeout(timer)
      child.off('message', onMessage)
      child.off('exit', onExit)
      child.off('error', onExit)
      this.#busy--
      if (isHealthy) this.#keep(child)
      else child.kill('SIGKILL')
      if (Array.isArray(outcome)) asked.resolve(outcome)
      else asked.reject(outcome)
      this.#next()
    }
    child.on('message', onMessage)
    child.on('exit', onExit)
    child.on('error', onExit)
    child.send(asked.question)
  }

  /** For the next report, for a while; it keeps nobody from ending. */
  #keep(child: ChildProcess): void {
    child.unref()
    child.channel?.unref()
    const drop = (): void => {
      const at = this.#idle.findIndex((one) => one.child === child)
      if (at >= 0) this.#idle.splice(at, 1)
      child.kill()
    }
    const timer = setTimeout(drop, idleMs).unref()
    child.on('exit', drop)
    child.on('error', drop)
    const wake = (): ChildProcess => {
      clearTimeout(timer)
      child.off('exit', drop)
      child.off('error', drop)
      child.ref()
      child.channel?.ref()
      return child
    }
    this.#idle.push({ child, wake })
  }
}

function start(): ChildProcess {
  return fork(fileURLToPath(new URL('./sqlite-process.ts', import.meta.url)), {
    serialization: 'advanced',
    execArgv: ['--max-old-space-size=512', '--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
}

export const sqliteRunner = new SqliteRunner()
