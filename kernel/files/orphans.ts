import type { Row } from '#kernel/database/database.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { Site } from '#kernel/sites/site.ts'
import { urlOf } from './file-names.ts'
import { fileStoreOf, type StoredFile, type StorePlace } from './file-store.ts'
import { previewedName } from './previews.ts'

/** What a look for orphans found. */
export interface Orphans {
  /** Files and previews that were looked at. */
  readonly seen: number
  /** Those that no File document names. */
  readonly orphans: number
  readonly bytes: number
  /** Names of the first hundred, with `private/` before those that are. */
  readonly names: readonly string[]
}

const dayMs = 86_400_000
const batchSize = 500

/**
 * Days that bytes without a File document are kept: site config `files_orphan_days`, default 7; 0: for ever. They give uploads time to
 * end, and people to notice a database that was set back to an older day.
 */
export function orphanDays(site: Site): number {
  const days = site.config.files_orphan_days
  return typeof days === 'number' && days >= 0 ? days : 7
}

/**
 * Looks for bytes that no File document names: what a process left that was killed between placing and committing, or after a
 * deletion.
 * @param options.remove takes them away
 * @param options.days only what is at least so old; default `orphanDays`
 */
export async function findOrphans(site: Site, options: { remove: boolean; days?: number; signal?: AbortSignal }): Promise<Orphans> {
  const store = fileStoreOf(site)
  const found = { seen: 0, orphans: 0, bytes: 0, names: [] as string[] }
  const before = site.clock.now() - (options.days ?? orphanDays(site)) * dayMs
  const look = async (batch: readonly (StorePlace & StoredFile)[]): Promise<void> => {
    const named = await namedUrls(site, batch)
    for (const one of batch) {
      if (named.has(fileUrl(one))) continue
      found.orphans++
      found.bytes += one.size
      if (found.names.length < 100) found.names.push(`${one.isPrivate ? 'private/' : ''}${one.name}`)
      if (options.remove) await store.remove(one)
    }
  }
  let batch: (StorePlace & StoredFile)[] = []
  for await (const one of store.list()) {
    options.signal?.throwIfAborted()
    found.seen++
    if (one.modified > before) continue
    batch.push(one)
    if (batch.length < batchSize) continue
    await look(batch)
    batch = []
  }
  await look(batch)
  return found
}

/** The address of the file that bytes are, or are a preview of; of what is no preview's name, one that nobody has. */
function fileUrl({ name, isPrivate, kind }: StorePlace): string {
  return urlOf(kind === 'preview' ? (previewedName(name) ?? '') : name, isPrivate)
}

async function namedUrls(site: Site, batch: readonly StorePlace[]): Promise<Set<string>> {
  const urls = [...new Set(batch.map(fileUrl))]
  if (urls.length === 0) return new Set()
  const { database } = site
  const statement = sql`select ${ident('file_url')} from ${ident('tabFile')} where ${ident('file_url')} in (${sql.join(urls.map((url) => sql`${url}`))})`
  const rows = await database.query<Row>(database.dialect.compile(statement))
  return new Set(rows.map((row) => String(row.file_url)))
}
