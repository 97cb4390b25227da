import { Readable } from 'node:stream'
import type { Site } from '#kernel/sites/site.ts'
import { mediaTypeOf } from './file-types.ts'
import { type ReceivedFile, receiveStream } from './received-file.ts'
import { shrink } from './shrink.ts'

export interface Optimizing {
  /** Pixels at most; default 1024. */
  readonly maxWidth?: number
  /** Pixels at most; default 768. */
  readonly maxHeight?: number
}

const optimized = new Set(['image/png', 'image/jpeg', 'image/webp'])

/**
 * A received picture made smaller, without what the camera wrote into it; of the same format. Anything else comes back as it is.
 * @throws PictureUnreadable, PicturesBusy
 */
export async function optimizePicture(
  site: Site,
  file: ReceivedFile,
  { maxWidth = 1024, maxHeight = 768 }: Optimizing,
): Promise<ReceivedFile> {
  if (!optimized.has(await mediaTypeOf(file.path, file.givenName))) return file
  const bytes = await shrink(file.path, { width: maxWidth, height: maxHeight, format: 'same', quality: 85 })
  return receiveStream(site, Readable.from([bytes]), file.givenName)
}
