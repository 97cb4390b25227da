import { instantOfText, textOfInstant } from '#kernel/context/time.ts'
import type { Context } from '#kernel/context/context.ts'
import { sql } from '#kernel/database/sql.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import type { Site } from '#kernel/sites/site.ts'
import { randomToken, tokenHash } from './keyed-hash.ts'
import { identitySettings } from './settings.ts'

/** Someone signed in on one device. The sid itself is only ever in the cookie; here and in the table it is a hash. */
export interface Session {
  /** SHA-256 of the sid. */
  readonly id: string
  readonly user: string
  /** Milliseconds since 1970, as all times here. */
  readonly created: number
  lastSeen: number
  expires: number
  readonly ip: string
  readonly device: string
  /** Set once a page asked for it; from then on unsafe requests must carry it. */
  csrfToken: string | undefined
}

interface SessionRow {
  id_hash: string
  user: string
  created: string
  last_seen: string
  expires: string
  ip: string | null
  device: string | null
  csrf_token: string | null
}

const sessions = sql.id('__Session')
const userColumn = sql.id('user')
const columns = sql`id_hash, ${userColumn}, created, last_seen, expires, ip, device, csrf_token`

/** `last_seen` is written at most this often, so that reading costs no write. */
const touchEveryMs = 60_000
/** Sessions remembered per process; the oldest leave first. */
const rememberedSessions = 20_000

/**
 * Opens a session in the caller's transaction. The sid is made here and never taken from the caller, so nobody can plant one.
 * @returns the sid for the cookie, and the session as stored
 */
export async function startSession(ctx: Context, user: string, device = 'desktop'): Promise<{ sid: string; session: Session }> {
  const settings = identitySettings(ctx.site)
  if (settings.oneSessionPerUser) await endSessions(ctx, user)
  const sid = randomToken()
  const now = ctx.clock.now()
  const session: Session = {
    id: tokenHash(sid),
    user,
    created: now,
    lastSeen: now,
    expires: now + Math.min(settings.idleMs, settings.absoluteMs),
    ip: ctx.request.ip,
    device: device.slice(0, 140),
    csrfToken: undefined,
  }
  await ctx.db.execute(
    ctx.db.dialect.compile(sql`insert into ${sessions} (id_hash, ${userColumn}, created, last_seen, expires, ip, device, csrf_token, data, revoked)
      values (${session.id}, ${user}, ${textOfInstant(now)}, ${textOfInstant(now)}, ${textOfInstant(session.expires)}, ${session.ip}, ${session.device}, ${null}, ${null}, 0)`),
  )
  return { sid, session }
}

/**
 * The live session of a sid; undefined when there is none, it was revoked, idle too long or older than the absolute limit.
 * One Map lookup when this process has seen it since the last change of access; that is what makes revocation reach every process.
 */
export async function findSession(site: Site, sid: string): Promise<Session | undefined> {
  const id = tokenHash(sid)
  const now = site.clock.now()
  let session = remembered(site).get(id) ?? (await loadSession(site, id))
  // Another process may have seen the user meanwhile: only the table knows.
  if (session && session.expires <= now) session = await loadSession(site, id)
  const { idleMs, absoluteMs } = identitySettings(site)
  if (!session || session.expires <= now || session.created + absoluteMs <= now || session.lastSeen + idleMs <= now) {
    remembered(site).delete(id)
    return undefined
  }
  if (now - session.lastSeen >= touchEveryMs) touch(site, session, now, Math.min(now + idleMs, session.created + absoluteMs))
  return session
}

/** Reads a session past the memory of this process; the CSRF check does, because a token may have been made elsewhere. */
export async function loadSession(site: Site, id: string): Promise<Session | undefined> {
  const epoch = site.epoch.access
  const [row] = await site.database.query<SessionRow>(
    site.database.dialect.compile(sql`select ${columns} from ${sessions} where id_hash = ${id} and revoked = 0`),
  )
  if (!row) return undefined
  const session = sessionOf(row)
  if (site.epoch.access === epoch) {
    const known = remembered(site)
    if (known.size >= rememberedSessions) for (const oldest of known.keys()) if (known.delete(oldest)) break
    known.set(id, session)
  }
  return session
}

/** Ends one session of `user` for every process. @returns whether there was one */
export async function endSession(ctx: Context, user: string, id: string): Promise<boolean> {
  const { changes } = await ctx.db.execute(
    ctx.db.dialect.compile(sql`update ${sessions} set revoked = 1 where id_hash = ${id} and ${userColumn} = ${user} and revoked = 0`),
  )
  if (changes > 0) await bumpEpoch(ctx, 'access')
  return changes > 0
}

/** Ends every session of a user but `except`, for every process. @returns how many */
export async function endSessions(ctx: Context, user: string, except = ''): Promise<number> {
  const { changes } = await ctx.db.execute(
    ctx.db.dialect.compile(sql`update ${sessions} set revoked = 1 where ${userColumn} = ${user} and revoked = 0 and id_hash <> ${except}`),
  )
  if (changes > 0) await bumpEpoch(ctx, 'access')
  return changes
}

/** The live sessions of a user, latest first. */
export async function listSessions(ctx: Context, user: string): Promise<Session[]> {
  const rows = await ctx.db.query<SessionRow>(
    ctx.db.dialect.compile(sql`select ${columns} from ${sessions}
      where ${userColumn} = ${user} and revoked = 0 and expires > ${textOfInstant(ctx.clock.now())} order by last_seen desc`),
  )
  return rows.map(sessionOf)
}

/** Moves the sessions of a renamed user along. */
export async function renameSessions(ctx: Context, oldUser: string, newUser: string): Promise<void> {
  await ctx.db.execute(ctx.db.dialect.compile(sql`update ${sessions} set ${userColumn} = ${newUser} where ${userColumn} = ${oldUser}`))
  await bumpEpoch(ctx, 'access')
}

/** Deletes what has ended for a week; a daily job. @returns how many rows */
export async function deleteEndedSessions(ctx: Context): Promise<number> {
  const weekAgo = textOfInstant(ctx.clock.now() - 7 * 24 * 3_600_000)
  const statement = sql`delete from ${sessions} where expires < ${weekAgo} or (revoked = 1 and last_seen < ${weekAgo})`
  return (await ctx.db.execute(ctx.db.dialect.compile(statement))).changes
}

/**
 * The session's CSRF token, made at the first call. Pages ask for it in a GET, which never commits, so it is written in a
 * transaction of its own unless the caller's has begun.
 */
export async function csrfTokenOf(ctx: Context, id: string): Promise<string> {
  const { compile } = ctx.db.dialect
  const read = async () => {
    const [row] = await ctx.db.query<{ csrf_token: string | null }>(
      compile(sql`select csrf_token from ${sessions} where id_hash = ${id} and revoked = 0`),
    )
    return row?.csrf_token ?? ''
  }
  const known = await read()
  if (known) return known
  // Two pages may ask at once: the first one's token stays.
  const write = compile(sql`update ${sessions} set csrf_token = ${randomToken()} where id_hash = ${id} and csrf_token is null`)
  if (ctx.db.isWriting) await ctx.db.execute(write)
  else await ctx.site.database.transaction((tx) => tx.execute(write))
  const token = await read()
  const session = remembered(ctx.site).get(id)
  if (session && token) session.csrfToken = token
  return token
}

function remembered(site: Site): Map<string, Session> {
  let known = site.cache.access.get('identity:sessions') as Map<string, Session> | undefined
  if (!known) {
    known = new Map()
    site.cache.access.set('identity:sessions', known)
  }
  return known
}

function touch(site: Site, session: Session, now: number, expires: number): void {
  session.lastSeen = now
  session.expires = expires
  const statement = sql`update ${sessions} set last_seen = ${textOfInstant(now)}, expires = ${textOfInstant(expires)}
    where id_hash = ${session.id} and revoked = 0 and last_seen < ${textOfInstant(now)}`
  // Nobody waits for it: a lost touch costs a minute of idle time, no more.
  site.database
    .transaction((tx) => tx.execute(site.database.dialect.compile(statement)))
    .catch((error: unknown) => site.log.debug({ err: error }, 'a session could not be marked as seen'))
}

function sessionOf(row: SessionRow): Session {
  return {
    id: row.id_hash,
    user: row.user,
    created: instantOfText(row.created),
    lastSeen: instantOfText(row.last_seen),
    expires: instantOfText(row.expires),
    ip: row.ip ?? '',
    device: row.device ?? '',
    csrfToken: row.csrf_token || undefined,
  }
}
