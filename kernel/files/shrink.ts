import type { SharpConstructor } from 'sharp'
import { PicturesBusy, PictureUnreadable } from './errors.ts'

export interface Shrinking {
  /** Pixels at most; the proportions stay, and nothing is made larger. */
  readonly width: number
  readonly height: number
  /** `same`: as it came. */
  readonly format: 'webp' | 'same'
  /** 1–100; default 80. */
  readonly quality?: number
}

/** 40 million pixels are 160 MB while a picture is open. */
const mostPixels = 40_000_000
const mostSeconds = 20
const mostWaiting = 50

/** What may be opened, as libvips calls it. Everything else it could read (SVG, PDF, …) stays shut. */
const loaders = ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Heif', 'Tiff'].map((name) => `VipsForeignLoad${name}`)

// One picture at a time in a process, for the sake of its memory: those who ask stand in line.
let line: Promise<unknown> = Promise.resolve()
let waiting = 0

/**
 * A picture made smaller: its first frame, turned the way the camera was held, without anything that was written in it (place, camera,
 * comments).
 * @param source a path, or bytes
 * @throws PictureUnreadable for what is damaged, too large, or no picture; PicturesBusy
 */
export async function shrink(source: string | Buffer, wanted: Shrinking): Promise<Buffer> {
  if (waiting >= mostWaiting) throw new PicturesBusy({})
  waiting++
  const turn = line.then(() => draw(source, wanted)).finally(() => waiting--)
  line = turn.catch(() => undefined)
  return turn
}

async function draw(source: string | Buffer, { width, height, format, quality = 80 }: Shrinking): Promise<Buffer> {
  const sharp = await openSharp()
  try {
    const picture = sharp(source, { limitInputPixels: mostPixels, failOn: 'error', pages: 1, sequentialRead: true })
      .timeout({ seconds: mostSeconds })
      .autoOrient()
      .resize({ width, height, fit: 'inside', withoutEnlargement: true })
    if (format === 'webp') return await picture.webp({ quality }).toBuffer()
    const { format: found } = await sharp(source, { limitInputPixels: mostPixels, pages: 1 }).metadata()
    if (found === 'jpeg') return await picture.jpeg({ quality }).toBuffer()
    if (found === 'webp') return await picture.webp({ quality }).toBuffer()
    return await picture.png({ compressionLevel: 9 }).toBuffer()
  } catch (cause) {
    throw new PictureUnreadable({ field: 'file' }, { cause })
  }
}

let opened: Promise<SharpConstructor> | undefined

function openSharp(): Promise<SharpConstructor> {
  opened ??= import('sharp').then(({ default: sharp }) => {
    sharp.cache(false)
    sharp.concurrency(1)
    sharp.block({ operation: ['VipsForeignLoad'] })
    sharp.unblock({ operation: loaders })
    return sharp
  })
  return opened
}
