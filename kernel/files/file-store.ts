import { createReadStream } from 'node:fs'
import { copyFile, constants, link, mkdir, open, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import type { Site } from '#kernel/sites/site.ts'

/** Where a file lies in a store. `name` is one that `safeFileName` made, perhaps with a suffix. */
export interface StorePlace {
  readonly name: string
  readonly isPrivate: boolean
}

/** What a store knows of a file. */
export interface StoredFile {
  readonly size: number
  /** Milliseconds since 1970. */
  readonly modified: number
}

/** Keeps the bytes of a site's files. What is placed is there for good once the promise resolves, and never overwrites. */
export interface FileStore {
  /** Puts a local file's bytes at a free place. @returns false when the place is taken */
  place(target: StorePlace, localPath: string): Promise<boolean>
  /** The bytes from `start` to `end`, both included; all of them by default. */
  read(source: StorePlace, range?: { start: number; end: number }): Readable
  stat(source: StorePlace): Promise<StoredFile | undefined>
  /** Removes it; nothing happens where there is none. */
  remove(source: StorePlace): Promise<void>
  /** A local file with the bytes, to copy or to look into. */
  localPath(source: StorePlace): Promise<string>
}

/** The store of a site: folders below sites/<host>. */
export function fileStoreOf(site: Site): FileStore {
  return new DiskStore(site.folder)
}

class DiskStore implements FileStore {
  readonly #folder: string

  constructor(siteFolder: string) {
    this.#folder = siteFolder
  }

  async place(target: StorePlace, localPath: string): Promise<boolean> {
    const path = this.#path(target)
    await mkdir(dirname(path), { recursive: true, mode: 0o750 })
    try {
      await link(localPath, path)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EEXIST') return false
      // Not every file system has hard links.
      if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EXDEV' && code !== 'EMLINK') throw error
      if (!(await copyWhole(localPath, path))) return false
    }
    await syncFolder(dirname(path))
    return true
  }

  read(source: StorePlace, range?: { start: number; end: number }): Readable {
    return createReadStream(this.#path(source), range)
  }

  async stat(source: StorePlace): Promise<StoredFile | undefined> {
    try {
      const found = await stat(this.#path(source))
      return found.isFile() ? { size: found.size, modified: found.mtimeMs } : undefined
    } catch (error) {
      if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
      throw error
    }
  }

  async remove(source: StorePlace): Promise<void> {
    await rm(this.#path(source), { force: true })
  }

  async localPath(source: StorePlace): Promise<string> {
    return this.#path(source)
  }

  #path({ name, isPrivate }: StorePlace): string {
    // Names come from the database too: one with a slash would leave the folder.
    if (name === '' || name.startsWith('.') || /[/\\\0]/.test(name)) throw new Error(`"${name}" cannot be the name of a stored file.`)
    return join(this.#folder, isPrivate ? 'private' : 'public', 'files', name)
  }
}

async function copyWhole(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
  const handle = await open(to, 'r+')
  await handle.sync().finally(() => handle.close())
  return true
}

/** A new name in a folder is durable only when the folder is. Some file systems cannot sync a folder; any other failure is one. */
async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EINVAL' && code !== 'ENOTSUP') throw error
  } finally {
    await handle.close()
  }
}
