import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Readable } from 'node:stream'
import type { Site } from '#kernel/sites/site.ts'
import { ChunkRefused } from './errors.ts'
import { append, fileSizeLimit, incomingFolder, ReceivedFile } from './received-file.ts'
import { fetchedFolder } from './s3-store.ts'

/** One part of a file that arrives in several requests, one after another. */
export interface Chunk {
  /** From 0. */
  readonly index: number
  readonly total: number
  /** Where its first byte belongs; undefined: after what is there. */
  readonly offset: number | undefined
  /** What tells this upload from others of the same user. */
  readonly upload: string
}

/** Parts that never came are given up after this long. */
const abandonedAfterMs = 24 * 3_600_000
const mostChunks = 100_000

/** The part of a file that the request's fields describe; undefined when the file comes whole. @throws ChunkRefused for nonsense */
export function chunkOf(fields: Readonly<Record<string, unknown>>, fileName: string): Chunk | undefined {
  const number = (...names: string[]): number | undefined => {
    const given = names.map((name) => fields[name]).find((value) => value !== undefined && value !== '')
    if (given === undefined) return undefined
    const value = Number(given)
    if (!Number.isSafeInteger(value) || value < 0)
      throw new ChunkRefused({ field: names[0] ?? '', reason: `${names[0]} is no whole number`, received: 0 })
    return value
  }
  const total = number('total_chunk_count', 'dztotalchunkcount')
  const index = number('chunk_index', 'dzchunkindex')
  if (total === undefined || index === undefined || total <= 1) return undefined
  if (total > mostChunks || index >= total)
    throw new ChunkRefused({ field: 'chunk_index', reason: 'there are not that many parts', received: 0 })
  const given = fields.upload_id ?? fields.dzuuid ?? fields.file_id
  const upload =
    typeof given === 'string' && given !== ''
      ? given
      : `${fileName}\n${total}\n${String(fields.total_file_size ?? fields.dztotalfilesize ?? '')}`
  return { index, total, offset: number('chunk_byte_offset', 'dzchunkbyteoffset'), upload }
}

/**
 * Adds a part to its file. Parts come in order; one that came before may come again, so that an upload goes on after a broken
 * connection: a refusal says how many bytes are there.
 * @returns the whole file after the last part, else undefined
 * @throws ChunkRefused, FileTooLarge
 */
export async function receiveChunk(
  site: Site,
  user: string,
  chunk: Chunk,
  stream: Readable,
  givenName: string,
): Promise<ReceivedFile | undefined> {
  const folder = incomingFolder(site)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, `part-${createHash('sha256').update(`${user}\n${chunk.upload}`).digest('hex')}`)
  if (chunk.index === 0 || !(await stat(path).catch(() => undefined))) await (await open(path, 'w', 0o600)).close()
  const received = (await stat(path).catch(() => undefined))?.size ?? 0
  const offset = chunk.offset ?? received
  if (offset > received) {
    stream.resume()
    throw new ChunkRefused({ field: 'chunk_byte_offset', reason: `${received} bytes are here, and it begins at ${offset}`, received })
  }
  await append(path, stream, fileSizeLimit(site) - offset, undefined, offset)
  if (chunk.index < chunk.total - 1) return undefined
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return new ReceivedFile(path, givenName, (await stat(path)).size, hash.digest('hex'))
}

/** Deletes what arrived and was never finished, and local copies of what lies elsewhere; a daily job. @returns how many files */
export async function deleteAbandonedUploads(site: Site): Promise<number> {
  return (await deleteOld(site, incomingFolder(site))) + (await deleteOld(site, fetchedFolder(site)))
}

async function deleteOld(site: Site, folder: string): Promise<number> {
  let deleted = 0
  for (const name of await readdir(folder).catch(() => [])) {
    const found = await stat(join(folder, name)).catch(() => undefined)
    if (!found || site.clock.now() - found.mtimeMs < abandonedAfterMs) continue
    await rm(join(folder, name), { force: true })
    deleted++
  }
  return deleted
}
