import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import type { Row } from '#kernel/database/database.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { Site } from '#kernel/sites/site.ts'
import { placeOf } from './file-names.ts'
import type { FileStore, StorePlace } from './file-store.ts'

/** How far a move came. */
export interface Moved {
  /** Files that were brought over now. */
  copied: number
  /** Files that were there already, with the same bytes. */
  present: number
  /** Addresses of files that neither store has. */
  missing: string[]
  /** Addresses of files of which the other store has different bytes. */
  different: string[]
}

const batchSize = 200

/**
 * Brings every file that a File document names from one store to another and compares the bytes there, by SHA-256, with those here.
 * Nothing is removed. Ended at any point, it is begun anew: what is over there is compared and not sent again.
 */
export async function copyFiles(site: Site, from: FileStore, to: FileStore, onProgress: (files: number) => void): Promise<Moved> {
  const moved: Moved = { copied: 0, present: 0, missing: [], different: [] }
  let files = 0
  for await (const url of addresses(site)) {
    const place = placeOf(url)
    if (!place) continue
    await copyOne(from, to, place, url, moved)
    if (++files % batchSize === 0) onProgress(files)
  }
  return moved
}

/** Takes the files out of a store that is no longer used; only those which the other one has. @returns how many */
export async function clearStore(from: FileStore, to: FileStore): Promise<number> {
  let removed = 0
  for await (const place of from.list()) {
    // Previews are made again where they are wanted.
    if (place.kind !== 'preview' && (await to.stat(place))?.size !== place.size) continue
    await from.remove(place)
    removed++
  }
  return removed
}

async function copyOne(from: FileStore, to: FileStore, place: StorePlace, url: string, moved: Moved): Promise<void> {
  const [here, there] = [await from.stat(place), await to.stat(place)]
  if (!here) {
    // Uploaded since the change, or moved by an earlier run that was told to clear up.
    if (there) moved.present++
    else moved.missing.push(url)
    return
  }
  const isNew = there === undefined && (await send(from, to, place))
  if ((await hashOf(from, place)) !== (await hashOf(to, place))) moved.different.push(url)
  else if (isNew) moved.copied++
  else moved.present++
}

async function send(from: FileStore, to: FileStore, place: StorePlace): Promise<boolean> {
  const path = await from.localPath(place)
  try {
    return await to.place(place, path)
  } finally {
    // A copy of what lies elsewhere has done its duty: all of them together may be more than the disk takes.
    if (from.isRemote) await rm(path, { force: true })
  }
}

async function hashOf(store: FileStore, place: StorePlace): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(store.read(place), hash)
  return hash.digest('hex')
}

/** Each address once, in order, a batch at a time. */
async function* addresses(site: Site): AsyncGenerator<string> {
  const { database } = site
  for (let last = ''; ; ) {
    const rows = await database.query<Row>(
      database.dialect.compile(
        sql`select distinct ${ident('file_url')} from ${ident('tabFile')} where ${ident('file_url')} > ${last} and is_folder = 0 order by ${ident('file_url')} limit ${batchSize}`,
      ),
    )
    for (const row of rows) yield String(row.file_url)
    if (rows.length < batchSize) return
    last = String(rows.at(-1)?.file_url)
  }
}
