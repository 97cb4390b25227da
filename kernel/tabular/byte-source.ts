import { open } from 'node:fs/promises'

/** Bytes of which any part can be read: a file, or what lies in memory. */
export interface ByteSource {
  readonly size: number
  /** The bytes from `start` up to `end`, without it. */
  read(start: number, end: number): Promise<Uint8Array>
  close(): Promise<void>
}

/** Bytes in memory. */
export function bytesInMemory(bytes: Uint8Array): ByteSource {
  return { size: bytes.length, read: async (start, end) => bytes.subarray(start, end), close: async () => undefined }
}

/** The bytes of a file; to be closed. */
export async function bytesOfFile(path: string): Promise<ByteSource> {
  const handle = await open(path, 'r')
  const { size } = await handle.stat()
  return {
    size,
    async read(start, end) {
      const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(end, size) - start))
      let filled = 0
      while (filled < buffer.length) {
        const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, start + filled)
        if (bytesRead === 0) break
        filled += bytesRead
      }
      return buffer.subarray(0, filled)
    },
    close: () => handle.close(),
  }
}

const pieceLength = 65_536

/** A part of a source, piece by piece; all of it by default. */
export async function* pieces(source: ByteSource, start = 0, end = source.size): AsyncGenerator<Uint8Array> {
  for (let at = start; at < end; at += pieceLength) yield source.read(at, Math.min(end, at + pieceLength))
}
