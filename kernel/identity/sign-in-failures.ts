import { isIPv6 } from 'node:net'
import { instantOfText, textOfInstant } from '#kernel/context/time.ts'
import type { Context } from '#kernel/context/context.ts'
import type { Query } from '#kernel/database/database.ts'
import { sql, type Sql } from '#kernel/database/sql.ts'
import type { Site } from '#kernel/sites/site.ts'
import { LockedOut } from './errors.ts'
import { keyedHash } from './keyed-hash.ts'
import { identitySettings } from './settings.ts'

const table = sql.id('__Sign_In_Failure')

/** From all addresses together an account takes this many times the failures that one address may cause. */
const everywhereFactor = 5
const forgottenAfterMs = 24 * 3_600_000

interface Counter {
  readonly key: string
  readonly allowed: number
}

/**
 * What counts against one attempt: the account from this address, and the account from anywhere. Names are hashed, because people type
 * passwords into the wrong box; whether the account exists makes no difference.
 */
function countersOf(site: Site, login: string, ip: string): Counter[] {
  const { allowedFailures } = identitySettings(site)
  const name = login.normalize('NFKC').toLowerCase()
  return [
    { key: keyedHash(site, 'sign-in-failure', `${name}\n${networkOf(ip)}`), allowed: allowedFailures },
    { key: keyedHash(site, 'sign-in-failure', name), allowed: allowedFailures * everywhereFactor },
  ]
}

/** @throws LockedOut with the seconds that remain */
export async function checkNotLocked(ctx: Context, login: string): Promise<void> {
  const counters = countersOf(ctx.site, login, ctx.request.ip)
  const { lockMs } = identitySettings(ctx.site)
  const rows = await ctx.site.database.query<{ key_hash: string; failures: number; last_failed: string }>(
    ctx.site.database.dialect.compile(
      sql`select key_hash, failures, last_failed from ${table} where key_hash in (${sql.join(counters.map((counter) => counter.key))})`,
    ),
  )
  for (const row of rows) {
    const allowed = counters.find((counter) => counter.key === row.key_hash)?.allowed ?? 0
    const openAt = instantOfText(row.last_failed) + lockMs
    if (row.failures >= allowed && openAt > ctx.clock.now()) throw new LockedOut({ seconds: Math.ceil((openAt - ctx.clock.now()) / 1000) })
  }
}

/** Counts one failure. Run in a unit of work of its own, so that it stays whatever becomes of the caller's. */
export async function countFailure(ctx: Context, login: string): Promise<void> {
  const now = ctx.clock.now()
  const { lockMs } = identitySettings(ctx.site)
  for (const { key, allowed } of countersOf(ctx.site, login, ctx.request.ip)) {
    await ctx.db.execute(countStatement(ctx.site, key, allowed, now, lockMs))
  }
}

function countStatement(site: Site, key: string, allowed: number, now: number, lockMs: number): Query {
  const { compile, name } = site.database.dialect
  const old = (column: string): Sql => (name === 'mariadb' ? sql.id(column) : sql.id('__Sign_In_Failure', column))
  // Who sat out the lock starts anew, and a failure of yesterday no longer counts.
  const counted = sql`case when (${old('failures')} >= ${allowed} and ${old('last_failed')} <= ${textOfInstant(now - lockMs)})
    or ${old('last_failed')} <= ${textOfInstant(now - forgottenAfterMs)} then 1 else ${old('failures')} + 1 end`
  const insert = sql`insert into ${table} (key_hash, failures, last_failed) values (${key}, 1, ${textOfInstant(now)})`
  // MariaDB assigns from left to right: the count must look at the old time.
  if (name === 'mariadb') return compile(sql`${insert} on duplicate key update failures = ${counted}, last_failed = ${textOfInstant(now)}`)
  return compile(sql`${insert} on conflict (key_hash) do update set failures = ${counted}, last_failed = ${textOfInstant(now)}`)
}

/** Forgets the failures of an account after it signed in from this address. */
export async function clearFailures(ctx: Context, login: string): Promise<void> {
  const keys = countersOf(ctx.site, login, ctx.request.ip).map((counter) => counter.key)
  await ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${table} where key_hash in (${sql.join(keys)})`))
}

/** Deletes counts that matter no more; a daily job. */
export async function deleteOldFailures(ctx: Context): Promise<void> {
  await ctx.db.execute(
    ctx.db.dialect.compile(sql`delete from ${table} where last_failed < ${textOfInstant(ctx.clock.now() - 2 * forgottenAfterMs)}`),
  )
}

/** The part of an address that one party controls: all of an IPv4 address, the first 64 bits of an IPv6 one. */
export function networkOf(ip: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)
  if (mapped) return mapped[1] as string
  if (!isIPv6(ip)) return ip
  const [head = '', tail] = ip.split('%')[0]?.split('::') ?? []
  const left = head === '' ? [] : head.split(':')
  const right = tail ? tail.split(':') : []
  const groups = tail === undefined ? left : [...left, ...Array<string>(Math.max(8 - left.length - right.length, 0)).fill('0'), ...right]
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group || '0', 16).toString(16))
    .join(':')
}
