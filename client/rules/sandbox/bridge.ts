/** What a library may do for the scripts that run beside it; see `Library`. Everything that crosses is JSON. */
export interface ScriptKit {
  /** Asks the host; what it gives must be awaited by the script. */
  call(name: string, ...values: unknown[]): Promise<unknown>
  /** The same watch for what a library makes of calls: whoever forgets to await it is told by this name. */
  promised(name: string, promise: Promise<unknown>): Promise<unknown>
  /** Tells the host, in order, without an answer. */
  tell(name: string, ...values: unknown[]): void
  /** Puts a value where scripts find it, by a dotted path such as `frappe.db.get_value`. */
  define(path: string, value: unknown): void
  /** A value that the host gave with the sandbox. */
  given(name: string): unknown
  /** An error by which a script says no on purpose; people are shown its message as it is. */
  refusal(message: string, title?: string): Error
  /** A function that the host calls by name. */
  entry(name: string, handler: (...values: never[]) => unknown): void
  /** Has the last word on what a run gives. */
  ending(finish: (value: unknown) => unknown): void
}

/**
 * A part of what scripts find around them, run inside the sandbox before them. Its text is what crosses, so it may use nothing but its
 * parameter and the language itself.
 */
export type Library = (kit: ScriptKit) => void

/** What the host holds of the bridge; the numbers name calls and runs. */
interface BridgeEnds {
  /** Answers a call. */
  settle(id: number, isGood: boolean, text: string): void
  /** Runs a function of the script, or (by name) an entry. */
  start(id: number, handler: unknown, values: string): void
  kit: ScriptKit
}

/** `end`: JSON of what a run gave; `fail`: JSON of a failure. */
type Send = (kind: 'call' | 'tell' | 'end' | 'fail', id: number, name: string, text: string) => void

/**
 * The inner end of the bridge between a sandbox and its host: runs inside, as text, and uses nothing from outside its own braces.
 * A script that spoils the language around it spoils it for itself.
 * @param send    the only thing of the host's that is in reach, and of this function alone
 * @param values  JSON of what `given` gives
 * @param isStrict  whether a call that nobody awaits fails the run
 */
export function bridge(send: Send, values: string, isStrict: boolean): BridgeEnds {
  interface Watched {
    readonly name: string
    readonly trace: string
  }
  interface Call {
    readonly trace: string
    resolve(value: unknown): void
    reject(error: unknown): void
  }
  const { parse, stringify } = JSON
  const given = parse(values) as Record<string, unknown>
  const calls = new Map<number, Call>()
  const neglected = new Set<Watched>()
  const entries = new Map<string, (...values: unknown[]) => unknown>()
  const refusals = new WeakMap<object, string>()
  const ofHost = new WeakMap<object, number>()
  const waiting: readonly PropertyKey[] = ['then', 'catch', 'finally']
  let counter = 0
  let finish = (value: unknown): unknown => value

  const textOf = (value: unknown): string => stringify(value) ?? 'null'
  const lineIn = (stack: unknown): number => Number(/\bscript:(\d+)/.exec(String(stack))?.[1] ?? 0)

  const call = (name: string, ...args: unknown[]): Promise<unknown> => {
    const text = textOf(args)
    const id = ++counter
    const promise = new Promise<unknown>((resolve, reject) => {
      calls.set(id, { trace: String(new Error().stack), resolve, reject })
    })
    send('call', id, name, text)
    return promised(name, promise)
  }

  const promised = (name: string, promise: Promise<unknown>): Promise<unknown> => {
    const one: Watched = { name, trace: String(new Error().stack) }
    neglected.add(one)
    promise.catch(() => undefined)
    // A promise taken for its value is the commonest slip of all: it is told at once, and by name.
    return new Proxy(promise, {
      get(target, key) {
        const value = (target as unknown as Record<PropertyKey, unknown>)[key]
        if (waiting.includes(key)) {
          neglected.delete(one)
          return (...handlers: unknown[]) => (value as (...given: unknown[]) => unknown).apply(target, handlers)
        }
        if (typeof key === 'symbol' || key === 'constructor') return value
        throw new TypeError(`${name} gives a promise: write "await ${name}(…)" before using its ${key}`)
      },
      set() {
        throw new TypeError(`${name} gives a promise: write "await ${name}(…)" first`)
      },
    })
  }

  const describe = (error: unknown): Record<string, unknown> => {
    if (typeof error !== 'object' || error === null) return { kind: 'error', name: 'Error', message: String(error), line: 0 }
    const { name, message, stack } = error as { name?: unknown; message?: unknown; stack?: unknown }
    const line = lineIn(stack)
    const host = ofHost.get(error)
    if (host !== undefined) return { kind: 'host', host, line }
    const title = refusals.get(error)
    if (title !== undefined) return { kind: 'refused', message: String(message), title, line }
    if (name === 'InternalError' && message === 'out of memory') return { kind: 'memory', line }
    return { kind: 'error', name: String(name), message: String(message), line }
  }

  const start = (id: number, handler: unknown, text: string): void => {
    const fail = (error: unknown): void => {
      let told = '{"kind":"memory","line":0}'
      try {
        told = textOf(describe(error))
      } catch {
        // An error that cannot even be told of: there is no memory left, or it bites.
      }
      send('fail', id, '', told)
    }
    const run = async (): Promise<void> => {
      const work = typeof handler === 'function' ? (handler as (...values: unknown[]) => unknown) : entries.get(String(handler))
      if (!work) throw new TypeError(`there is nothing called ${String(handler)}`)
      const value = await work(...(parse(text) as unknown[]))
      const [forgotten] = isStrict ? neglected : []
      if (forgotten) {
        const error = new TypeError(`"await" is missing before ${forgotten.name}(…)`)
        error.stack = forgotten.trace
        throw error
      }
      const out = textOf(finish(value))
      send('end', id, '', out)
    }
    run().catch(fail)
  }

  const settle = (id: number, isGood: boolean, text: string): void => {
    const one = calls.get(id)
    if (!one) return
    calls.delete(id)
    if (isGood) {
      one.resolve(parse(text))
      return
    }
    const { name, message } = parse(text) as { name: string; message: string }
    const error = new Error(message)
    error.name = name
    error.stack = one.trace
    ofHost.set(error, id)
    one.reject(error)
  }

  const define = (path: string, value: unknown): void => {
    const steps = path.split('.')
    const last = steps.pop() as string
    let place = globalThis as unknown as Record<string, Record<string, unknown>>
    for (const step of steps) {
      place[step] ??= {}
      place = place[step] as Record<string, Record<string, unknown>>
    }
    ;(place as Record<string, unknown>)[last] = value
  }

  const kit: ScriptKit = {
    call,
    promised,
    tell: (name, ...args) => send('tell', 0, name, textOf(args)),
    define,
    given: (name) => given[name],
    refusal: (message, title = '') => {
      const error = new Error(String(message))
      refusals.set(error, String(title))
      return error
    },
    entry: (name, handler) => void entries.set(name, handler as (...values: unknown[]) => unknown),
    ending: (last) => {
      finish = last
    },
  }
  return { settle, start, kit }
}

/** Puts what the host gave under its own name, and each function of the host under its own. */
export function plainLibrary(kit: ScriptKit): void {
  for (const [name, value] of Object.entries(kit.given('globals') as Record<string, unknown>)) kit.define(name, value)
  for (const name of kit.given('functions') as string[]) kit.define(name, (...values: unknown[]) => kit.call(name, ...values))
}
