import { once } from 'node:events'
import { after } from 'node:test'
import type { AddressInfo } from 'node:net'
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server'

/** A mail as a server in this process got it. */
export interface ReceivedByServer {
  readonly from: string
  readonly to: readonly string[]
  readonly text: string
}

/** How the server is to misbehave; recipients by the part before the @. */
export interface MailFaults {
  /** Answer to RCPT TO by mailbox: `[451, 'later']`. */
  recipients?: Record<string, [code: number, text: string]>
  /** What it says to the text of a mail: a code, or `drop` to break the connection after taking all of it. */
  data?: (mail: ReceivedByServer, nth: number) => [code: number, text: string] | 'drop' | undefined
  /** Milliseconds to wait with the answer to the text. */
  slowMs?: number
}

/** A server of the test's own, for what a well-behaved one does not do. Mails that it accepted, or dropped, are in `mails`. */
export async function faultyMailServer(faults: MailFaults = {}): Promise<{ port: number; mails: ReceivedByServer[]; faults: MailFaults }> {
  const mails: ReceivedByServer[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    closeTimeout: 50,
    onRcptTo(address, _session, done) {
      const answer = faults.recipients?.[address.address.split('@')[0] ?? '']
      done(answer ? Object.assign(new Error(answer[1]), { responseCode: answer[0] }) : null)
    },
    onData(stream: SMTPServerDataStream, session: SMTPServerSession, done) {
      void (async () => {
        const text = Buffer.concat(await Array.fromAsync(stream as AsyncIterable<Buffer>)).toString('utf8')
        const { mailFrom, rcptTo } = session.envelope
        const mail = { from: mailFrom ? mailFrom.address : '', to: rcptTo.map((one) => one.address), text }
        mails.push(mail)
        if (faults.slowMs) await new Promise((wake) => setTimeout(wake, faults.slowMs))
        const answer = faults.data?.(mail, mails.length)
        if (answer === 'drop') {
          for (const connection of (server as unknown as { connections: Set<{ close(): void; _socket: { destroy(): void } }> }).connections)
            connection._socket.destroy()
          return
        }
        done(answer ? Object.assign(new Error(answer[1]), { responseCode: answer[0] }) : null)
      })()
    },
  })
  server.on('error', () => undefined)
  const listening = server.listen(0, '127.0.0.1')
  await once(listening, 'listening')
  after(() => new Promise<void>((done) => server.close(() => done())))
  return { port: (listening.address() as AddressInfo).port, mails, faults }
}
