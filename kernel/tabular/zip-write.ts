import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { crc32, createDeflateRaw } from 'node:zlib'

interface Written {
  readonly name: Buffer
  readonly checksum: number
  readonly packed: number
  readonly size: number
  readonly offset: number
}

/** UTF-8 names, and sizes that follow the data: nothing need be known before it is written. */
const flags = 0x0808
const deflated = 8
/** 1980-01-01, so that the same content gives the same bytes. */
const day = 0x21
const largest = 0xffff_ffff

/** Writes a zip archive piece by piece: the entries one after another, then `end`. */
export class ZipWriter {
  readonly #entries: Written[] = []
  #offset = 0

  /** @throws RangeError past 4 GB, for which archives have another format */
  async *entry(name: string, content: Iterable<string> | AsyncIterable<string | Uint8Array>): AsyncGenerator<Uint8Array> {
    const offset = this.#offset
    const bytes = Buffer.from(name)
    yield this.#count(
      Buffer.concat([
        header(0x04034b50, [
          [20, 2],
          [flags, 2],
          [deflated, 2],
          [0, 2],
          [day, 2],
          [0, 4],
          [0, 4],
          [0, 4],
          [bytes.length, 2],
          [0, 2],
        ]),
        bytes,
      ]),
    )
    let checksum = 0
    let size = 0
    let packed = 0
    const counted = async function* (): AsyncGenerator<Uint8Array> {
      for await (const text of content) {
        const part = typeof text === 'string' ? Buffer.from(text) : text
        checksum = crc32(part, checksum)
        size += part.length
        yield part
      }
    }
    const deflate = createDeflateRaw({ level: 6 })
    const feeding = pipeline(Readable.from(counted(), { objectMode: false }), deflate)
    // Whoever reads the stream below hears of the failure.
    feeding.catch(() => undefined)
    for await (const part of deflate as AsyncIterable<Buffer>) {
      packed += part.length
      yield this.#count(part)
    }
    await feeding
    yield this.#count(
      header(0x08074b50, [
        [checksum, 4],
        [packed, 4],
        [size, 4],
      ]),
    )
    if (size > largest) throw new RangeError('An archive entry may have 4 GB at most.')
    this.#entries.push({ name: bytes, checksum, packed, size, offset })
  }

  *end(): Generator<Uint8Array> {
    const start = this.#offset
    for (const { name, checksum, packed, size, offset } of this.#entries) {
      const fields: Field[] = [
        [20, 2],
        [20, 2],
        [flags, 2],
        [deflated, 2],
        [0, 2],
        [day, 2],
        [checksum, 4],
        [packed, 4],
        [size, 4],
      ]
      yield this.#count(
        Buffer.concat([header(0x02014b50, [...fields, [name.length, 2], [0, 2], [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]]), name]),
      )
    }
    const count = this.#entries.length
    yield header(0x06054b50, [
      [0, 2],
      [0, 2],
      [count, 2],
      [count, 2],
      [this.#offset - start, 4],
      [start, 4],
      [0, 2],
    ])
  }

  #count(part: Uint8Array): Uint8Array {
    this.#offset += part.length
    if (this.#offset > largest) throw new RangeError('An archive may have 4 GB at most.')
    return part
  }
}

type Field = readonly [value: number, bytes: 2 | 4]

function header(signature: number, fields: readonly Field[]): Buffer {
  const buffer = Buffer.alloc(4 + fields.reduce((sum, [, bytes]) => sum + bytes, 0))
  buffer.writeUInt32LE(signature)
  let at = 4
  for (const [value, bytes] of fields) at = buffer.writeUIntLE(value, at, bytes)
  return buffer
}
