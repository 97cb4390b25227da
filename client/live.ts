import type { Socket } from 'socket.io-client'
import { type ClientError, localFailure, readFailure } from './client-error.ts'

export interface LiveOptions {
  /** The server's root, such as `https://crm.example.com`. Default: where the page came from, which only a browser knows. */
  url?: string
  /** The site, where the host name does not tell. */
  site?: string
  /** An Authorization header, such as `token key:secret`; default: the cookies of the page. */
  authorization?: string
  /** Further headers, which only Node can send: a cookie, say. */
  headers?: Readonly<Record<string, string>>
  /** Milliseconds to wait for the first connection; default 10 seconds. Later ones are tried for ever. */
  timeout?: number
}

/** A document was made or changed, or (`deleted`) deleted. Its fields are fetched by whoever may read them. */
export interface DocumentChange {
  readonly doctype: string
  readonly name: string
  /** As on the wire; absent in a list's events. */
  readonly modified?: string
  /** Who did it; in a list's events only. */
  readonly user?: string
  readonly deleted?: 1
}

/** Ends what it was given for. */
export type Stop = () => void

/** A connection over which the server tells what happens. After an interruption it listens again to all that it did. */
export interface Live {
  /** Hears of changes of one document. @throws ClientError 403 when it may not be read */
  onDocument(doctype: string, name: string, hear: (change: DocumentChange) => void): Promise<Stop>
  /** Hears of every document of a DocType that is made, changed or deleted and may be read. @throws ClientError 403 */
  onList(doctype: string, hear: (change: DocumentChange) => void): Promise<Stop>
  /** Shows others that the document is open here, and hears who has it open: names of users, this one included. @throws ClientError 403 */
  openDocument(doctype: string, name: string, hear: (users: readonly string[]) => void): Promise<Stop>
  /** Joins a room that an app declares; its events are heard with `on`. @throws ClientError 404 */
  join(room: string): Promise<Stop>
  /** Hears events by name: `notification`, `progress`, `msgprint`, those of apps. */
  on(event: string, hear: (message: unknown) => void): Stop
  /** Hears when the connection comes back after an interruption: time to fetch what was missed. */
  onReturn(hear: () => void): Stop
  readonly isConnected: boolean
  close(): void
}

interface Answer {
  ok: boolean
  code?: string
  message?: string
}

type Refusal = Error & { data?: { code?: string; status?: number } }

/** How long the server may take to answer, in milliseconds. */
const patience = 10_000
const comeBackAfter = 1_000

/**
 * Connects to a server's live events. Needs the package `socket.io-client`, which is loaded now.
 * @throws ClientError 0 when no connection came about, with the server's code when it refused
 */
export async function connectLive(options: LiveOptions = {}): Promise<Live> {
  const { io } = await import('socket.io-client')
  const origin = options.url ?? (globalThis as { location?: { origin: string } }).location?.origin
  if (origin === undefined) throw new TypeError('connectLive needs the url of the server.')
  const { authorization } = options
  const socket = io(new URL(`/${options.site ?? ''}`, origin).href, {
    transports: ['websocket', 'polling'],
    withCredentials: true,
    forceNew: true,
    ...(authorization !== undefined && { auth: { authorization } }),
    ...(options.headers && { extraHeaders: { ...options.headers } }),
  })
  await firstConnection(socket, options.timeout ?? patience)
  return new SocketLive(socket)
}

function firstConnection(socket: Socket, timeout: number): Promise<void> {
  return new Promise((done, fail) => {
    const end = (error?: Error): void => {
      clearTimeout(timer)
      socket.off('connect', succeed).off('connect_error', refused)
      if (error) {
        socket.disconnect()
        fail(error)
      } else done()
    }
    const succeed = (): void => end()
    const refused = (error: Refusal): void => {
      // Without data it is the network, and the next attempt may succeed.
      if (error.data) end(failure(error.data.status ?? 0, error.data.code, error.message))
    }
    const timer = setTimeout(() => end(failure(0, undefined, 'The server does not answer.')), timeout)
    socket.on('connect', succeed).on('connect_error', refused)
  })
}

class SocketLive implements Live {
  readonly #socket: Socket
  /** What to say again after an interruption, and how often it was asked for. */
  readonly #wanted = new Map<string, { say: readonly string[]; count: number }>()
  #wasLost = false
  #timer: ReturnType<typeof setTimeout> | undefined
  readonly #returns = new Set<() => void>()

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('disconnect', (reason) => {
      this.#wasLost = true
      // The server ends a connection when rights have changed; what is still allowed is asked for anew.
      if (reason === 'io server disconnect') this.#comeBack()
    })
    // A refusal is final; a server that cannot answer just now is asked again.
    socket.on('connect_error', (error: Refusal) => {
      if ((error.data?.status ?? 0) >= 500) this.#comeBack()
    })
    socket.on('connect', () => {
      if (!this.#wasLost) return
      this.#wasLost = false
      for (const { say } of this.#wanted.values()) socket.emit(...(say as [string, ...string[]]))
      for (const hear of this.#returns) hear()
    })
  }

  #comeBack(): void {
    this.#timer = setTimeout(() => this.#socket.connect(), comeBackAfter)
  }

  get isConnected(): boolean {
    return this.#socket.connected
  }

  onDocument(doctype: string, name: string, hear: (change: DocumentChange) => void): Promise<Stop> {
    const isIt = (change: DocumentChange): boolean => change.doctype === doctype && change.name === name
    return this.#listen(['doc_subscribe', doctype, name], ['doc_unsubscribe', doctype, name], 'doc_update', (change) => {
      if (isIt(change as DocumentChange)) hear(change as DocumentChange)
    })
  }

  onList(doctype: string, hear: (change: DocumentChange) => void): Promise<Stop> {
    return this.#listen(['doctype_subscribe', doctype], ['doctype_unsubscribe', doctype], 'list_update', (change) => {
      if ((change as DocumentChange).doctype === doctype) hear(change as DocumentChange)
    })
  }

  openDocument(doctype: string, name: string, hear: (users: readonly string[]) => void): Promise<Stop> {
    return this.#listen(['doc_open', doctype, name], ['doc_close', doctype, name], 'doc_viewers', (told) => {
      const { doctype: of, docname, users } = told as { doctype: string; docname: string; users: string[] }
      if (of === doctype && docname === name) hear(users)
    })
  }

  join(room: string): Promise<Stop> {
    return this.#want(['room_subscribe', room], ['room_unsubscribe', room])
  }

  on(event: string, hear: (message: unknown) => void): Stop {
    this.#socket.on(event, hear)
    return () => void this.#socket.off(event, hear)
  }

  onReturn(hear: () => void): Stop {
    this.#returns.add(hear)
    return () => void this.#returns.delete(hear)
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#socket.disconnect()
  }

  async #listen(say: readonly string[], unsay: readonly string[], event: string, hear: (message: unknown) => void): Promise<Stop> {
    const deafen = this.on(event, hear)
    try {
      const leave = await this.#want(say, unsay)
      return () => {
        deafen()
        leave()
      }
    } catch (error) {
      deafen()
      throw error
    }
  }

  /** Says it once, however many want it, and takes it back when the last one does not any more. */
  async #want(say: readonly string[], unsay: readonly string[]): Promise<Stop> {
    const key = JSON.stringify(say)
    const answer = (await this.#socket.timeout(patience).emitWithAck(...(say as [string, ...string[]]))) as Answer
    if (!answer.ok) throw failure(answer.code === 'realtime/room-unknown' ? 404 : 403, answer.code, answer.message ?? '')
    const wanted = this.#wanted.get(key) ?? { say, count: 0 }
    wanted.count++
    this.#wanted.set(key, wanted)
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      if (--wanted.count > 0) return
      this.#wanted.delete(key)
      this.#socket.emit(...(unsay as [string, ...string[]]))
    }
  }
}

function failure(status: number, code: string | undefined, message: string): ClientError {
  return code === undefined ? localFailure('client/unreachable', message) : readFailure(status, { error: { code, message } }, '')
}
