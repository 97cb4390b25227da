import type { Context, Principal } from '#kernel/context/context.ts'
import type { RequestDatabase } from '#kernel/context/request-database.ts'

/** How a document reached somebody. `realtime`: they may now hear of its changes. */
export type ReadPath = 'read' | 'list' | 'link' | 'search' | 'report' | 'export' | 'print' | 'file' | 'realtime'

/** One document that went to one person in one unit of work. */
export interface DeliveredRead {
  readonly doctype: string
  /** Undefined: figures over several documents, none of which is shown. */
  readonly name: string | undefined
  readonly path: ReadPath
  /** Who got it. */
  readonly user: Principal
}

/**
 * Hears, once at the end of a unit of work, what went out of the DocTypes that it is declared for: each document and person once. Runs
 * elevated; what it writes is committed before the answer leaves, and where it throws, nothing leaves.
 */
export type ReadListener = (ctx: Context, reads: readonly DeliveredRead[]) => Promise<void>

interface Noted {
  readonly reads: Map<string, DeliveredRead>
  /** What the whole unit of work is for, where that says more than the single read. */
  purpose: ReadPath | undefined
}

/** By what all contexts of one unit of work share. */
const notes = new WeakMap<RequestDatabase, Noted>()

/** Whether an app listens to reads of a DocType: one look into a map, so that reads of all others cost nothing. */
export function isWatched(ctx: Context, doctype: string): boolean {
  return ctx.elevation === undefined && ctx.site.apps.readListeners(doctype).length > 0
}

/** Remembers that documents go to the acting user. What the platform reads for itself, with a stated reason, goes to nobody. */
export function noteReads(ctx: Context, doctype: string, names: Iterable<unknown>, path: ReadPath): void {
  if (!isWatched(ctx, doctype)) return
  const { reads } = noted(ctx)
  for (const given of names) {
    if (given === null || given === undefined || given === '') continue
    const name = String(given)
    const key = `${ctx.user.name}\n${doctype}\n${name}`
    if (!reads.has(key)) reads.set(key, { doctype, name, path, user: ctx.user })
  }
}

/** Remembers that figures over documents go to the acting user: numbers and groups that show no single one. */
export function noteFigures(ctx: Context, doctype: string, path: ReadPath): void {
  if (!isWatched(ctx, doctype)) return
  const { reads } = noted(ctx)
  const key = `${ctx.user.name}\n${doctype}\n`
  if (!reads.has(key)) reads.set(key, { doctype, name: undefined, path, user: ctx.user })
}

/** Says what this unit of work reads for: its reads are told as that, however each came about. */
export function readsFor(ctx: Context, purpose: ReadPath): void {
  if (ctx.site.apps.watchesReads) noted(ctx).purpose = purpose
}

/** What was read so far, and forgets it; undefined: nothing that anybody listens to. */
export function takeReads(ctx: Context): readonly DeliveredRead[] | undefined {
  const found = notes.get(ctx.db)
  if (!found || found.reads.size === 0) return undefined
  notes.delete(ctx.db)
  const { purpose } = found
  return [...found.reads.values()].map((read) => (purpose ? { ...read, path: purpose } : read))
}

/** Tells those who listen. @param ctx elevated, of a unit of work that will be committed */
export async function tellReads(ctx: Context, reads: readonly DeliveredRead[]): Promise<void> {
  const heard = new Map<ReadListener, DeliveredRead[]>()
  for (const read of reads)
    for (const listener of ctx.site.apps.readListeners(read.doctype)) {
      const own = heard.get(listener)
      if (own) own.push(read)
      else heard.set(listener, [read])
    }
  for (const [listener, own] of heard) await listener(ctx, own)
}

function noted(ctx: Context): Noted {
  const found = notes.get(ctx.db)
  if (found) return found
  const made: Noted = { reads: new Map(), purpose: undefined }
  notes.set(ctx.db, made)
  return made
}
