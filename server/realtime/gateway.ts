import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { Server, type ServerOptions, type Socket } from 'socket.io'
import type { Logger } from 'pino'
import { AppError } from '#client/rules/errors.ts'
import { authenticate } from '#kernel/identity/authenticate.ts'
import { InvalidCredential } from '#kernel/identity/errors.ts'
import { takeRequest } from '#kernel/limits/rate-limit.ts'
import { type Hub, hubOf } from '#kernel/realtime/hub.ts'
import type { Member, Proof } from '#kernel/realtime/member.ts'
import { isHostName } from '#kernel/sites/runtime.ts'
import type { Site } from '#kernel/sites/site.ts'
import { sidOf } from '#server/http/cookies.ts'
import { corsHeaders } from '#server/http/headers.ts'
import type { SiteChoice, siteFinder } from '#server/http/site-of-request.ts'
import { OriginRefused, SiteNotHere } from './errors.ts'
import { listenTo } from './listen.ts'
import { originRights } from './origin.ts'
import { peerAddress } from './peer-address.ts'

export interface GatewayOptions {
  readonly findSite: ReturnType<typeof siteFinder>
  readonly choice: SiteChoice
  readonly trustProxy?: boolean | string | readonly string[] | undefined
  readonly log: Logger
}

/** The way in for Socket.IO clients; requests and upgrades are handed to it by the web server. */
export interface Gateway {
  request(request: IncomingMessage, response: ServerResponse): void
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Ends all connections. */
  close(): Promise<void>
}

type CorsDelegate = (request: IncomingMessage, answer: (error: null, cors: object) => void) => void

/** Bytes that a client may send at once: names, and nothing longer. */
const mostBytes = 16_384

/** @param path  where the web server takes requests and upgrades for it */
export function openGateway(path: string, options: GatewayOptions): Gateway {
  // Never listens; Socket.IO hangs itself onto it and is fed by hand.
  const shadow = createServer()
  const findSite = (request: IncomingMessage, named?: string): Promise<Site> =>
    options.findSite(named === undefined ? request.headers : { ...request.headers, 'x-frappe-site-name': named })
  const io = new Server(shadow, {
    path,
    serveClient: false,
    perMessageDeflate: false,
    httpCompression: false,
    maxHttpBufferSize: mostBytes,
    cleanupEmptyChildNamespaces: true,
    connectTimeout: 10_000,
    // Answers what a browser asks before it polls from a page of another origin.
    cors: ((request, answer) => {
      findSite(request).then(
        (site) => answer(null, corsOf(site, request)),
        () => answer(null, { origin: false }),
      )
    }) satisfies CorsDelegate as NonNullable<ServerOptions['cors']>,
    allowRequest: (request, answer) => {
      findSite(request).then(
        (site) => answer(null, originRights(site, request.headers) !== 'none'),
        () => answer(null, false),
      )
    },
  })
  const addressOf = peerAddress(options.trustProxy)
  const hubs = new Set<Hub>()
  const enter = async (socket: Socket): Promise<void> => {
    const name = socket.nsp.name.slice(1)
    const site = await findSite(socket.request, name === '' ? undefined : name)
    if (!isNameOf(site, name, socket.request, options.choice)) throw new SiteNotHere({ name: name.slice(0, 100) })
    const member = await memberOf(site, socket, addressOf(socket.request))
    const hub = hubOf(site)
    hubs.add(hub)
    await hub.admit(member)
    socket.on('disconnect', () => hub.dismiss(member))
    // Gone while it was let in: no event tells of that any more.
    if (socket.conn.readyState !== 'open') hub.dismiss(member)
    listenTo(socket, site, hub, member)
  }
  const guard = (socket: Socket, next: (error?: Error) => void): void => {
    enter(socket).then(
      () => next(),
      (error: unknown) => next(refusalOf(error, options.log)),
    )
  }
  io.of('/').use(guard)
  io.of((name, _auth, next) => next(null, isHostName(name.slice(1)))).use(guard)
  return {
    request: (request, response) => void shadow.emit('request', request, response),
    upgrade: (request, socket, head) => void shadow.emit('upgrade', request, socket, head),
    async close() {
      await Promise.all([...hubs].map((hub) => hub.stop()))
      io.disconnectSockets(true)
      // The shadow never listened, which is all that there is to complain about.
      await io.close().catch(() => undefined)
    },
  }
}

/** Namespaces bear the site's name, or the host name under which the page knows it. */
function isNameOf(site: Site, name: string, request: IncomingMessage, choice: SiteChoice): boolean {
  if (name === '' || name === site.host || choice.site !== undefined) return true
  return name.toLowerCase() === (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase()
}

/** @throws OriginRefused, InvalidCredential, RateLimitExceeded */
async function memberOf(site: Site, socket: Socket, ip: string): Promise<Member> {
  const { headers } = socket.request
  const rights = originRights(site, headers)
  if (rights === 'none') throw new OriginRefused({})
  // Browsers cannot set headers on a web socket.
  const given: unknown = headers.authorization ?? socket.handshake.auth.authorization
  const authorization = typeof given === 'string' && given !== '' ? given.slice(0, 4_000) : undefined
  const source = headers['frappe-authorization-source']
  const authorizationSource = typeof source === 'string' ? source : undefined
  const sid = rights === 'all' ? sidOf(headers.cookie) : undefined
  await site.freshen()
  const who = await authenticate(site, { authorization, authorizationSource, sid, ip, verb: 'GET' })
  await takeRequest(site, who.principal.credential ?? `ip:${ip}`)
  // A guest would hear less than the page expects; it is told to sign in instead.
  if (who.sessionExpired) throw new InvalidCredential({})
  const proof: Proof =
    who.via === 'session' && who.session
      ? { via: 'session', session: who.session }
      : who.via === 'key' && authorization
        ? { via: 'key', authorization, ip }
        : { via: 'guest' }
  return {
    id: socket.id,
    channel: channelOf(socket),
    proof,
    principal: who.principal,
    until: who.session?.expires ?? who.expires ?? Number.POSITIVE_INFINITY,
    rooms: new Set(),
    account: proof.via === 'guest' ? `visitor ${ip}` : who.principal.name,
    end: (reason) => endSocket(socket, reason),
  }
}

const channels = new WeakMap<object, Member['channel']>()

/** One per namespace, so that a message to many is encoded once. */
function channelOf({ nsp }: Socket): Member['channel'] {
  let channel = channels.get(nsp)
  if (!channel) {
    channel = {
      send(members, event, message) {
        const keepingUp = members.filter((id) => keepsUp(nsp.sockets.get(id)))
        if (keepingUp.length > 0) nsp.to(keepingUp).emit(event, message)
      },
    }
    channels.set(nsp, channel)
  }
  return channel
}

/** Packets that may wait for a client that does not take them; then it is gone, and fetches anew when it comes back. */
const mostUnsent = 2_000

/** Ends a connection whose client takes nothing any more: what waits for it would fill the memory of all. */
function keepsUp(socket: Socket | undefined): boolean {
  if (!socket) return false
  const { writeBuffer } = socket.conn as unknown as { writeBuffer: readonly unknown[] }
  if (writeBuffer.length < mostUnsent) return true
  socket.disconnect(true)
  return false
}

/** @param reason told in `connection_ended` before, where there is one to tell */
function endSocket(socket: Socket, reason: string | undefined): void {
  if (reason !== undefined) socket.emit('connection_ended', { code: reason })
  socket.disconnect(true)
}

function corsOf(site: Site, request: IncomingMessage): object {
  if (originRights(site, request.headers) === 'none') return { origin: false }
  const cors = corsHeaders(site, request.headers)
  const credentials = cors ? cors['access-control-allow-credentials'] === 'true' : true
  return { origin: cors?.['access-control-allow-origin'] ?? request.headers.origin ?? false, credentials }
}

/** What a client is told: code and sentence of what we define, and no word about anything else. */
function refusalOf(error: unknown, log: Logger): Error {
  if (error instanceof AppError && error.status < 500)
    return Object.assign(new Error(error.message), { data: { code: error.code, status: error.status } })
  log.error({ err: error }, 'a live connection could not be opened')
  return Object.assign(new Error('The connection could not be opened.'), { data: { code: 'server/failed', status: 500 } })
}
