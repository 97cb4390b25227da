import { createReadStream } from 'node:fs'
import { constants, copyFile, link, mkdir, open, opendir, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import type { FileStore, StoredFile, StorePlace } from './file-store.ts'

/** Files in folders of the site: `public/files`, `private/files`, and previews beside them. */
export class DiskStore implements FileStore {
  readonly driver = 'disk'
  readonly isRemote = false
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

  copy(source: StorePlace, target: StorePlace): Promise<boolean> {
    return this.place(target, this.#path(source))
  }

  async remove(source: StorePlace): Promise<void> {
    await rm(this.#path(source), { force: true })
  }

  async *list(): AsyncGenerator<StorePlace & StoredFile> {
    for (const kind of ['file', 'preview'] as const) {
      for (const isPrivate of [false, true]) {
        const folder = await opendir(this.#folderOf({ isPrivate, kind })).catch((error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOENT') return []
          throw error
        })
        for await (const entry of folder) {
          if (!entry.isFile() || entry.name.startsWith('.')) continue
          const place = { name: entry.name, isPrivate, kind }
          const stored = await this.stat(place)
          if (stored) yield { ...place, ...stored }
        }
      }
    }
  }

  async localPath(source: StorePlace): Promise<string> {
    return this.#path(source)
  }

  /** What lies here is served by this site's processes. */
  handOver(): undefined {
    return undefined
  }

  #path(place: StorePlace): string {
    return join(this.#folderOf(place), checkedName(place.name))
  }

  #folderOf({ isPrivate, kind }: Omit<StorePlace, 'name'>): string {
    return join(this.#folder, isPrivate ? 'private' : 'public', kind === 'preview' ? 'previews' : 'files')
  }
}

/** Names come from the database too: one with a slash would leave the folder. @throws Error */
export function checkedName(name: string): string {
  if (name === '' || name.startsWith('.') || /[/\\\0]/.test(name)) throw new Error(`"${name}" cannot be the name of a stored file.`)
  return name
}

async function copyWhole(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    await rm(to, { force: true })
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
