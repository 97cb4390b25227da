import type { FastifyRequest } from 'fastify'
import type { Principal } from '#kernel/context/context.ts'
import { chunkOf, receiveChunk } from '#kernel/files/chunks.ts'
import { FileTooLarge, UploadBroken, UploadsClosed } from '#kernel/files/errors.ts'
import { fileSizeLimit, partOfFile, ReceivedFile, receiveStream } from '#kernel/files/received-file.ts'
import { isSet } from '#kernel/sites/settings.ts'
import type { Site } from '#kernel/sites/site.ts'
import { AppError } from '#client/rules/errors.ts'
import { BodyMalformed } from './errors.ts'

type Params = Record<string, unknown>

const limits = { fieldNameSize: 200, fieldSize: 1024 * 1024, fields: 200, files: 1, parts: 201 }

export function isMultipart(request: FastifyRequest): boolean {
  return request.isMultipart()
}

/**
 * Reads a multipart body: fields become parameters; the file is written away as it arrives, and `file` stands for it. Fields that
 * describe a part of a file must come before it.
 * @throws UploadsClosed for guests where the site does not allow them, FileTooLarge, UploadBroken, ChunkRefused, BodyMalformed
 */
export async function receiveMultipart(request: FastifyRequest, site: Site, who: Principal): Promise<Params> {
  const params: Params = {}
  let received: ReceivedFile | undefined
  try {
    for await (const part of request.parts({ limits: { ...limits, fileSize: fileSizeLimit(site) + 1 } })) {
      if (part.type === 'field') {
        addField(params, part.fieldname, part.value)
        continue
      }
      if (who.name === 'Guest' && !isSet(site, 'allow_guests_to_upload_files')) {
        part.file.resume()
        throw new UploadsClosed({})
      }
      const name = part.filename || String(params.file_name ?? params.filename ?? 'file')
      const chunk = chunkOf(params, name)
      const file = chunk ? await receiveChunk(site, who.name, chunk, part.file, name) : await receiveStream(site, part.file, name)
      if (part.file.truncated) throw new FileTooLarge({ field: 'file', limit: fileSizeLimit(site) })
      if (file) received = file
      params.file = file ?? partOfFile
    }
  } catch (error) {
    await received?.finish(site, false)
    throw asRefusal(error, site)
  }
  return params
}

function addField(params: Params, name: string, value: unknown): void {
  if (name === '__proto__') throw new BodyMalformed({ field: name, reason: '"__proto__" cannot be a parameter' })
  if (Object.hasOwn(params, name)) throw new BodyMalformed({ field: name.slice(0, 80), reason: `"${name.slice(0, 80)}" is given twice` })
  const text = typeof value === 'string' ? value : JSON.stringify(value ?? '')
  if (text.includes('\0') || text.includes('\ufffd'))
    throw new BodyMalformed({ field: name.slice(0, 80), reason: 'a field is not UTF-8, or holds the character NUL' })
  if (name !== '_') params[name] = text
}

/** The parser's own errors, in our words. */
function asRefusal(error: unknown, site: Site): unknown {
  if (error instanceof AppError) return error
  const { code = '', statusCode, message = '' } = error as { code?: string; statusCode?: number; message?: string }
  if (code === 'FST_REQ_FILE_TOO_LARGE') return new FileTooLarge({ field: 'file', limit: fileSizeLimit(site) }, { cause: error })
  if (code === 'FST_FILES_LIMIT') return new UploadBroken({ reason: 'one request brings one file' }, { cause: error })
  if (statusCode && statusCode < 500) return new UploadBroken({ reason: message }, { cause: error })
  if (/multipart|boundary|unexpected end|premature|aborted|malformed/i.test(`${message} ${code}`))
    return new UploadBroken({ reason: 'it broke off' }, { cause: error })
  return error
}

/** The file among a request's parameters, if one came. */
export function receivedFileOf(params: Readonly<Params>): ReceivedFile | undefined {
  return params.file instanceof ReceivedFile ? params.file : undefined
}

/** How long a caller whose upload was refused may go on sending, in milliseconds: most only look at the answer afterwards. */
const patience = 3000

/** Reads what is still coming and throws it away, so that the caller gets to see why it was refused. */
export async function drain(request: FastifyRequest): Promise<void> {
  const { raw } = request
  if (raw.complete || raw.destroyed) return
  raw.unpipe()
  raw.resume()
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, patience)
    const done = () => {
      clearTimeout(timer)
      resolve()
    }
    raw.once('end', done).once('close', done).once('error', done)
  })
}
