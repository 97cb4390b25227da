import type { Context } from '#kernel/context/context.ts'
import type { SqlValue } from '#kernel/database/database.ts'
import { join, sql } from '#kernel/database/sql.ts'
import { find } from '#kernel/documents/load.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { hasCountedNames } from '#kernel/query/columns.ts'
import { entriesOf } from './document-text.ts'
import { searchedDocTypes } from './allowed-rows.ts'
import { putEntries } from './keep-index.ts'
import { indexName, keepsDatabaseIndex, usesOpenSearch } from './opensearch/connection.ts'
import { clearLater, feedLater } from './opensearch/feed.ts'
import { searchIndex } from './search-index.ts'
import { type SearchPlan, searchPlan } from './search-plan.ts'
import { forgetVectors, keepVectors } from './vectors.ts'
import { learnWords } from './words.ts'

const states = sql.id('__Search_State')
/** Documents of one transaction: on SQLite others wait for it. */
const batchSize = 100

interface StateRow {
  readonly doctype: string
  readonly signature: string
  /** Name of the document that was indexed last. */
  readonly progress: string
  readonly is_done: number
  readonly documents: number
  readonly changed: number
}

/** How far the index of one DocType is. */
export interface SearchStatus {
  readonly doctype: string
  /** `stale`: fields were added or taken away since, or it never was built; documents saved meanwhile are found all the same. */
  readonly state: 'ready' | 'building' | 'stale'
  readonly documents: number
  readonly entries: number
}

/** Runs work in a unit of its own, with full rights, and commits it. */
export type InUnit = <T>(key: string, work: (ctx: Context) => Promise<T>) => Promise<T>

export interface RebuildOptions {
  /** Only this DocType. */
  readonly doctype?: string
  /** Also what is up to date, from the beginning. */
  readonly force?: boolean
  readonly onProgress?: (doctype: string, documents: number) => Promise<void> | void
}

/**
 * Indexes the documents of every searched DocType whose index is not up to date, a hundred in a transaction. Ended at any point, the next
 * run goes on where it stopped. Takes DocTypes that are no longer searched out of the index.
 * @returns documents indexed
 */
export async function rebuildSearch(inUnit: InUnit, options: RebuildOptions = {}): Promise<number> {
  const wanted = await inUnit('begin', (ctx) => begin(ctx, options))
  let total = 0
  for (const doctype of wanted) {
    for (let round = 0; ; round++) {
      const made = await inUnit(`${doctype} ${round}`, (ctx) => indexBatch(ctx, doctype))
      total += made
      if (made > 0) await options.onProgress?.(doctype, total)
      if (made < batchSize) break
    }
  }
  return total
}

/** How far the index of each searched DocType is. */
export async function searchStatus(ctx: Context): Promise<SearchStatus[]> {
  const known = await readStates(ctx)
  const counts = await ctx.db.query<{ doctype: string; n: number }>(
    ctx.db.dialect.compile(
      sql`select doctype, count(*) as n from ${sql.id(usesOpenSearch(ctx.site) ? '__Search_Feed' : '__Search_Entry')} group by doctype`,
    ),
  )
  const statuses: SearchStatus[] = []
  for (const doctype of await searchedDocTypes(ctx)) {
    const plan = await searchPlan(ctx, await ctx.site.meta.get(doctype))
    const state = known.get(doctype)
    const isCurrent = state !== undefined && state.signature === signatureOf(ctx, plan)
    statuses.push({
      doctype,
      state: !isCurrent ? 'stale' : Number(state.is_done) === 1 ? 'ready' : 'building',
      documents: Number(state?.documents ?? 0),
      entries: Number(counts.find((one) => one.doctype === doctype)?.n ?? 0),
    })
  }
  return statuses
}

/** Has the documents indexed anew that show the name of another in a searched field, after that was renamed. */
export async function markLinking(ctx: Context, target: string): Promise<void> {
  const linking: string[] = []
  for (const doctype of await searchedDocTypes(ctx)) {
    const plan = await searchPlan(ctx, await ctx.site.meta.get(doctype))
    if (plan?.fields.some(({ field }) => field.fieldtype === 'Link' && field.options === target)) linking.push(doctype)
  }
  if (linking.length === 0) return
  const names = join(linking.map((doctype) => sql`${doctype}`))
  await ctx.db.execute(
    ctx.db.dialect.compile(sql`update ${states} set is_done = 0, progress = ${''}, documents = 0 where doctype in (${names})`),
  )
}

/** Has a DocType gone through again by the next rebuild, because something of it could not be indexed. */
export async function markStale(ctx: Context, doctype: string): Promise<void> {
  await ctx.db.execute(
    ctx.db.dialect.compile(sql`update ${states} set is_done = 0, progress = ${''}, documents = 0 where doctype = ${doctype}`),
  )
}

/** Notes what is to be done and takes away what is no longer searched. @returns the DocTypes to go through */
async function begin(ctx: Context, { doctype: only, force }: RebuildOptions): Promise<string[]> {
  const known = await readStates(ctx)
  const searched = await searchedDocTypes(ctx)
  for (const doctype of known.keys()) {
    if (searched.includes(doctype)) continue
    await searchIndex(ctx).removeAll(ctx, doctype)
    if (usesOpenSearch(ctx.site)) await clearLater(ctx, doctype)
    await forgetVectors(ctx, doctype)
    await ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${states} where doctype = ${doctype}`))
  }
  const wanted: string[] = []
  for (const doctype of searched) {
    if (only !== undefined && doctype !== only) continue
    const plan = await searchPlan(ctx, await ctx.site.meta.get(doctype))
    const state = known.get(doctype)
    const isCurrent = !force && state?.signature === signatureOf(ctx, plan)
    if (isCurrent && Number(state?.is_done) === 1) continue
    wanted.push(doctype)
    if (isCurrent) continue
    if (force) await searchIndex(ctx).removeAll(ctx, doctype)
    await writeState(ctx, { doctype, signature: signatureOf(ctx, plan), progress: '', is_done: 0, documents: 0 }, state !== undefined)
  }
  return wanted
}

/** Changes whenever documents must be indexed anew, also because the index is to be elsewhere. */
function signatureOf(ctx: Context, plan: SearchPlan | undefined): string {
  const { site } = ctx
  const place = usesOpenSearch(site) ? `${indexName(site)}${keepsDatabaseIndex(site) ? ' and database' : ''} ` : ''
  return `${place}${plan?.signature ?? ''}`
}

async function indexBatch(ctx: Context, doctype: string): Promise<number> {
  const meta = await ctx.site.meta.get(doctype)
  const plan = await searchPlan(ctx, meta)
  await ctx.db.begin()
  const state = (await readStates(ctx)).get(doctype)
  if (!plan || !state || Number(state.is_done) === 1) return 0
  const names = await namesAfter(ctx, meta, state.progress)
  await indexDocuments(ctx, meta, plan, names)
  const documents = Number(state.documents) + names.length
  const progress = String(names.at(-1) ?? state.progress)
  await writeState(ctx, { ...state, progress, is_done: names.length < batchSize ? 1 : 0, documents }, true)
  return names.length
}

async function indexDocuments(ctx: Context, meta: Meta, plan: SearchPlan, names: readonly SqlValue[]): Promise<void> {
  if (usesOpenSearch(ctx.site) && names.length > 0) await feedLater(ctx, meta.name, names.map(String))
  const isInDatabase = keepsDatabaseIndex(ctx.site)
  const terms: string[] = []
  for (const name of names) {
    // Locked, so that nobody's newer text is overwritten with what was read before.
    const document = await find(ctx, meta, name as string | number, true)
    if (!document) continue
    if (document.docstatus === 2) {
      if (isInDatabase) await searchIndex(ctx).remove(ctx, meta.name, String(document.name))
      continue
    }
    await keepVectors(ctx, document)
    if (!isInDatabase) continue
    await putEntries(ctx, plan, document, true)
    for (const entry of entriesOf(plan, document).slice(-1)) terms.push(...entry.titleTerms, ...entry.bodyTerms)
  }
  await learnWords(ctx, terms)
}

async function namesAfter(ctx: Context, meta: Meta, progress: string): Promise<SqlValue[]> {
  const after = hasCountedNames(meta) ? Number(progress || 0) : progress
  const rows = await ctx.db.query<{ name: SqlValue }>(
    ctx.db.dialect.compile(
      sql`select name from ${sql.id(meta.table)} where name > ${after} order by name limit ${sql.raw(String(batchSize))}`,
    ),
  )
  return rows.map(({ name }) => name)
}

async function readStates(ctx: Context): Promise<Map<string, StateRow>> {
  const rows = await ctx.db.query<StateRow>(
    ctx.db.dialect.compile(sql`select doctype, signature, progress, is_done, documents, changed from ${states}`),
  )
  return new Map(rows.map((row) => [row.doctype, row]))
}

async function writeState(ctx: Context, state: Omit<StateRow, 'changed'>, isKnown: boolean): Promise<void> {
  const { doctype, signature, progress, is_done: isDone, documents } = state
  const now = ctx.clock.now()
  const statement = isKnown
    ? sql`update ${states} set signature = ${signature}, progress = ${progress}, is_done = ${isDone}, documents = ${documents}, changed = ${now}
        where doctype = ${doctype}`
    : sql`insert into ${states} (doctype, signature, progress, is_done, documents, changed)
        values (${doctype}, ${signature}, ${progress}, ${isDone}, ${documents}, ${now})`
  await ctx.db.execute(ctx.db.dialect.compile(statement))
}
