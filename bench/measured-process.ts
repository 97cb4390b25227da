import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'

/** What a process has used since it started. */
export interface Usage {
  /** Microseconds, user and system, all threads. */
  readonly cpu: number
  /** Bytes of memory that are resident. */
  readonly rss: number
}

/** A server in a process of its own, so that its CPU is nobody else's. */
export interface MeasuredProcess {
  readonly port: number
  /** What it had used when it was ready, and how long that took from the outside, in milliseconds. */
  readonly atStart: Usage & { readonly wall: number }
  usage(): Promise<Usage>
  stop(): Promise<void>
}

/**
 * Starts `bench/<script>` with its settings as JSON, and waits until it says on which port it listens.
 * @throws when it ends before that
 */
export async function startProcess(script: string, settings: object, execArgv: readonly string[] = []): Promise<MeasuredProcess> {
  const began = performance.now()
  const child = fork(join(import.meta.dirname, script), [JSON.stringify(settings)], {
    execArgv: [...process.execArgv, ...execArgv],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const first = await answer<Usage & { port: number }>(child)
  const wall = performance.now() - began
  return {
    port: first.port,
    atStart: { cpu: first.cpu, rss: first.rss, wall },
    usage: () => {
      child.send('usage')
      return answer<Usage>(child)
    },
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve())
        child.send('stop')
      }),
  }
}

function answer<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void => reject(new Error(`A measured process ended with ${code} before it answered.`))
    child.once('exit', ended)
    child.once('message', (message) => {
      child.off('exit', ended)
      resolve(message as T)
    })
  })
}

/** For the other side: says that the server listens, and answers what is asked until told to stop. */
export function reportToParent(port: number, stop: () => Promise<void>): void {
  process.send?.({ port, ...ownUsage() })
  process.on('message', (message) => {
    if (message === 'usage') process.send?.(ownUsage())
    else void stop().then(() => process.exit(0))
  })
  process.on('disconnect', () => process.exit(1))
}

function ownUsage(): Usage {
  const { user, system } = process.cpuUsage()
  return { cpu: user + system, rss: process.memoryUsage.rss() }
}
