import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { Gateway, GatewayOptions } from './gateway.ts'

/** Where Frappe's clients look for it. */
const livePath = '/socket.io/'

/** Whether a request that wants another protocol is one for live events. */
export function isLive(request: IncomingMessage): boolean {
  return request.url?.startsWith(livePath) === true
}

/**
 * Serves live events on the web server's own port. Socket.IO is loaded when the first client comes: a server without any pays neither time
 * nor memory for it.
 */
export function serveRealtime(app: FastifyInstance, options: GatewayOptions): void {
  let gateway: Promise<Gateway> | undefined
  const open = (): Promise<Gateway> => {
    gateway ??= import('./gateway.ts').then(({ openGateway }) => openGateway(livePath, options))
    return gateway
  }
  const refuse = (end: () => void) => (error: unknown) => {
    options.log.error({ err: error }, 'a live connection could not be opened')
    end()
  }
  app.route({
    method: ['GET', 'POST', 'OPTIONS'],
    url: livePath,
    // Before the body is read: it is Socket.IO's to read.
    onRequest: (request, reply) => {
      reply.hijack()
      const give = (to: Gateway): void => to.request(request.raw, reply.raw)
      open().then(
        give,
        refuse(() => reply.raw.destroy()),
      )
    },
    handler: () => undefined,
  })
  app.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // The client may give up while the code is loaded.
    socket.on('error', () => socket.destroy())
    open().then(
      (to) => to.upgrade(request, socket, head),
      refuse(() => socket.destroy()),
    )
  })
  app.addHook('preClose', async () => {
    await gateway?.then((one) => one.close())
  })
}
