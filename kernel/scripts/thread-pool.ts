import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { FailureKind, SandboxLimits } from '#client/rules/sandbox/sandbox.ts'
import { ScriptsBusy } from './errors.ts'
import type { FromThread, ToThread } from './messages.ts'

/** How a run in a thread ended badly. */
export class RunFailure extends Error {
  readonly kind: FailureKind | 'stopped'
  readonly line: number
  readonly title: string
  constructor(kind: FailureKind | 'stopped', message: string, line = 0, title = '') {
    super(message)
    this.kind = kind
    this.line = line
    this.title = title
  }
}

export interface ThreadRun {
  readonly source: string
  readonly values: string
  readonly libraries: readonly string[]
  readonly limits: SandboxLimits
  /** Milliseconds in all, waiting included. */
  readonly wallMs: number
  /** @param text JSON of an array @returns JSON */
  readonly call: (name: string, text: string) => Promise<string>
  readonly tell: (name: string, text: string) => void
}

interface Pending {
  readonly run: ThreadRun
  readonly errors: Map<number, unknown>
  readonly timer: NodeJS.Timeout
  resolve(text: string): void
  reject(error: unknown): void
}

interface Thread {
  readonly worker: Worker
  readonly pending: Map<number, Pending>
  heard: number
  idle: NodeJS.Timeout | undefined
}

const mostThreads = Math.max(1, Math.min(2, availableParallelism() - 1))
/** Scripts that run or wait at once. Whoever comes on top is refused, and does not wait: it may hold what one of them waits for. */
const mostRuns = 64
/** A thread without work ends after so many milliseconds, and gives its memory back. */
const idleMs = 30_000
const pingEvery = 1_000
/** A thread that says nothing for so long hangs in something that the engine cannot interrupt. */
const silenceMs = 5_000
/** Megabytes for the thread's own objects; QuickJS counts its memory itself. */
const heapMb = 64

const threads = new Set<Thread>()
let counter = 0
let heartbeat: NodeJS.Timeout | undefined

/** Runs a script in a thread. @returns JSON @throws RunFailure, ScriptsBusy, and what `call` threw where the script let it through */
export function runInThread(run: ThreadRun): Promise<string> {
  const total = [...threads].reduce((sum, thread) => sum + thread.pending.size, 0)
  if (total >= mostRuns) return Promise.reject(new ScriptsBusy({ running: total }))
  const thread = leastBusy()
  const id = ++counter
  clearTimeout(thread.idle)
  thread.worker.ref()
  heartbeat ??= setInterval(listen, pingEvery)
  if (thread.pending.size === 0) thread.heard = performance.now()
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      take(thread, id)?.reject(new RunFailure('time', `It took longer than ${run.wallMs} ms, waiting included.`))
      tell(thread, { kind: 'stop', id })
    }, run.wallMs)
    thread.pending.set(id, { run, errors: new Map(), timer, resolve, reject })
    const { source, values, libraries, limits } = run
    tell(thread, { kind: 'run', id, source, values, libraries, limits })
  })
}

function tell(thread: Thread, message: ToThread): void {
  thread.worker.postMessage(message)
}

function leastBusy(): Thread {
  let best: Thread | undefined
  for (const thread of threads) if (!best || thread.pending.size < best.pending.size) best = thread
  return !best || (best.pending.size > 0 && threads.size < mostThreads) ? startThread() : best
}

function startThread(): Thread {
  const worker = new Worker(new URL('./script-thread.ts', import.meta.url), {
    name: 'scripts',
    // Nothing of the process's surroundings is in reach of the thread, though no script can reach the thread either.
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: 4, stackSizeMb: 2 },
  })
  const thread: Thread = { worker, pending: new Map(), heard: performance.now(), idle: undefined }
  threads.add(thread)
  worker.on('message', (message: FromThread) => hear(thread, message))
  const gone = (reason: string) => {
    threads.delete(thread)
    clearTimeout(thread.idle)
    for (const id of [...thread.pending.keys()]) take(thread, id)?.reject(new RunFailure('stopped', reason))
  }
  worker.on('error', (error: Error) => gone(`The thread that ran it ended: ${error.message}`))
  worker.on('exit', () => gone('The thread that ran it no longer answered, and was ended.'))
  return thread
}

function hear(thread: Thread, message: FromThread): void {
  thread.heard = performance.now()
  if (message.kind === 'pong') return
  if (message.kind === 'call') answer(thread, message)
  else if (message.kind === 'tell') thread.pending.get(message.id)?.run.tell(message.name, message.text)
  else {
    const pending = take(thread, message.id)
    if (!pending) return
    if (message.kind === 'done') pending.resolve(message.text)
    else if (message.failure === 'host') pending.reject(pending.errors.get(message.call))
    else pending.reject(new RunFailure(message.failure, message.message, message.line, message.title))
  }
}

function answer(thread: Thread, { id, call, name, text }: Extract<FromThread, { kind: 'call' }>): void {
  const pending = thread.pending.get(id)
  if (!pending) return
  pending.run.call(name, text).then(
    (answered) => tell(thread, { kind: 'answer', id, call, text: answered }),
    (error: unknown) => {
      pending.errors.set(call, error)
      const { name: kind, message } = error instanceof Error ? error : new Error(String(error))
      tell(thread, { kind: 'refuse', id, call, name: kind, message })
    },
  )
}

function take(thread: Thread, id: number): Pending | undefined {
  const pending = thread.pending.get(id)
  if (!pending) return undefined
  clearTimeout(pending.timer)
  thread.pending.delete(id)
  if (thread.pending.size > 0) return pending
  // A thread without work must not keep a process that wants to end.
  thread.worker.unref()
  thread.idle = setTimeout(() => void thread.worker.terminate(), idleMs).unref()
  if ([...threads].every((one) => one.pending.size === 0)) {
    clearInterval(heartbeat)
    heartbeat = undefined
  }
  return pending
}

/** Asks each busy thread for a sign of life, and ends those that have given none for long. */
function listen(): void {
  for (const thread of threads) {
    if (thread.pending.size === 0) continue
    if (performance.now() - thread.heard > silenceMs) void thread.worker.terminate()
    else tell(thread, { kind: 'ping' })
  }
}
