import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createInflateRaw } from 'node:zlib'
import { type ByteSource, pieces } from './byte-source.ts'
import { TableTooLarge, TableUnreadable } from './errors.ts'

interface Entry {
  readonly method: number
  readonly packed: number
  readonly offset: number
}

/** Entries of an archive. A workbook has a few dozen. */
const mostEntries = 2000
const largestDirectory = 4_000_000
/** Bytes that all entries together may unpack to, whatever the archive says of itself. */
const mostUnpacked = 1_000_000_000
/** Above the first bytes, no honest sheet packs better than this. */
const freeBytes = 20_000_000
const highestRatio = 500

/** The entries of a zip archive, unpacked as they are read and bounded in number, size and ratio. */
export class ZipReader {
  readonly #source: ByteSource
  readonly #entries: ReadonlyMap<string, Entry>
  #unpacked = 0

  private constructor(source: ByteSource, entries: ReadonlyMap<string, Entry>) {
    this.#source = source
    this.#entries = entries
  }

  /** @throws TableUnreadable, TableTooLarge */
  static async open(source: ByteSource): Promise<ZipReader> {
    const tailStart = Math.max(0, source.size - 65_557)
    const tail = Buffer.from(await source.read(tailStart, source.size))
    const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]))
    if (end < 0 || end + 22 > tail.length) throw broken()
    const count = tail.readUInt16LE(end + 10)
    const length = tail.readUInt32LE(end + 12)
    const start = tail.readUInt32LE(end + 16)
    if (count > mostEntries || length > largestDirectory || count === 0xffff)
      throw new TableTooLarge({ field: 'file', row: 0, reason: `it is an archive of more than ${mostEntries} parts.` })
    if (start + length > source.size) throw broken()
    return new ZipReader(source, directory(Buffer.from(await source.read(start, start + length)), count))
  }

  has(name: string): boolean {
    return this.#entries.has(name)
  }

  /** The text of an entry, piece by piece. @throws TableUnreadable, TableTooLarge */
  async *text(name: string): AsyncGenerator<string> {
    const decoder = new TextDecoder('utf-8', { fatal: true })
    try {
      for await (const part of this.#bytes(name)) {
        const text = decoder.decode(part, { stream: true })
        if (text !== '') yield text
      }
      yield decoder.decode()
    } catch (cause) {
      if (!(cause instanceof TypeError)) throw cause
      throw broken(cause)
    }
  }

  /** A short entry as one text. @param most characters */
  async wholeText(name: string, most: number): Promise<string> {
    let text = ''
    for await (const part of this.text(name)) {
      text += part
      if (text.length > most) throw new TableTooLarge({ field: 'file', row: 0, reason: `${name} has more than ${most} characters.` })
    }
    return text
  }

  async *#bytes(name: string): AsyncGenerator<Uint8Array> {
    const entry = this.#entries.get(name)
    if (!entry) throw new TableUnreadable({ field: 'file', row: 0, reason: `it has no part ${name}.` })
    const head = Buffer.from(await this.#source.read(entry.offset, entry.offset + 30))
    if (head.length < 30 || head.readUInt32LE(0) !== 0x04034b50) throw broken()
    const start = entry.offset + 30 + head.readUInt16LE(26) + head.readUInt16LE(28)
    const end = start + entry.packed
    if (end > this.#source.size) throw broken()
    const packed = pieces(this.#source, start, end)
    let size = 0
    for await (const part of entry.method === 0 ? packed : inflated(packed)) {
      size += part.length
      this.#unpacked += part.length
      if (this.#unpacked > mostUnpacked || (size > freeBytes && size > entry.packed * highestRatio))
        throw new TableTooLarge({ field: 'file', row: 0, reason: 'it unpacks to far more than it should.' })
      yield part
    }
  }
}

async function* inflated(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const inflate = createInflateRaw({ chunkSize: 65_536 })
  const feeding = pipeline(Readable.from(packed), inflate)
  feeding.catch(() => undefined)
  try {
    yield* inflate as AsyncIterable<Buffer>
    await feeding
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code?.startsWith('Z_')) throw broken(cause)
    throw cause
  }
}

function directory(bytes: Buffer, count: number): Map<string, Entry> {
  const entries = new Map<string, Entry>()
  let at = 0
  for (let index = 0; index < count; index++) {
    if (at + 46 > bytes.length || bytes.readUInt32LE(at) !== 0x02014b50) throw broken()
    const flags = bytes.readUInt16LE(at + 8)
    const method = bytes.readUInt16LE(at + 10)
    const nameLength = bytes.readUInt16LE(at + 28)
    const name = bytes.toString('utf8', at + 46, at + 46 + nameLength)
    const entry = { method, packed: bytes.readUInt32LE(at + 20), offset: bytes.readUInt32LE(at + 42) }
    if ((flags & 1) !== 0) throw new TableUnreadable({ field: 'file', row: 0, reason: 'it is protected by a password.' })
    if ((method !== 0 && method !== 8) || entry.packed === 0xffff_ffff || entries.has(name)) throw broken()
    entries.set(name, entry)
    at += 46 + nameLength + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32)
  }
  return entries
}

function broken(cause?: unknown): Error {
  return new TableUnreadable({ field: 'file', row: 0, reason: 'it is no Excel file (.xlsx), or a damaged one.' }, { cause })
}
