import { createReadStream } from 'node:fs'
import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { hashName } from '#kernel/documents/naming.ts'

/**
 * Writes pieces to a file that nobody else sees and gives them back as a stream: whoever makes them has failed or succeeded before the first
 * byte is sent, and memory holds one piece at a time. The file is gone with the stream, or with the process.
 * @param folder made when it is missing
 */
export async function spooled(folder: string, parts: AsyncIterable<string | Uint8Array>): Promise<Readable> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, `out-${hashName()}`)
  const file = await open(path, 'wx+', 0o600)
  try {
    for await (const part of parts) await file.write(typeof part === 'string' ? Buffer.from(part) : part)
  } catch (error) {
    await file.close()
    throw error
  } finally {
    // Open files live on without a name.
    await rm(path, { force: true })
  }
  return createReadStream('', { fd: file, start: 0 })
}
