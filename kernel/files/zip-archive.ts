import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { crc32, createInflateRaw } from 'node:zlib'
import { type ByteSource, pieces } from '#kernel/tabular/byte-source.ts'
import { ArchiveRefused } from './errors.ts'

/** A file in an archive. Only `name` is what the archive says; it may be any text. */
export interface ArchiveEntry {
  readonly name: string
  readonly packed: number
  readonly size: number
  readonly checksum: number
  readonly method: number
  readonly offset: number
}

/** What an archive may be at most. */
export interface ArchiveLimits {
  readonly entries: number
  /** Bytes of one file, unpacked. */
  readonly each: number
  /** Bytes of all files, unpacked. */
  readonly total: number
}

/** Honest files seldom pack better than this; small ones may. */
const highestRatio = 200
const freeBytes = 1_000_000
const largestDirectory = 8_000_000
/** "encrypted", and the kinds of encryption of newer archives. */
const encrypted = 0x0001 | 0x0040 | 0x2000
const utf8 = 0x0800

/**
 * The files in a zip archive, without folders and without what macOS adds. Everything that its directory claims is checked against the limits before a
 * byte is unpacked; parts that lie over each other, by which few bytes become many, are refused.
 * @throws ArchiveRefused
 */
export async function readArchive(source: ByteSource, limits: ArchiveLimits): Promise<ArchiveEntry[]> {
  const tailStart = Math.max(0, source.size - 65_557)
  const tail = Buffer.from(await source.read(tailStart, source.size))
  const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]))
  if (end < 0 || end + 22 > tail.length) throw refused('it is no zip archive, or a damaged one')
  const count = tail.readUInt16LE(end + 10)
  const length = tail.readUInt32LE(end + 12)
  const start = tail.readUInt32LE(end + 16)
  if (count === 0xffff || start === 0xffff_ffff) throw refused('it is in the format for archives of more than 4 GB')
  if (count > limits.entries || length > largestDirectory) throw refused(`it holds more than ${limits.entries} files`)
  if (start + length > tailStart + end) throw refused('it is damaged')
  const all = directory(Buffer.from(await source.read(start, start + length)), count)
  demandApart(all, start)
  const files = all.filter(({ name }) => !name.endsWith('/') && !name.endsWith('\\') && !name.startsWith('__MACOSX/'))
  for (const { name, size } of files)
    if (size > limits.each) throw refused(`"${name.slice(-80)}" would have more than ${Math.floor(limits.each / 1024 / 1024)} MB`)
  if (files.reduce((sum, { size }) => sum + size, 0) > limits.total)
    throw refused(`its files would have more than ${Math.floor(limits.total / 1024 / 1024)} MB together`)
  return files
}

/** The bytes of a file, unpacked as they are read; never more than its entry said, whatever comes. @throws ArchiveRefused */
export async function* unpacked(source: ByteSource, entry: ArchiveEntry): AsyncGenerator<Uint8Array> {
  const head = Buffer.from(await source.read(entry.offset, entry.offset + 30))
  if (head.length < 30 || head.readUInt32LE(0) !== 0x04034b50) throw refused('it is damaged')
  const start = entry.offset + 30 + head.readUInt16LE(26) + head.readUInt16LE(28)
  const packed = pieces(source, start, Math.min(source.size, start + entry.packed))
  let size = 0
  let checksum = 0
  for await (const part of entry.method === 0 ? packed : inflated(packed)) {
    size += part.length
    if (size > entry.size) throw refused('a file in it is longer than it says')
    if (size > freeBytes && size > entry.packed * highestRatio) throw refused('a file in it unpacks to far more than it should')
    checksum = crc32(part, checksum)
    yield part
  }
  if (size !== entry.size || checksum !== entry.checksum) throw refused('a file in it is damaged')
}

async function* inflated(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const inflate = createInflateRaw({ chunkSize: 65_536 })
  const feeding = pipeline(Readable.from(packed), inflate)
  feeding.catch(() => undefined)
  try {
    yield* inflate as AsyncIterable<Buffer>
    await feeding
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code?.startsWith('Z_')) throw refused('a file in it is damaged', cause)
    throw cause
  }
}

function directory(bytes: Buffer, count: number): ArchiveEntry[] {
  const entries: ArchiveEntry[] = []
  let at = 0
  for (let index = 0; index < count; index++) {
    if (at + 46 > bytes.length || bytes.readUInt32LE(at) !== 0x02014b50) throw refused('it is damaged')
    const flags = bytes.readUInt16LE(at + 8)
    const nameLength = bytes.readUInt16LE(at + 28)
    const entry = {
      // Older programs wrote names in the letters of their own country; Latin ones are the likeliest.
      name: bytes.toString((flags & utf8) !== 0 ? 'utf8' : 'latin1', at + 46, at + 46 + nameLength),
      method: bytes.readUInt16LE(at + 10),
      checksum: bytes.readUInt32LE(at + 16),
      packed: bytes.readUInt32LE(at + 20),
      size: bytes.readUInt32LE(at + 24),
      offset: bytes.readUInt32LE(at + 42),
    }
    if ((flags & encrypted) !== 0) throw refused('it is protected by a password')
    if (entry.method !== 0 && entry.method !== 8) throw refused('it is packed in a way that is not known here')
    if ([entry.packed, entry.size, entry.offset].includes(0xffff_ffff)) throw refused('it is in the format for archives of more than 4 GB')
    if (entry.method === 0 && entry.packed !== entry.size) throw refused('it is damaged')
    entries.push(entry)
    at += 46 + nameLength + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32)
  }
  return entries
}

function demandApart(entries: readonly ArchiveEntry[], directoryStart: number): void {
  const sorted = entries.toSorted((a, b) => a.offset - b.offset)
  sorted.forEach(({ offset, packed }, index) => {
    const next = sorted[index + 1]?.offset ?? directoryStart
    if (offset + 30 + packed > next) throw refused('its parts lie over each other')
  })
}

function refused(reason: string, cause?: unknown): Error {
  return new ArchiveRefused({ field: 'file', reason }, { cause })
}
