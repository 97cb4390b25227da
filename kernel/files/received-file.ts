import { createHash, type Hash, randomUUID } from 'node:crypto'
import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { Site } from '#kernel/sites/site.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { settingNumber } from '#kernel/sites/settings.ts'
import { FileTooLarge, NoRoom } from './errors.ts'
import { urlOf } from './file-names.ts'
import { fileStoreOf, type StorePlace } from './file-store.ts'

/** The folder of what has arrived and has no place yet; cleaned up by `deleteAbandonedUploads`. */
export function incomingFolder(site: Site): string {
  return join(site.folder, 'private', 'incoming')
}

/** Bytes that one file may have: site config `max_file_size` in bytes, else the setting in MB, else 25 MB. */
export function fileSizeLimit(site: Site): number {
  const configured = Number(site.config.max_file_size)
  return configured > 0 ? configured : settingNumber(site, 'max_file_size', 25) * 1024 * 1024
}

/** What stands for a file of which only a part has come. */
export const partOfFile = Symbol('part of a file')

/** A file that arrived with a request: its bytes lie in a file of their own until `storeFile` gives them a place. */
export class ReceivedFile {
  readonly path: string
  /** As the caller calls it; not safe. */
  readonly givenName: string
  readonly size: number
  /** SHA-256, in hex. */
  readonly hash: string
  /** Places that this request filled; emptied again when it fails. */
  readonly #placed: StorePlace[] = []
  #kept: StorePlace | undefined

  constructor(path: string, givenName: string, size: number, hash: string) {
    this.path = path
    this.givenName = givenName
    this.size = size
    this.hash = hash
  }

  /** Remembers that bytes were put somewhere on account of this request. */
  placedAt(place: StorePlace): void {
    this.#placed.push(place)
  }

  /** The place that an earlier attempt of the same request filled, or that was filled before its transaction began. */
  get earlierPlace(): StorePlace | undefined {
    return this.#placed.at(-1)
  }

  /** Says where the bytes are after all: elsewhere they need not be kept. */
  keptAt(place: StorePlace): void {
    this.#kept = place
  }

  /** What a repeated request must agree on; where the bytes lie does not matter. */
  toJSON(): object {
    return { name: this.givenName, size: this.size, hash: this.hash }
  }

  /**
   * The request is done: what arrived goes, and so does what was placed in vain. What cannot be removed now is found by
   * `removeOrphans`.
   */
  async finish(site: Site, succeeded: boolean): Promise<void> {
    await rm(this.path, { force: true })
    for (const place of this.#placed) {
      if (succeeded && (!this.#kept || (place.name === this.#kept.name && place.isPrivate === this.#kept.isPrivate))) continue
      try {
        // A commit whose answer was lost may have happened: what has a record stays.
        if (!(await hasRecord(site, place))) await fileStoreOf(site).remove(place)
      } catch (error) {
        site.log.warn({ err: error, file: place.name }, 'a file that nobody needs could not be removed')
      }
    }
  }
}

async function hasRecord(site: Site, place: StorePlace): Promise<boolean> {
  const { database } = site
  const statement = sql`select 1 as one from ${ident('tabFile')} where ${ident('file_url')} = ${urlOf(place.name, place.isPrivate)} limit 1`
  return (await database.query(database.dialect.compile(statement))).length > 0
}

/**
 * Writes a stream to a file of its own, durably, counting and hashing on the way. Nothing stays when the stream breaks off or is too long.
 * @throws FileTooLarge, NoRoom
 */
export async function receiveStream(site: Site, stream: Readable, givenName: string): Promise<ReceivedFile> {
  await mkdir(incomingFolder(site), { recursive: true, mode: 0o700 })
  const path = join(incomingFolder(site), randomUUID())
  const hash = createHash('sha256')
  try {
    const size = await append(path, stream, fileSizeLimit(site), hash)
    return new ReceivedFile(path, givenName, size, hash.digest('hex'))
  } catch (error) {
    await rm(path, { force: true })
    throw error
  }
}

/** Appends a stream to a file and makes it durable. @returns the bytes added @throws FileTooLarge beyond `limit` bytes, NoRoom */
export async function append(path: string, stream: Readable, limit: number, hash?: Hash, at?: number): Promise<number> {
  const handle = await open(path, at === undefined ? 'a' : 'r+', 0o600)
  let size = 0
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      if (size + chunk.length > limit) throw new FileTooLarge({ field: 'file', limit })
      if (at === undefined) await handle.write(chunk)
      else await handle.write(chunk, 0, chunk.length, at + size)
      size += chunk.length
      hash?.update(chunk)
    }
    await handle.sync()
    return size
  } catch (cause) {
    throw isFull(cause) ? new NoRoom({ field: 'file' }, { cause }) : cause
  } finally {
    await handle.close()
  }
}

function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT', 'EFBIG'].includes((error as NodeJS.ErrnoException).code ?? '')
}
