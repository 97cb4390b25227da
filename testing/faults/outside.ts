import { hash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Random } from './random.ts'

/** What the stand-in did under one key. */
export interface OutsideDeed {
  readonly key: string
  readonly what: string
  readonly ref: string
  /** Times it was really done: more than once would be a fault of this stand-in, which knows the key. */
  applied: number
  undone: number
  /** Undone before it was done: it will not be. */
  isRefused: boolean
}

/** A message of our outgoing webhook. */
export interface HookDelivery {
  readonly id: string
  readonly ref: string
}

/** Where to have the caller killed: before the deed, between deed and answer, or when it has the answer. */
export type OutsideMoment = 'before' | 'unanswered' | 'answered'

/** A service of somebody else, which does each key once, and misbehaves while it is told to. It also takes our webhooks. */
export class Outside {
  readonly deeds = new Map<string, OutsideDeed>()
  readonly deliveries: HookDelivery[] = []
  isHonest = true
  readonly #random: Random
  readonly #kill: (pid: number) => boolean
  readonly #server: Server
  #moment: OutsideMoment | undefined

  /** @param kill ends the process with that number; false: it is none of ours */
  constructor(random: Random, kill: (pid: number) => boolean) {
    this.#random = random
    this.#kill = kill
    this.#server = createServer((request, response) => {
      this.#take(request, response).catch(() => response.destroy())
    })
  }

  async listen(): Promise<string> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Has the next caller killed at that moment. */
  arm(moment: OutsideMoment): void {
    this.#moment = moment
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((done) => this.#server.close(done))
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString('utf8')
    if (request.url === '/hook') return this.#takeHook(request, response, body)
    const { key, what, ref, pid } = JSON.parse(body) as { key: string; what: string; ref: string; pid: number }
    if (this.#strikes('before', pid)) return
    const mood = this.#mood()
    if (mood === 'error') return answer(response, 500)
    if (mood === 'busy') return answer(response, 429, { 'retry-after': '1' })
    if (mood === 'deaf') return
    const status = request.url === '/undo' ? this.#undo(key, what, ref) : this.#apply(key, what, ref)
    if (this.#strikes('unanswered', pid) || mood === 'mute') return
    answer(response, status)
    if (this.#moment === 'answered') setTimeout(() => this.#strikes('answered', pid), 1)
  }

  #takeHook(request: IncomingMessage, response: ServerResponse, body: string): void {
    const mood = this.#mood()
    const isRefused = mood === 'error' || mood === 'busy'
    const isTaken = !isRefused && mood !== 'deaf'
    if (isTaken)
      this.deliveries.push({ id: String(request.headers['webhook-id']), ref: (JSON.parse(body) as { client_ref: string }).client_ref })
    if (isRefused) answer(response, 503)
    else if (mood === 'fine') answer(response, 204)
  }

  #apply(key: string, what: string, ref: string): number {
    if (isDeclined(what, ref)) return 422
    const deed = this.#deed(key, what, ref)
    if (deed.isRefused) return 409
    if (deed.applied === 0) deed.applied = 1
    return 200
  }

  #undo(key: string, what: string, ref: string): number {
    if (isFinal(what, ref)) return 422
    const deed = this.#deed(key, what, ref)
    if (deed.applied === 0) deed.isRefused = true
    else if (deed.undone === 0) deed.undone = 1
    return 200
  }

  #deed(key: string, what: string, ref: string): OutsideDeed {
    const deed = this.deeds.get(key) ?? { key, what, ref, applied: 0, undone: 0, isRefused: false }
    this.deeds.set(key, deed)
    return deed
  }

  #strikes(moment: OutsideMoment, pid: number): boolean {
    if (this.#moment !== moment || !this.#kill(pid)) return false
    this.#moment = undefined
    return true
  }

  /** `deaf`: never does it, never answers. `mute`: does it, and never answers. */
  #mood(): 'fine' | 'error' | 'busy' | 'deaf' | 'mute' {
    if (this.isHonest) return 'fine'
    const roll = this.#random.next()
    if (roll < 0.04) return 'error'
    if (roll < 0.05) return 'busy'
    if (roll < 0.06) return 'deaf'
    return roll < 0.08 ? 'mute' : 'fine'
  }
}

/** A fifth of all charges is declined, so that sagas have something to take back; which ones follows from the reference. */
function isDeclined(what: string, ref: string): boolean {
  return what === 'charge' && numberOf(ref) % 5 === 0
}

/** Of these, a quarter of the reservations cannot be taken back: their sagas must fail, and say so. */
export function isFinal(what: string, ref: string): boolean {
  return what === 'reserve' && numberOf(ref) % 20 === 0
}

function numberOf(ref: string): number {
  return Number.parseInt(hash('sha256', ref).slice(0, 6), 16)
}

function answer(response: ServerResponse, status: number, headers: Record<string, string> = {}): void {
  response.writeHead(status, headers).end()
}
