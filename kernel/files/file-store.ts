import type { Readable } from 'node:stream'
import type { Site } from '#kernel/sites/site.ts'
import { DiskStore } from './disk-store.ts'
import { StoreMisconfigured } from './errors.ts'
import { readS3Settings } from './s3-settings.ts'
import { S3Store } from './s3-store.ts'

/** Where a file lies in a store. `name` is one that `safeFileName` made, perhaps with a suffix. */
export interface StorePlace {
  readonly name: string
  readonly isPrivate: boolean
  /** A picture that can be made again from a file; default: a file itself. */
  readonly kind?: 'file' | 'preview'
}

/** What a store knows of a file. */
export interface StoredFile {
  readonly size: number
  /** Milliseconds since 1970. */
  readonly modified: number
}

/** How a browser shall take what it fetches from the store itself. */
export interface Handover {
  /** The Content-Disposition header. */
  readonly disposition: string
  /** The Content-Type header. */
  readonly type: string
  /** For how long the address works. */
  readonly seconds: number
}

/**
 * Keeps the bytes of a site's files. What is placed is there for good once the promise resolves, and never overwrites.
 * Every method throws StoreUnavailable while a store elsewhere does not answer.
 */
export interface FileStore {
  readonly driver: 'disk' | 's3'
  /** Bytes go over the network: not to be placed while a transaction holds others up, and each file gets a name that was never given. */
  readonly isRemote: boolean
  /** Puts a local file's bytes at a free place. @returns false when the place is taken */
  place(target: StorePlace, localPath: string): Promise<boolean>
  /** The bytes from `start` to `end`, both included; all of them by default. */
  read(source: StorePlace, range?: { start: number; end: number }): Readable
  stat(source: StorePlace): Promise<StoredFile | undefined>
  /** Puts the same bytes at another free place. @returns false when the place is taken */
  copy(source: StorePlace, target: StorePlace): Promise<boolean>
  /** Removes it; nothing happens where there is none. */
  remove(source: StorePlace): Promise<void>
  /** Everything the store holds of this site, in no order; what comes or goes meanwhile may be missing. */
  list(): AsyncIterable<StorePlace & StoredFile>
  /** A local file with the bytes, to look into; not to be changed, and of a store elsewhere there for a day at least. */
  localPath(source: StorePlace): Promise<string>
  /** An address at which anybody gets the bytes for a short while; undefined: the store has none, or the site wants none handed out. */
  handOver(source: StorePlace, how: Handover): string | undefined
}

/** The store of a site, as its configuration's `files` says: folders below sites/<host>, or an S3 bucket. @throws StoreMisconfigured */
export function fileStoreOf(site: Site): FileStore {
  const key = 'files:store'
  const known = site.cache.config.get(key) as FileStore | undefined
  if (known) return known
  const made = openStore(site, String(site.config.files ?? 'disk'))
  site.cache.config.set(key, made)
  return made
}

/** The store of a driver, whichever is in use: to move files from one to the other. @throws StoreMisconfigured */
export function openStore(site: Site, driver: string): FileStore {
  if (driver === 'disk') return new DiskStore(site.folder)
  if (driver === 's3') return new S3Store(site, readS3Settings(site))
  throw new StoreMisconfigured({ field: 'files', reason: `"${driver.slice(0, 40)}" is neither disk nor s3` })
}
