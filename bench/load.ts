import { connect, type Socket } from 'node:net'

/** One request, ready to be written to a socket. */
export type RawRequest = string

/** What came of a run. */
export interface LoadResult {
  readonly requests: number
  /** Milliseconds from the first request to the last answer. */
  readonly wall: number
  /** Milliseconds that a request took, ascending. */
  readonly latencies: Float64Array
}

/** Spells a request that keeps the connection open. */
export function rawRequest(verb: string, path: string, headers: Readonly<Record<string, string>> = {}, body?: string): RawRequest {
  const lines = [
    `${verb} ${path} HTTP/1.1`,
    'Host: bench.localhost',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ]
  if (body !== undefined) lines.push('Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`)
  return `${lines.join('\r\n')}\r\n\r\n${body ?? ''}`
}

/**
 * Sends requests over so many connections, each with one request under way, until `enough` says so. The client is as lean as can be: it
 * shares the machine with what it measures.
 * @param next    the request with that number, from 0
 * @param enough  asked before each request
 * @throws Error at the first answer that is not a success
 */
export async function load(
  port: number,
  connections: number,
  next: (number: number) => RawRequest,
  enough: (sent: number) => boolean,
): Promise<LoadResult> {
  let sent = 0
  const latencies: number[] = []
  const began = performance.now()
  const worker = async (): Promise<void> => {
    const connection = await Connection.open(port)
    try {
      while (!enough(sent)) {
        const request = next(sent++)
        const at = performance.now()
        const { status, head, body } = await connection.send(request)
        if (status < 200 || status > 299)
          throw new Error(`${request.split('\r\n', 1)[0]} was answered with ${head.split('\r\n', 1)[0]} ${body.slice(0, 600)}`)
        latencies.push(performance.now() - at)
      }
    } finally {
      connection.close()
    }
  }
  await Promise.all(Array.from({ length: connections }, worker))
  return { requests: latencies.length, wall: performance.now() - began, latencies: Float64Array.from(latencies).sort() }
}

interface RawAnswer {
  readonly status: number
  readonly head: string
  readonly body: string
}

class Connection {
  readonly #socket: Socket
  #received = ''
  #settle: { resolve(answer: RawAnswer): void; reject(error: Error): void } | undefined

  static open(port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true })
      socket.once('error', reject)
      socket.once('connect', () => resolve(new Connection(socket)))
    })
  }

  constructor(socket: Socket) {
    this.#socket = socket
    // One character per byte, so that Content-Length counts characters.
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => this.#receive(chunk))
    socket.on('close', () => this.#settle?.reject(new Error('The server closed the connection.')))
    socket.on('error', (error) => this.#settle?.reject(error))
  }

  send(request: RawRequest): Promise<RawAnswer> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
      this.#socket.write(request)
    })
  }

  close(): void {
    this.#settle = undefined
    this.#socket.destroy()
  }

  #receive(chunk: string): void {
    this.#received += chunk
    const end = this.#received.indexOf('\r\n\r\n')
    if (end < 0) return
    const head = this.#received.slice(0, end)
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0)
    if (this.#received.length < end + 4 + length) return
    const body = this.#received.slice(end + 4, end + 4 + length)
    this.#received = this.#received.slice(end + 4 + length)
    const settle = this.#settle
    this.#settle = undefined
    settle?.resolve({ status: Number(head.slice(9, 12)), head, body })
  }
}
