import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import type { Random } from './random.ts'

/** A mail that a mailbox took. */
export interface TakenMail {
  readonly to: string
  readonly messageId: string
}

/** A mail server that counts what it took, and drops the line after taking a mail while it is told to. */
export class Mailbox {
  readonly mails: TakenMail[] = []
  isHonest = true
  /** Called once, when it has the text of a mail and has not said yes. */
  onText: (() => void) | undefined
  readonly #random: Random
  readonly #server: SMTPServer

  constructor(random: Random) {
    this.#random = random
    this.#server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      logger: false,
      closeTimeout: 50,
      onData: (stream, session, done) => {
        const take = async () => {
          const text = Buffer.concat(await Array.fromAsync(stream as unknown as AsyncIterable<Buffer>)).toString('utf8')
          const messageId = /^message-id:\s*(\S+)/im.exec(text)?.[1] ?? 'none'
          for (const { address } of session.envelope.rcptTo) this.mails.push({ to: address, messageId })
          const strike = this.onText
          this.onText = undefined
          strike?.()
          if (strike || (!this.isHonest && this.#random.isOneIn(15))) this.#drop(session.id)
          else done()
        }
        // A sender that dies in the middle of a mail breaks its stream.
        take().catch(done)
      },
    })
    this.#server.on('error', () => undefined)
  }

  async listen(): Promise<number> {
    const listening = this.#server.listen(0, '127.0.0.1')
    await once(listening, 'listening')
    return (listening.address() as AddressInfo).port
  }

  #drop(session: string): void {
    for (const connection of (this.#server as unknown as { connections: Set<{ id: string; _socket: { destroy(): void } }> }).connections)
      if (connection.id === session) connection._socket.destroy()
  }

  async close(): Promise<void> {
    await new Promise<void>((done) => this.#server.close(() => done()))
  }
}
