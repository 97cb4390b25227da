import type { Context } from '#kernel/context/context.ts'
import { join, sql } from '#kernel/database/sql.ts'
import { find } from '#kernel/documents/load.ts'
import { ServiceFailed, ServiceTransient } from '#kernel/external/errors.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import type { Site } from '#kernel/sites/site.ts'
import { attachedTexts, dayOf } from '../attached-texts.ts'
import { entriesOf } from '../document-text.ts'
import { searchPlan } from '../search-plan.ts'
import { learnWords } from '../words.ts'
import { askOpenSearch, indexName, openSearchService } from './connection.ts'
import { documentId, indexDefinition, type StoredDocument, storedDocument } from './stored-document.ts'

const versions = sql.id('__Search_Feed')
/** Bytes of one request, about. */
const mostBytes = 4_000_000

/** Has documents sent to OpenSearch, or taken out of it, once the context's transaction is committed. */
export async function feedLater(ctx: Context, doctype: string, names: readonly string[]): Promise<void> {
  const [only] = names
  const options = names.length === 1 ? { key: `${doctype}\n${only}` } : {}
  await enqueue(ctx, 'core.feed-opensearch', { doctype, names }, options)
}

/** Has all documents of a DocType taken out of OpenSearch after the commit. */
export async function clearLater(ctx: Context, doctype: string): Promise<void> {
  await enqueue(ctx, 'core.clear-opensearch', { doctype }, { key: doctype })
}

/**
 * Sends documents as they are now. Each goes with a version that was raised under a lock before it was read: of two that are sent at
 * once or late, the one that was read last stays, whatever the order of arrival.
 * @returns how many were sent, taken out, and came too late to count
 * @throws what `askOpenSearch` throws
 */
export async function feedDocuments(site: Site, doctype: string, names: readonly string[], signal: AbortSignal): Promise<FeedCount> {
  const changes = await site.asSystem('read what OpenSearch is to hold', (ctx) => readChanges(ctx, doctype, names))
  const count = { sent: 0, removed: 0, late: 0 }
  for (let at = 0; at < changes.length; ) {
    let lines = ''
    for (; at < changes.length && (lines === '' || lines.length < mostBytes); at++) lines += linesOf(changes[at] as Change)
    await send(site, lines, signal, count)
  }
  return count
}

export interface FeedCount {
  sent: number
  removed: number
  late: number
}

/** Takes the documents of a DocType that is no longer searched out of OpenSearch. */
export async function clearDocType(site: Site, doctype: string, signal: AbortSignal): Promise<void> {
  await askOpenSearch(site, 'clear', {
    method: 'POST',
    path: `/${indexName(site)}/_delete_by_query?conflicts=proceed`,
    body: { query: { term: { doctype } } },
    also: [404],
    signal,
  })
  await site.asSystem('forget what OpenSearch held', async (ctx) => {
    await ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${versions} where doctype = ${doctype}`))
  })
}

/** A document to store, or to remove where it has no content. */
interface Change {
  readonly id: string
  readonly version: number
  readonly content: StoredDocument | undefined
}

async function readChanges(ctx: Context, doctype: string, names: readonly string[]): Promise<Change[]> {
  if (!(await ctx.site.meta.exists(doctype))) return []
  const meta = await ctx.site.meta.get(doctype)
  const plan = await searchPlan(ctx, meta)
  const changes: Change[] = []
  const gone: string[] = []
  const terms: string[] = []
  // In one order everywhere, so that two who feed the same documents do not wait for each other in a circle.
  for (const name of [...names].sort()) {
    const version = await raiseVersion(ctx, doctype, name)
    const document = plan ? await find(ctx, meta, name) : undefined
    const id = documentId(doctype, name)
    if (!plan || !document || document.docstatus === 2) {
      gone.push(name)
      changes.push({ id, version, content: undefined })
      continue
    }
    const entries = entriesOf(plan, document, await attachedTexts(ctx, document))
    changes.push({ id, version, content: storedDocument({ doctype, name, day: dayOf(document) }, plan.layout, entries) })
    for (const entry of entries.slice(-1)) terms.push(...entry.titleTerms, ...entry.bodyTerms)
  }
  if (gone.length > 0) {
    const list = join(gone.map((name) => sql`${name}`))
    await ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${versions} where doctype = ${doctype} and name in (${list})`))
  }
  await learnWords(ctx, terms)
  return changes
}

/** Never less than the time in microseconds, so that a document that was deleted and made again does not begin below its old self. */
async function raiseVersion(ctx: Context, doctype: string, name: string): Promise<number> {
  const { dialect } = ctx.db
  const least = ctx.clock.now() * 1000
  const conflict =
    dialect.name === 'mariadb'
      ? sql`on duplicate key update version = greatest(version + 1, values(version))`
      : sql`on conflict (doctype, name) do update
          set version = case when ${versions}.version >= excluded.version then ${versions}.version + 1 else excluded.version end`
  await ctx.db.execute(
    dialect.compile(sql`insert into ${versions} (doctype, name, version) values (${doctype}, ${name}, ${least}) ${conflict}`),
  )
  const [row] = await ctx.db.query<{ version: number }>(
    dialect.compile(sql`select version from ${versions} where doctype = ${doctype} and name = ${name}`),
  )
  return Number(row?.version ?? least)
}

function linesOf({ id, version, content }: Change): string {
  const about = { _id: id, version, version_type: 'external' }
  return content ? `${JSON.stringify({ index: about })}\n${JSON.stringify(content)}\n` : `${JSON.stringify({ delete: about })}\n`
}

interface BulkItem {
  readonly status: number
  readonly error?: { readonly type: string }
}

async function send(site: Site, lines: string, signal: AbortSignal, count: FeedCount): Promise<void> {
  await findIndex(site, signal)
  for (let isSecond = false; ; isSecond = true) {
    const path = `/${indexName(site)}/_bulk?require_alias=true&filter_path=items.*.status,items.*.error.type`
    const { body } = await askOpenSearch(site, 'feed', { method: 'POST', path, body: lines, signal })
    const items = ((body as { items?: Record<string, BulkItem>[] } | undefined)?.items ?? []).map(
      (item) => Object.entries(item)[0] as [string, BulkItem],
    )
    if (!isSecond && items.some(([, item]) => item.error?.type === 'index_not_found_exception')) {
      await makeIndex(site, signal)
      continue
    }
    for (const [kind, { status, error }] of items) {
      if (status === 409) count.late++
      else if (status < 300) count[kind === 'delete' ? 'removed' : 'sent']++
      else if (kind === 'delete' && status === 404) count.removed++
      else throw refused(status, error?.type ?? 'unknown')
    }
    return
  }
}

function refused(status: number, type: string): Error {
  const about = { service: openSearchService.name, operation: 'feed', http: status, reason: `a document was refused with ${type}` }
  return status === 429 || status >= 500 ? new ServiceTransient(about) : new ServiceFailed(about)
}

/** Makes the index where there is none, once per process: OpenSearch would make one of its own fashion for the first thing it is sent. */
async function findIndex(site: Site, signal: AbortSignal): Promise<void> {
  const key = `search:opensearch:${indexName(site)}`
  if (site.cache.config.has(key)) return
  const { status } = await askOpenSearch(site, 'find index', { method: 'GET', path: `/_alias/${indexName(site)}`, also: [404], signal })
  if (status === 404) await makeIndex(site, signal)
  site.cache.config.set(key, true)
}

/** Somebody else may make it at the same moment. */
async function makeIndex(site: Site, signal: AbortSignal): Promise<void> {
  const name = indexName(site)
  const body = { ...indexDefinition, aliases: { [name]: {} } }
  const answer = await askOpenSearch(site, 'make index', { method: 'PUT', path: `/${name}-1`, body, also: [400], signal })
  const type = (answer.body as { error?: { type?: string } } | undefined)?.error?.type
  if (answer.status === 400 && type !== 'resource_already_exists_exception') throw refused(400, type ?? 'unknown')
}
