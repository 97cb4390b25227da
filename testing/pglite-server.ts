import { createServer, type Server, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'

/** A PostgreSQL with pgvector inside this process, behind a port that an ordinary client speaks to. */
export interface PgliteServer {
  /** For an existing database: it has one, and one account. */
  readonly url: string
  close(): Promise<void>
}

type Engine = { execProtocolRaw(message: Uint8Array): Promise<Uint8Array>; close(): Promise<void> }

const sslRequest = 80877103
const cancelRequest = 80877102
/** Messages that end a turn: a simple query, and the end of a batch. */
const endsTurn = new Set(['Q', 'S'])

/**
 * PGlite (real PostgreSQL, as WebAssembly) with pgvector. It has one session: connections take turns, one transaction is open at a time,
 * and what others ask meanwhile sees what it wrote. Prepared statements of each connection get names of their own.
 */
export async function startPglite(): Promise<PgliteServer> {
  const [{ PGlite }, { vector }] = await Promise.all([import('@electric-sql/pglite'), import('@electric-sql/pglite-pgvector')])
  const engine = (await PGlite.create({ extensions: { vector } })) as unknown as Engine & { exec(sql: string): Promise<unknown> }
  await engine.exec(`set timezone = 'UTC'; set datestyle = 'ISO'; set bytea_output = 'hex'; set jit = off`)
  const queues = { turns: new Turns(), transactions: new Turns() }
  let connections = 0
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    serve(socket, engine, queues, `c${++connections}_`)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    url: `postgres://postgres@127.0.0.1:${(server.address() as AddressInfo).port}/postgres`,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((done) => server.close(done))
      await engine.close()
    },
  }
}

/** Lets one at a time go on, in the order in which they came. */
class Turns {
  #last: Promise<void> = Promise.resolve()

  /** @returns what gives the turn back */
  async take(): Promise<() => void> {
    const before = this.#last
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#last = promise
    await before
    return resolve
  }
}

function serve(socket: Socket, engine: Engine, { turns, transactions }: { turns: Turns; transactions: Turns }, prefix: string): void {
  let received = Buffer.alloc(0)
  let isGreeted = false
  let batch: Buffer[] = []
  let end: (() => void) | undefined
  let work = Promise.resolve()

  const speak = async (messages: Buffer, isBegin: boolean): Promise<void> => {
    if (isBegin) end ??= await transactions.take()
    const done = await turns.take()
    try {
      const answer = Buffer.from(await engine.execProtocolRaw(messages))
      // The answer ends with the state of the session: idle, or within a transaction, which is another's unless it was begun here.
      const isIdle = answer.at(-1) === 0x49
      if (!end) answer[answer.length - 1] = 0x49
      if (!socket.destroyed) socket.write(answer)
      if (isIdle) leave()
    } finally {
      done()
    }
  }

  const leave = (): void => {
    end?.()
    end = undefined
  }

  const hangUp = async (): Promise<void> => {
    const done = await turns.take()
    if (end) await engine.execProtocolRaw(simpleQuery('rollback')).catch(() => undefined)
    leave()
    done()
  }

  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk])
    for (;;) {
      const length = received.length < 5 ? Number.POSITIVE_INFINITY : isGreeted ? 1 + received.readUInt32BE(1) : received.readUInt32BE(0)
      if (received.length < length) return
      const message = received.subarray(0, length)
      received = received.subarray(length)
      if (!isGreeted) {
        const code = message.readUInt32BE(4)
        if (code === sslRequest) socket.write('N')
        else if (code === cancelRequest) socket.end()
        else {
          isGreeted = true
          socket.write(greeting())
        }
        continue
      }
      const kind = String.fromCharCode(message[0] as number)
      if (kind === 'X') {
        socket.end()
        continue
      }
      batch.push(renamed(message, kind, prefix))
      if (!endsTurn.has(kind)) continue
      const whole = Buffer.concat(batch)
      batch = []
      const isBegin = kind === 'Q' && /^begin\b/i.test(message.toString('utf8', 5))
      work = work.then(() => speak(whole, isBegin)).catch(() => void socket.destroy())
    }
  })
  socket.on('error', () => undefined)
  socket.on('close', () => {
    work = work.then(hangUp).catch(() => undefined)
  })
}

/** AuthenticationOk, what a client wants to know of the server, a key for cancelling that opens nothing, and ready. */
function greeting(): Buffer {
  const facts = { server_version: '17.0', client_encoding: 'UTF8', standard_conforming_strings: 'on', TimeZone: 'UTC', DateStyle: 'ISO' }
  return Buffer.concat([
    framed('R', Buffer.from([0, 0, 0, 0])),
    ...Object.entries(facts).map(([name, value]) => framed('S', Buffer.from(`${name}\0${value}\0`))),
    framed('K', Buffer.alloc(8)),
    framed('Z', Buffer.from('I')),
  ])
}

function simpleQuery(text: string): Buffer {
  return framed('Q', Buffer.from(`${text}\0`))
}

function framed(kind: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.write(kind, 0, 'latin1')
  head.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

/** The message with the connection's own names of prepared statements. */
function renamed(message: Buffer, kind: string, prefix: string): Buffer {
  const body = message.subarray(5)
  const at = { P: 0, B: body.indexOf(0) + 1, D: 1, C: 1 }[kind]
  if (at === undefined || ((kind === 'D' || kind === 'C') && body[0] !== 0x53) || body[at] === 0) return message
  return framed(kind, Buffer.concat([body.subarray(0, at), Buffer.from(prefix), body.subarray(at)]))
}
