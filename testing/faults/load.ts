import { hash } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { standardSignature } from '#kernel/webhooks/verify.ts'
import { Random } from './random.ts'
import type { Operation, SentEvent, Want } from './world.ts'

export interface LoadOptions {
  /** Addresses of the web processes, to be tried in turn. */
  readonly urls: readonly string[]
  /** An Authorization header. */
  readonly authorization: string
  /** Where the stand-in provider delivers, and its secret. */
  readonly webhook: { readonly path: string; readonly secret: string }
  readonly counters: readonly string[]
  readonly things: readonly string[]
  readonly clients: number
  readonly seed: number
}

/** What one try to ask came to. */
interface Heard {
  readonly outcome: Operation['outcome']
  readonly name?: string
  readonly puzzle?: string
}

const answerMs = 15_000
/** Answers that mean "not now" rather than "no". */
const passing = new Set([408, 409, 425, 429])

/** Clients that ask for things, and a provider that tells of things, each keeping account of what it was answered. */
export class Load {
  readonly operations: Operation[] = []
  readonly events: SentEvent[] = []
  readonly #options: LoadOptions
  #isOn = true
  #turn = 0
  #running: Promise<unknown>[] = []

  constructor(options: LoadOptions) {
    this.#options = options
  }

  start(): void {
    const { clients, seed } = this.#options
    this.#running = [
      ...Array.from({ length: clients }, (_, n) => this.#client(n, new Random(seed + 1000 + n))),
      ...this.#options.things.map((thing, n) => this.#provider(thing, new Random(seed + 2000 + n))),
    ]
  }

  /** Asks for nothing new, and goes on with what has no answer yet until it has one. */
  async finish(): Promise<void> {
    this.#isOn = false
    await Promise.all(this.#running)
  }

  get #url(): string {
    const { urls } = this.#options
    return urls[this.#turn++ % urls.length] as string
  }

  async #client(number: number, random: Random): Promise<void> {
    for (let count = 0; this.#isOn; count++) {
      const operation = this.#make(`c${number}-${count}-${random.between(1e6, 9e6)}`, random)
      this.operations.push(operation)
      // Some clients give up at once: nobody tells them whether it was done.
      const patience = random.isOneIn(8) ? 1 : 200
      while (operation.outcome === 'unknown' && operation.tries < patience) {
        if (operation.tries++ > 0) await pause(200)
        const heard = await this.#ask(operation)
        if (heard.name) operation.names.add(heard.name)
        operation.outcome = heard.outcome
        if (heard.puzzle) operation.puzzle = heard.puzzle
      }
      await pause(random.between(50, 400))
    }
  }

  #make(ref: string, random: Random): Operation {
    const roll = random.next()
    const kind = roll < 0.5 ? 'insert' : roll < 0.75 ? 'post' : roll < 0.93 ? 'raise' : 'invalid'
    const chosen: Want[] = []
    if (kind === 'insert' || kind === 'post')
      for (const [want, one] of [
        ['job', 2],
        ['mail', 6],
        ['saga', 3],
        ['hook', 3],
      ] as const)
        if (random.isOneIn(one)) chosen.push(want)
    return {
      ref,
      kind,
      amount: random.between(1, 1000),
      parts: Array.from({ length: random.between(0, 4) }, () => random.between(1, 99)),
      wants: chosen,
      counter: kind === 'raise' ? random.pick(this.#options.counters) : '',
      outcome: 'unknown',
      names: new Set(),
      tries: 0,
      puzzle: '',
    }
  }

  async #ask({ ref, kind, amount, parts, wants, counter }: Operation): Promise<Heard> {
    const entry = { client_ref: ref, wants: wants.join(' ') }
    const requests = {
      insert: ['/api/resource/Ledger%20Entry', { ...entry, amount, rows: parts.map((part) => ({ part })) }],
      post: ['/api/method/ledger.post', { ...entry, amount, parts }],
      invalid: ['/api/resource/Ledger%20Entry', { ...entry, amount: 'plenty' }],
      raise: ['/api/method/ledger.raise', { counter }],
    } as const
    const [path, body] = requests[kind]
    try {
      const response = await fetch(this.#url + path, {
        method: 'POST',
        headers: { authorization: this.#options.authorization, 'content-type': 'application/json', 'idempotency-key': ref },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(answerMs),
      })
      const text = await response.text()
      if (response.ok) return { outcome: 'ok', name: nameIn(text) }
      if (response.status >= 400 && response.status < 500 && !passing.has(response.status))
        return { outcome: 'fail', puzzle: text.slice(0, 300) }
      return { outcome: 'unknown', puzzle: `${response.status} ${text.slice(0, 300)}` }
    } catch (error) {
      return { outcome: 'unknown', puzzle: String(error) }
    }
  }

  /** Tells of a thing: in any order, late, several times, several at once, and again until it hears yes. */
  async #provider(thing: string, random: Random): Promise<void> {
    for (let first = 1; this.#isOn; first += 4) {
      const batch = [0, 1, 2, 3].map(
        (n): SentEvent => ({ id: `${thing}-${first + n}`, thing, sequence: first + n, isTaken: false, deliveries: 0 }),
      )
      this.events.push(...batch)
      const copies = batch.flatMap((event) => Array.from({ length: random.isOneIn(4) ? 6 : random.between(1, 2) }, () => event))
      await Promise.all(random.shuffle(copies).map((event) => this.#deliver(event)))
      // Those that nobody took are told again until somebody does; a provider goes on for days.
      for (let tries = 0; tries < 300 && batch.some(({ isTaken }) => !isTaken); tries++) {
        await pause(200)
        await Promise.all(batch.filter(({ isTaken }) => !isTaken).map((event) => this.#deliver(event)))
      }
      await pause(random.between(800, 2500))
    }
  }

  async #deliver(event: SentEvent): Promise<void> {
    const { path, secret } = this.#options.webhook
    const body = JSON.stringify({ id: event.id, thing: event.thing, sequence: event.sequence })
    const time = String(Math.floor(Date.now() / 1000))
    const id = `msg_${hash('sha256', event.id).slice(0, 16)}`
    event.deliveries++
    try {
      const response = await fetch(this.#url + path, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'webhook-id': id,
          'webhook-timestamp': time,
          'webhook-signature': standardSignature(secret, id, time, Buffer.from(body)),
        },
        body,
        signal: AbortSignal.timeout(answerMs),
      })
      await response.arrayBuffer()
      if (response.ok) event.isTaken = true
    } catch {
      // It comes again.
    }
  }
}

function nameIn(text: string): string | undefined {
  const { data, message } = JSON.parse(text) as { data?: { name?: string }; message?: { name?: string } }
  return (data ?? message)?.name
}
