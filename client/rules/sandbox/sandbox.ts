import type { QuickJSContext, QuickJSHandle, QuickJSRuntime, QuickJSWASMModule } from 'quickjs-emscripten'
import { bridge, type Library } from './bridge.ts'

/** What JSON can hold. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue }

export interface SandboxLimits {
  /** Milliseconds of computing for each run, waiting not counted. */
  readonly cpuMs: number
  readonly memoryBytes: number
  /** Calls to the host in all. */
  readonly calls: number
  /** Characters of JSON in one call, and in what a run gives. */
  readonly text: number
}

/** Why a script did not end well. */
export type FailureKind = 'syntax' | 'error' | 'refused' | 'time' | 'memory'

/** A script's own failure; errors of the host's functions come through as they are. */
export class ScriptFailure extends Error {
  readonly kind: FailureKind
  /** In the script, from 1; 0: unknown. */
  readonly line: number
  /** Of a refusal; else empty. */
  readonly title: string

  constructor(kind: FailureKind, message: string, line = 0, title = '') {
    super(message)
    this.name = 'ScriptFailure'
    this.kind = kind
    this.line = line
    this.title = title
  }
}

export interface SandboxOptions {
  readonly limits: SandboxLimits
  readonly libraries: readonly (Library | string)[]
  /** What libraries find by `given`. */
  readonly values: Readonly<Record<string, unknown>>
  /** Whether a call that nobody awaits fails the run. */
  readonly isStrict: boolean
  /** Milliseconds that count: of computing where the host can tell, else of a steady clock. */
  readonly now: () => number
  /** Answers a call with JSON. @param values JSON of an array */
  readonly call: (name: string, values: string) => Promise<string>
  readonly tell: (name: string, values: string) => void
}

interface Run {
  resolve(text: string): void
  reject(error: unknown): void
}

const stackBytes = 256 * 1024
/** Jobs of promises between two looks at the time. */
const jobsAtOnce = 500

/**
 * A world of its own in QuickJS: scripts, the libraries around them, and one channel of JSON to the host. It holds no object of the
 * host's, and everything it takes is bounded. Works wherever WebAssembly does; a browser keeps one for each open form.
 */
export class Sandbox {
  readonly #options: SandboxOptions
  readonly #runtime: QuickJSRuntime
  readonly #context: QuickJSContext
  readonly #runs = new Map<number, Run>()
  readonly #hostErrors = new Map<number, unknown>()
  #ends: { settle: QuickJSHandle; start: QuickJSHandle } | undefined
  #counter = 0
  #calls = 0
  #open = 0
  #spent = 0
  #sliceFrom = 0
  #isRunning = false
  #failure: ScriptFailure | undefined
  #isClosed = false
  /** The engine itself has lost its footing: the module must not be used for anything new. */
  isBroken = false

  constructor(quickjs: QuickJSWASMModule, options: SandboxOptions) {
    this.#options = options
    this.#runtime = quickjs.newRuntime()
    this.#runtime.setMemoryLimit(options.limits.memoryBytes)
    this.#runtime.setMaxStackSize(stackBytes)
    this.#runtime.setInterruptHandler(() => this.#isOverTime())
    this.#context = this.#runtime.newContext()
    this.#slice(() => this.#build())
  }

  /** Runs a script as the body of an async function. @returns JSON of what it returns @throws ScriptFailure, and errors of the host's functions */
  run(source: string): Promise<string> {
    return this.#start(() => this.#evaluate(`(async () => {"use strict";${source}\n})`, 'script'), '[]')
  }

  /** Calls an entry of a library. @param values JSON of an array @returns JSON @throws as `run` */
  invoke(entry: string, values: string): Promise<string> {
    return this.#start(() => this.#context.newString(entry), values)
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#fail(new ScriptFailure('time', 'It was ended.'))
    // What broke cannot be taken apart; it goes with its module.
    if (this.isBroken) return
    try {
      this.#ends?.settle.dispose()
      this.#ends?.start.dispose()
      this.#context.dispose()
      this.#runtime.dispose()
    } catch {
      this.isBroken = true
    }
  }

  #start(handler: () => QuickJSHandle, values: string): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.#failure || this.#isClosed) {
        reject(this.#failure ?? new ScriptFailure('error', 'The sandbox is closed.'))
        return
      }
      const id = ++this.#counter
      if (this.#runs.size === 0) this.#spent = 0
      this.#runs.set(id, { resolve, reject })
      this.#slice(() => {
        const work = this.#tried(id, handler)
        if (!work) return
        this.#give('start', [this.#context.newNumber(id), work, this.#context.newString(values)])
      })
    })
  }

  /** What cannot even be read fails its own run. */
  #tried(id: number, handler: () => QuickJSHandle): QuickJSHandle | undefined {
    try {
      return handler()
    } catch (error) {
      if (!(error instanceof ScriptFailure)) throw error
      this.#take(id)?.reject(error)
      return undefined
    }
  }

  #build(): void {
    const { values, isStrict, libraries } = this.#options
    const make = this.#evaluate(`(${bridge.toString()})`, 'bridge')
    const send = this.#context.newFunction('send', (kind, id, name, text) =>
      this.#heard(this.#context.getString(kind), this.#context.getNumber(id), this.#context.getString(name), this.#context.getString(text)),
    )
    const given = this.#context.newString(JSON.stringify(values))
    const result = this.#context.callFunction(
      make,
      this.#context.undefined,
      send,
      given,
      isStrict ? this.#context.true : this.#context.false,
    )
    for (const handle of [make, send, given]) handle.dispose()
    const ends = this.#unwrap(result, 'bridge')
    this.#ends = { settle: this.#context.getProp(ends, 'settle'), start: this.#context.getProp(ends, 'start') }
    const kit = this.#context.getProp(ends, 'kit')
    for (const library of libraries) {
      const made = this.#evaluate(`(${library.toString()})`, 'library')
      this.#unwrap(this.#context.callFunction(made, this.#context.undefined, kit), 'library').dispose()
      made.dispose()
    }
    kit.dispose()
    ends.dispose()
  }

  /** What the inner end says. */
  #heard(kind: string, id: number, name: string, text: string): void {
    const { limits } = this.#options
    if (text.length > limits.text) throw new RangeError(`more than ${limits.text} characters in ${name || 'what the script gives'}`)
    // A single step of the engine's own, such as sorting, is not interrupted; it must not pay either.
    if (kind === 'end' && !this.#isOverTime()) this.#take(id)?.resolve(text)
    else if (kind === 'end') return
    else if (kind === 'fail') this.#take(id)?.reject(this.#failureIn(text))
    else {
      if (++this.#calls > limits.calls) throw new RangeError(`more than ${limits.calls} calls`)
      if (kind === 'tell') this.#options.tell(name, text)
      else this.#ask(id, name, text)
    }
  }

  #ask(id: number, name: string, text: string): void {
    this.#open++
    // Never within the call itself: the answer must find the script waiting.
    Promise.resolve()
      .then(() => this.#options.call(name, text))
      .then(
        (answer) => this.#settle(id, true, answer),
        (error: unknown) => {
          this.#hostErrors.set(id, error)
          const { name: kind, message } = error instanceof Error ? error : new Error(String(error))
          this.#settle(id, false, JSON.stringify({ name: kind, message }))
        },
      )
  }

  #settle(id: number, isGood: boolean, text: string): void {
    this.#open--
    if (this.#isClosed || this.#failure) return
    this.#slice(() =>
      this.#give('settle', [this.#context.newNumber(id), isGood ? this.#context.true : this.#context.false, this.#context.newString(text)]),
    )
  }

  #give(end: 'settle' | 'start', handles: QuickJSHandle[]): void {
    const target = this.#ends?.[end]
    if (!target) throw new Error('The bridge is missing.')
    const result = this.#context.callFunction(target, this.#context.undefined, ...handles)
    for (const handle of handles) handle.dispose()
    this.#unwrap(result, 'bridge').dispose()
  }

  /** One stretch of computing inside, with all that follows from it. */
  #slice(work: () => void): void {
    this.#isRunning = true
    this.#sliceFrom = this.#options.now()
    try {
      work()
      while (!this.#failure && this.#runtime.hasPendingJob()) {
        const result = this.#runtime.executePendingJobs(jobsAtOnce)
        if (result.error) result.error.dispose()
        else result.dispose()
        if (this.#isOverTime()) break
      }
    } catch (error) {
      if (error instanceof ScriptFailure) this.#failure ??= error
      else {
        this.isBroken = true
        this.#failure ??= new ScriptFailure('memory', 'It went too deep for the engine.')
      }
    }
    this.#isRunning = false
    this.#spent += this.#options.now() - this.#sliceFrom
    if (this.#failure) this.#fail(this.#failure)
    else if (this.#open === 0 && this.#runs.size > 0) this.#fail(new ScriptFailure('error', 'It waits for something that never comes.'))
  }

  #isOverTime(): boolean {
    if (!this.#isRunning || this.#spent + this.#options.now() - this.#sliceFrom <= this.#options.limits.cpuMs) return false
    this.#failure ??= new ScriptFailure('time', `It computed for longer than ${this.#options.limits.cpuMs} ms.`)
    return true
  }

  #fail(failure: ScriptFailure): void {
    for (const run of this.#runs.values()) run.reject(failure)
    this.#runs.clear()
  }

  #take(id: number): Run | undefined {
    const run = this.#runs.get(id)
    this.#runs.delete(id)
    return run
  }

  #evaluate(code: string, file: string): QuickJSHandle {
    return this.#unwrap(this.#context.evalCode(code, file), file)
  }

  #unwrap(result: ReturnType<QuickJSContext['evalCode']>, file: string): QuickJSHandle {
    if (!result.error) return result.value
    const error: unknown = this.#context.dump(result.error)
    result.error.dispose()
    const { name, message, stack, lineNumber } = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>
    if (this.#failure) throw this.#failure
    if (message === 'out of memory') throw new ScriptFailure('memory', 'It needs more memory than it may have.')
    const line = Number(lineNumber ?? /\bscript:(\d+)/.exec(String(stack))?.[1] ?? 0)
    throw new ScriptFailure(name === 'SyntaxError' ? 'syntax' : 'error', `${file === 'script' ? '' : `${file}: `}${name}: ${message}`, line)
  }

  #failureIn(text: string): unknown {
    const { kind, host, name, message, line, title } = JSON.parse(text) as Record<string, string> & { host?: number; line: number }
    if (this.#failure) return this.#failure
    if (kind === 'host') return this.#hostErrors.get(Number(host))
    if (kind === 'memory') return new ScriptFailure('memory', 'It needs more memory than it may have.', line)
    if (kind === 'refused') return new ScriptFailure('refused', String(message), line, title)
    return new ScriptFailure('error', `${name}: ${message}`.slice(0, 2000), line)
  }
}
