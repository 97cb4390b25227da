import { randomBytes } from 'node:crypto'
import type { Context } from '#kernel/context/context.ts'
import { join, sql } from '#kernel/database/sql.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import type { Site } from '#kernel/sites/site.ts'
import type { LiveEvent, Presence } from './event.ts'

const listenerTable = sql.id('__Listener')
const eventTable = sql.id('__Event')

/** How long a process counts as listening after its last word, in milliseconds. */
const lifetime = 60_000
/** How often it has to say so. */
export const renewEvery = 20_000
const cacheKey = 'realtime:listeners'
/** Rows taken at once. */
const atOnce = 500

interface Known {
  readonly ids: readonly string[]
  /** The first of them may be gone after this moment. */
  readonly until: number
}

/**
 * Says that a process listens; others learn of it before their next unit of work, because the `config` counter moves. Events that wait for
 * processes which are gone are deleted.
 * @returns the other processes that listen
 */
export async function startListening(site: Site, id: string): Promise<readonly string[]> {
  return site.asSystem('listens to live events', async (ctx) => {
    const now = Date.now()
    const expires = now + lifetime
    const { compile } = ctx.db.dialect
    const renewed = await ctx.db.execute(compile(sql`update ${listenerTable} set expires = ${expires} where id = ${id}`))
    if (renewed.changes === 0) {
      await ctx.db.execute(compile(sql`insert into ${listenerTable} (id, expires) values (${id}, ${expires})`))
      await bumpEpoch(ctx, 'config')
    }
    await ctx.db.execute(compile(sql`delete from ${listenerTable} where expires < ${now}`))
    await ctx.db.execute(compile(sql`delete from ${eventTable} where listener not in (select id from ${listenerTable})`))
    return (await readListeners(ctx)).filter((listener) => listener.id !== id).map((listener) => listener.id)
  })
}

/** Takes a process off the list. */
export async function stopListening(site: Site, id: string): Promise<void> {
  await site.asSystem('no longer listens to live events', async (ctx) => {
    const { compile } = ctx.db.dialect
    await ctx.db.execute(compile(sql`delete from ${listenerTable} where id = ${id}`))
    await ctx.db.execute(compile(sql`delete from ${eventTable} where listener = ${id}`))
    await bumpEpoch(ctx, 'config')
  })
}

/** The processes that listen, this one included: from memory when known, so that a save costs nothing. */
export function listenersOf(ctx: Context): readonly string[] | Promise<readonly string[]> {
  const known = ctx.site.cache.config.get(cacheKey) as Known | undefined
  return known && known.until > Date.now() ? known.ids : lookForListeners(ctx)
}

async function lookForListeners(ctx: Context): Promise<readonly string[]> {
  const epoch = ctx.site.epoch.config
  const found = await readListeners(ctx)
  const ids = found.map((listener) => listener.id)
  const known: Known = { ids, until: Math.min(Number.MAX_SAFE_INTEGER, ...found.map((listener) => listener.expires)) }
  if (ctx.site.epoch.config === epoch) ctx.site.cache.config.set(cacheKey, known)
  return ids
}

async function readListeners(ctx: Context): Promise<{ id: string; expires: number }[]> {
  const rows = await ctx.db.query<{ id: string; expires: number }>(
    ctx.db.dialect.compile(sql`select id, expires from ${listenerTable} where expires > ${Date.now()}`),
  )
  return rows.map((row) => ({ id: row.id, expires: Number(row.expires) }))
}

/** Puts an event down for other processes, in the caller's transaction: each takes its own row and deletes it. */
export async function relay(ctx: Context, listeners: readonly string[], word: LiveEvent | Presence, id: string = nextId()): Promise<void> {
  const payload = JSON.stringify({ id, word } satisfies Relayed)
  for (const listener of listeners)
    await ctx.db.execute(
      ctx.db.dialect.compile(sql`insert into ${eventTable} (id, listener, payload) values (${nextId()}, ${listener}, ${payload})`),
    )
}

/** What was put down for a process. */
export interface Relayed {
  readonly id: string
  readonly word: LiveEvent | Presence
}

let counter = 0

/** Ordered by time, and within a process by sequence; unique by chance. */
export function nextId(): string {
  counter = (counter + 1) % 1e6
  return `${String(Date.now()).padStart(15, '0')}-${String(counter).padStart(6, '0')}-${randomBytes(8).toString('hex')}`
}

/** Takes what waits for a process, oldest first. What was taken is not given again. */
export async function takeRelayed(site: Site, id: string): Promise<Relayed[]> {
  const { dialect } = site.database
  const taken: Relayed[] = []
  for (;;) {
    const rows = await site.database.query<{ id: string; payload: string }>(
      dialect.compile(sql`select id, payload from ${eventTable} where listener = ${id} order by id limit ${sql.lit(atOnce)}`),
    )
    if (rows.length === 0) return taken
    const ids = rows.map((row) => sql`${row.id}`)
    await site.database.transaction((tx) => tx.execute(dialect.compile(sql`delete from ${eventTable} where id in (${join(ids)})`)))
    for (const row of rows) taken.push(JSON.parse(row.payload) as Relayed)
    if (rows.length < atOnce) return taken
  }
}
