import { type FileHandle, open } from 'node:fs/promises'
import { StoreUnavailable } from './errors.ts'
import type { S3Client } from './s3-client.ts'

const smallestPart = 8 * 1024 * 1024
const mostParts = 10_000
/** Parts on their way at once; each is in memory while it is. */
const atOnce = 3

/**
 * Uploads a large file in parts, with no more of it in memory than the parts on their way. What was begun and not ended is given up.
 * @returns false when the key is taken
 * @throws StoreUnavailable
 */
export async function uploadInParts(client: S3Client, key: string, localPath: string, size: number): Promise<boolean> {
  const headers = { 'content-type': 'application/octet-stream', 'content-disposition': 'attachment' }
  const { text } = await client.sendForText({ method: 'POST', key, query: { uploads: '' }, headers })
  const uploadId = /<UploadId>([^<]+)<\/UploadId>/.exec(text)?.[1]
  if (!uploadId) throw new StoreUnavailable({ reason: 'it does not take files in parts', mayPass: false })
  const handle = await open(localPath, 'r')
  try {
    const tags = await sendParts(client, key, uploadId, handle, size)
    const isPlaced = await complete(client, key, uploadId, tags, size)
    if (!isPlaced) await giveUp(client, key, uploadId)
    return isPlaced
  } catch (error) {
    await giveUp(client, key, uploadId)
    throw error
  } finally {
    await handle.close()
  }
}

/** Where this does not arrive, the bucket's own rule for unfinished uploads must see to it. */
async function giveUp(client: S3Client, key: string, uploadId: string): Promise<void> {
  await client.sendForText({ method: 'DELETE', key, query: { uploadId }, alsoFine: [404] }).catch(() => undefined)
}

async function sendParts(client: S3Client, key: string, uploadId: string, handle: FileHandle, size: number): Promise<string[]> {
  const length = Math.max(smallestPart, Math.ceil(size / mostParts))
  const count = Math.ceil(size / length)
  const tags: string[] = []
  let next = 0
  const work = async (): Promise<void> => {
    while (next < count) {
      const index = next++
      const body = Buffer.allocUnsafe(Math.min(length, size - index * length))
      const { bytesRead } = await handle.read(body, 0, body.length, index * length)
      if (bytesRead !== body.length) throw new Error('The file became shorter while it was uploaded.')
      const query = { partNumber: String(index + 1), uploadId }
      const { headers } = await client.sendForText({ method: 'PUT', key, query, body })
      tags[index] = headers.etag ?? ''
    }
  }
  // All are waited for: a part that is still on its way would outlive the upload it belongs to.
  const ends = await Promise.allSettled(Array.from({ length: Math.min(atOnce, count) }, work))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
  return tags
}

async function complete(client: S3Client, key: string, uploadId: string, tags: readonly string[], size: number): Promise<boolean> {
  const parts = tags.map((tag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${tag.replaceAll('"', '&quot;')}</ETag></Part>`)
  const body = Buffer.from(
    `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts.join('')}</CompleteMultipartUpload>`,
  )
  const asked = { method: 'POST', key, query: { uploadId }, body, alsoFine: [404, 412, 501] } as const
  let answer = await client.sendForText({ ...asked, headers: { 'content-type': 'application/xml', 'if-none-match': '*' } })
  if (answer.status === 501) answer = await client.sendForText({ ...asked, headers: { 'content-type': 'application/xml' } })
  if (answer.status === 412) return false
  // A success may turn out to be none after its headers were sent; and a repeated one finds the upload gone when the first had arrived.
  if (answer.status < 300 && !answer.text.includes('<Error>')) return true
  const { status, headers } = await client.sendForText({ method: 'HEAD', key, alsoFine: [404] })
  if (status !== 404 && Number(headers['content-length']) === size) return true
  throw new StoreUnavailable({ reason: 'it could not put the parts of a file together', mayPass: true })
}
