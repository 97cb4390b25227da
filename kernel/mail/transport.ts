import type { Transporter } from 'nodemailer'
import type { Site } from '#kernel/sites/site.ts'
import type { OutgoingServer } from './outgoing-server.ts'

/** Milliseconds after which connections that nobody uses are closed. */
const idleMs = 5_000
const connectMs = 20_000
/** Milliseconds without a byte while a mail is under way. */
const silenceMs = 60_000

interface Pool {
  readonly transporter: Transporter
  users: number
  timer: NodeJS.Timeout | undefined
}

const pools = new WeakMap<Site, Map<string, Pool>>()

/** Runs `work` with connections to a mail server, which are shared and kept for a few seconds. */
export async function withTransport<T>(
  site: Site,
  server: OutgoingServer,
  password: string | undefined,
  work: (transporter: Transporter) => Promise<T>,
): Promise<T> {
  const own = pools.get(site) ?? new Map<string, Pool>()
  pools.set(site, own)
  const key = JSON.stringify([server.host, server.port, server.security, server.checksCertificate, server.login, password])
  const pool = own.get(key) ?? { transporter: await openTransport(server, password), users: 0, timer: undefined }
  own.set(key, pool)
  clearTimeout(pool.timer)
  pool.users++
  try {
    return await work(pool.transporter)
  } finally {
    pool.users--
    if (pool.users === 0) {
      pool.timer = setTimeout(() => {
        own.delete(key)
        pool.transporter.close()
      }, idleMs)
      pool.timer.unref()
    }
  }
}

async function openTransport(server: OutgoingServer, password: string | undefined): Promise<Transporter> {
  // Loaded with the first mail.
  const { createTransport } = await import('nodemailer')
  return createTransport({
    pool: true,
    maxConnections: 2,
    maxMessages: 100,
    host: server.host,
    port: server.port,
    secure: server.security === 'tls',
    requireTLS: server.security === 'starttls',
    tls: { rejectUnauthorized: server.checksCertificate, minVersion: 'TLSv1.2' },
    ...(server.login !== '' && { auth: { user: server.login, pass: password ?? '' } }),
    connectionTimeout: connectMs,
    greetingTimeout: connectMs,
    socketTimeout: silenceMs,
    // What a mail holds is decided here, not by addresses in it.
    disableFileAccess: true,
    disableUrlAccess: true,
  })
}

/** Signs in to a mail server and leaves again. @throws Error with what the server said */
export async function verifyServer(server: OutgoingServer, password: string | undefined): Promise<void> {
  const transporter = await openTransport(server, password)
  try {
    await transporter.verify()
  } finally {
    transporter.close()
  }
}
