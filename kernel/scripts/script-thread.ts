import { parentPort } from 'node:worker_threads'
import { newQuickJSWASMModule, newVariant, type QuickJSWASMModule, RELEASE_SYNC } from 'quickjs-emscripten'
import { Sandbox, ScriptFailure } from '#client/rules/sandbox/sandbox.ts'
import type { FromThread, ToThread } from './messages.ts'

/** The thread in which scripts run, many at a time: while one waits for the process, others compute. */

/** A function of the host's that failed inside the process. */
class HostFailure extends Error {
  readonly call: number
  constructor(call: number, name: string, message: string) {
    super(message)
    this.name = name
    this.call = call
  }
}

interface Running {
  readonly sandbox: Sandbox
  readonly waiting: Map<number, { resolve: (text: string) => void; reject: (error: Error) => void }>
}

/** Milliseconds that this thread has computed: on a busy machine a script does not pay for what others do. */
function computed(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

const running = new Map<number, Running>()
/** What an engine says as it breaks is told as the failure of the script that broke it. */
const silence = { printErr: () => undefined, wasmMemory: undefined }
const quiet = newVariant(RELEASE_SYNC, { emscriptenModule: silence })
let engine: Promise<QuickJSWASMModule> | undefined

function tell(message: FromThread): void {
  parentPort?.postMessage(message)
}

async function run({ id, source, values, libraries, limits }: Extract<ToThread, { kind: 'run' }>): Promise<void> {
  engine ??= newQuickJSWASMModule(quiet)
  const own = engine
  const quickjs = await own
  const waiting: Running['waiting'] = new Map()
  let calls = 0
  const sandbox = new Sandbox(quickjs, {
    limits,
    libraries,
    values: JSON.parse(values) as Record<string, unknown>,
    isStrict: true,
    now: computed,
    call: (name, text) =>
      new Promise((resolve, reject) => {
        const call = ++calls
        waiting.set(call, { resolve, reject })
        tell({ kind: 'call', id, call, name, text })
      }),
    tell: (name, text) => tell({ kind: 'tell', id, name, text }),
  })
  running.set(id, { sandbox, waiting })
  try {
    tell({ kind: 'done', id, text: await sandbox.run(source) })
  } catch (error) {
    const { message } = error as Error
    if (error instanceof HostFailure) tell({ kind: 'failed', id, failure: 'host', call: error.call, message, line: 0, title: '' })
    else if (error instanceof ScriptFailure)
      tell({ kind: 'failed', id, failure: error.kind, call: 0, message, line: error.line, title: error.title })
    else tell({ kind: 'failed', id, failure: 'error', call: 0, message, line: 0, title: '' })
  } finally {
    running.delete(id)
    sandbox.close()
    // Others that run in a broken engine may still end there; nobody new goes in.
    if (sandbox.isBroken && engine === own) engine = undefined
  }
}

parentPort?.on('message', (message: ToThread) => {
  if (message.kind === 'run') void run(message)
  else if (message.kind === 'ping') tell({ kind: 'pong' })
  else {
    const one = running.get(message.id)
    if (!one) return
    if (message.kind === 'stop') {
      one.sandbox.close()
      return
    }
    const waiting = one.waiting.get(message.call)
    one.waiting.delete(message.call)
    if (message.kind === 'answer') waiting?.resolve(message.text)
    else waiting?.reject(new HostFailure(message.call, message.name, message.message))
  }
})
