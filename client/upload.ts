import { localFailure } from './client-error.ts'
import type { StandardFields } from './doc-types.ts'
import { type CallOptions, dataOf, signalOf } from './documents.ts'
import type { Transport } from './transport.ts'

/** A file as the server keeps it. */
export interface UploadedFile extends StandardFields {
  file_name: string
  /** From the server's root: `/files/…`, or `/private/files/…` for those who may. */
  file_url: string
  is_private: 0 | 1
  /** Bytes. */
  file_size: number
  file_type: string | null
  folder: string | null
  attached_to_doctype: string | null
  attached_to_name: string | null
  attached_to_field: string | null
  content_hash: string | null
}

/** Bytes that come as they go, such as a file read from disk; they are never in memory all at once. */
export interface ByteStream {
  name: string
  /** Bytes in all; fewer or more than that is an error. */
  size: number
  stream: ReadableStream<Uint8Array>
}

export interface UploadOptions extends CallOptions {
  /** Default: that of the file; needed for a Blob without one. */
  name?: string
  /** Only for people who may read the document it is attached to, or for its owner. Default true. */
  isPrivate?: boolean
  /** The folder in the server's file list. Default `Home`. */
  folder?: string
  /** The document that the file belongs to, and the Attach field that shows it. */
  attachTo?: { doctype: string; name: string; field?: string }
  /** Told after each part how many bytes the server has. */
  onProgress?: (sentBytes: number, totalBytes: number) => void
  /** Larger files travel in parts of this size, each repeated when the connection fails. Default 4 MB. */
  partBytes?: number
}

const defaultPartBytes = 4 * 1024 * 1024

/** Sends a file. @throws ClientError such as 413 `files/too-large` */
export async function uploadFile(send: Transport, source: Blob | ByteStream, options: UploadOptions = {}): Promise<UploadedFile> {
  const name = options.name ?? ('name' in source && typeof source.name === 'string' ? source.name : undefined)
  if (!name) throw localFailure('client/file-unnamed', 'This file has no name; give it one with the option “name”.')
  const partBytes = options.partBytes ?? defaultPartBytes
  const count = Math.max(1, Math.ceil(source.size / partBytes))
  const uploadId = crypto.randomUUID()
  let offset = 0
  let index = 0
  let saved: unknown
  for await (const part of partsOf(source, partBytes)) {
    const isLast = index === count - 1
    const fields = { ...fieldsOf(options), ...(count > 1 ? partFields(uploadId, index, count, offset, source.size) : {}) }
    const answer = await send({
      verb: 'POST',
      path: '/api/v2/method/upload_file',
      body: formOf(fields, part, name),
      // A part that came twice lies in the same place. The last one makes the File: whether it did, a lost answer does not say.
      repeat: isLast ? 'if-refused' : 'freely',
      ...signalOf(options),
    })
    saved = dataOf(answer)
    offset += part.size
    index += 1
    options.onProgress?.(offset, source.size)
  }
  return saved as UploadedFile
}

function fieldsOf({ isPrivate = true, folder, attachTo }: UploadOptions): Record<string, string> {
  return {
    is_private: isPrivate ? '1' : '0',
    ...(folder === undefined ? {} : { folder }),
    ...(attachTo ? { doctype: attachTo.doctype, docname: attachTo.name } : {}),
    ...(attachTo?.field === undefined ? {} : { fieldname: attachTo.field }),
  }
}

function partFields(uploadId: string, index: number, count: number, offset: number, size: number): Record<string, string> {
  const numbers = { chunk_index: index, total_chunk_count: count, chunk_byte_offset: offset, total_file_size: size }
  return { upload_id: uploadId, ...Object.fromEntries(Object.entries(numbers).map(([field, number]) => [field, String(number)])) }
}

/** The file comes last, so that the server knows what it is about before the first byte. */
function formOf(fields: Readonly<Record<string, string>>, part: Blob, name: string): FormData {
  const form = new FormData()
  for (const [field, value] of Object.entries(fields)) form.append(field, value)
  form.append('file', part, name)
  return form
}

/** The source in pieces of the given size, the last one shorter; one empty piece for an empty source. */
async function* partsOf(source: Blob | ByteStream, partBytes: number): AsyncGenerator<Blob> {
  if (source instanceof Blob) {
    for (let start = 0; start === 0 || start < source.size; start += partBytes) yield source.slice(start, start + partBytes, source.type)
    return
  }
  let waiting: Uint8Array<ArrayBuffer>[] = []
  let waitingBytes = 0
  let yielded = 0
  const take = (bytes: number): Blob => {
    const all = new Blob(waiting)
    waiting = []
    waitingBytes = 0
    yielded += bytes
    return all
  }
  for await (const bytes of piecesOf(source.stream)) {
    let rest = bytes
    if (yielded + waitingBytes + rest.length > source.size) throw sizeDiffers(source)
    // What may be the last part waits for the end: it makes the file, which a stream that is too long must not.
    while (waitingBytes + rest.length > partBytes) {
      const fitting = rest.subarray(0, partBytes - waitingBytes)
      waiting.push(fitting)
      rest = rest.subarray(fitting.length)
      yield take(partBytes)
    }
    if (rest.length > 0) waiting.push(rest)
    waitingBytes += rest.length
  }
  if (yielded + waitingBytes !== source.size) throw sizeDiffers(source)
  yield take(waitingBytes)
}

/** Not every browser lets a loop run over a stream. */
async function* piecesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = stream.getReader()
  try {
    for (let step = await reader.read(); !step.done; step = await reader.read()) yield step.value as Uint8Array<ArrayBuffer>
  } finally {
    await reader.cancel()
  }
}

function sizeDiffers({ name, size }: ByteStream): Error {
  return localFailure('client/size-differs', `${name} does not have the ${size} bytes that were announced.`)
}
