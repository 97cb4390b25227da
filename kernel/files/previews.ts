import { randomUUID } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Site } from '#kernel/sites/site.ts'
import { PicturesBusy, PictureUnreadable, StoreUnavailable } from './errors.ts'
import { fileStoreOf, type StoredFile, type StorePlace } from './file-store.ts'
import { incomingFolder } from './received-file.ts'
import { shrink } from './shrink.ts'

/** Pixels of the longer side, at most. */
export const previewSizes = [64, 320, 1280] as const
type PreviewSize = (typeof previewSizes)[number]

/** What small pictures are made of. SVG is a program and not among them. */
const pictures = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif', 'image/tiff'])

/** Whether files of a type, as their bytes say it, have small pictures. */
export function hasPreviews(type: string): boolean {
  return pictures.has(type)
}

/** Where a file's small picture is served: beside the file, to the same people. */
export function previewUrl(url: string, size: PreviewSize = 320): string {
  return `${url}?preview=${size}`
}

/** The size that a query's `preview` names. */
export function previewSize(text: string): PreviewSize | undefined {
  return previewSizes.find((size) => String(size) === text)
}

/** The hash is part of the name: whatever gets the file's name next has pictures of its own. */
function previewPlace({ name, isPrivate }: StorePlace, hash: string, size: PreviewSize): StorePlace {
  return { name: `${name}~${hash.slice(0, 16)}-${size}.webp`, isPrivate, kind: 'preview' }
}

/** The name of the file that a preview was made of; undefined for what is no name of a preview. */
export function previewedName(name: string): string | undefined {
  return /^(.+)~[0-9a-f]{16}-\d{1,4}\.webp$/.exec(name)?.[1]
}

/**
 * The small picture of a file, made now if nobody wanted it before.
 * @param hash of the file's bytes
 * @returns undefined where none can be made
 * @throws PicturesBusy, StoreUnavailable
 */
export async function preview(
  site: Site,
  file: StorePlace,
  hash: string,
  size: PreviewSize,
): Promise<{ place: StorePlace; stored: StoredFile } | undefined> {
  const store = fileStoreOf(site)
  const place = previewPlace(file, hash, size)
  const stored = (await store.stat(place)) ?? (await makePreviews(site, file, hash).then(() => store.stat(place)))
  // An empty one says that somebody tried.
  return stored && stored.size > 0 ? { place, stored } : undefined
}

/** Makes the small pictures of a file that are not there, from largest to smallest. @returns whether there are any */
export async function makePreviews(site: Site, file: StorePlace, hash: string): Promise<boolean> {
  const store = fileStoreOf(site)
  let source: string | Buffer = await store.localPath(file)
  let isPicture = true
  for (const size of previewSizes.toReversed()) {
    const made: Buffer | undefined = isPicture ? await shrunken(source, size) : undefined
    isPicture = made !== undefined
    await placeBytes(site, previewPlace(file, hash, size), made ?? Buffer.alloc(0))
    if (made) source = made
  }
  return isPicture
}

/** Takes away the small pictures of a file whose bytes go. */
export async function removePreviews(site: Site, file: StorePlace, hash: string): Promise<void> {
  for (const size of previewSizes) await fileStoreOf(site).remove(previewPlace(file, hash, size))
}

async function shrunken(source: string | Buffer, size: number): Promise<Buffer | undefined> {
  try {
    return await shrink(source, { width: size, height: size, format: 'webp' })
  } catch (error) {
    if (PicturesBusy.is(error) || StoreUnavailable.is(error) || !PictureUnreadable.is(error)) throw error
    return undefined
  }
}

async function placeBytes(site: Site, place: StorePlace, bytes: Buffer): Promise<void> {
  await mkdir(incomingFolder(site), { recursive: true, mode: 0o700 })
  const path = join(incomingFolder(site), randomUUID())
  try {
    await writeFile(path, bytes, { mode: 0o600 })
    // Taken: somebody else made the same at the same time.
    await fileStoreOf(site).place(place, path)
  } finally {
    await rm(path, { force: true })
  }
}
