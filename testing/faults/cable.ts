import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** The way to a server, which can be cut or go quiet without a word: neither side hears of it. */
export class Cable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #isQuiet = false

  constructor(target: { host: string; port: number }) {
    this.#server = createServer((near) => {
      const far = connect(target.port, target.host)
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(one)
        one.on('error', () => undefined)
        one.on('close', () => {
          this.#sockets.delete(one)
          other.destroy()
        })
        one.on('data', (bytes) => {
          if (!other.write(bytes)) one.pause()
        })
        other.on('drain', () => {
          if (!this.#isQuiet) one.resume()
        })
        if (this.#isQuiet) one.pause()
      }
    })
  }

  /** @returns the port to connect to in place of the server's */
  async listen(): Promise<number> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done))
    return (this.#server.address() as AddressInfo).port
  }

  /** Breaks every connection. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Passes nothing on until `speak`. */
  hush(): void {
    this.#isQuiet = true
    for (const socket of this.#sockets) socket.pause()
  }

  speak(): void {
    this.#isQuiet = false
    for (const socket of this.#sockets) socket.resume()
  }

  async close(): Promise<void> {
    this.cut()
    await new Promise((done) => this.#server.close(done))
  }
}
