import type { Context } from '#kernel/context/context.ts'
import { FileDenied, FileNotFound, NoPreview } from '#kernel/files/errors.ts'
import { type FileFacts, filesAt, mayReadFile } from '#kernel/files/file-access.ts'
import { placeOf } from '#kernel/files/file-names.ts'
import { type FileStore, fileStoreOf, type StoredFile, type StorePlace } from '#kernel/files/file-store.ts'
import { contentTypeHeader, isShownInPlace, mediaTypeOfBytes } from '#kernel/files/file-types.ts'
import { hasPreviews, preview, previewSize, previewSizes } from '#kernel/files/previews.ts'
import { BadParameter, VerbRefused } from './errors.ts'
import type { Answer, Call, Route } from './exchange.ts'
import { dispositionHeader } from './headers.ts'
import { textParam } from './list-params.ts'
import { splitPath } from './read-path.ts'

type FileRecord = FileFacts & { file_name: string | null; content_type: string | null; content_hash: string | null }

/** What is sent: a file, or a small picture of it. */
interface Sent {
  readonly place: StorePlace
  readonly stored: StoredFile
  readonly type: string
  readonly name: string
}

/** Seconds for which the store's own address of a file works: time to follow it, hardly to pass it on. */
const handedOverFor = 60

/** The route of a file's address, `/files/…` or `/private/files/…`. */
export function fileRoute(path: string): Route | undefined {
  if (!path.startsWith('/files/') && !path.startsWith('/private/files/')) return undefined
  const url = `/${splitPath(path).join('/')}`
  return {
    version: 1,
    handler: (ctx, call) => serveFile(ctx, call, url, { fid: textParam(call.query, 'fid'), size: textParam(call.query, 'preview') }),
  }
}

/** Methods that send a file by its address, given as `file_url`. */
export const downloadMethods: ReadonlySet<string> = new Set([
  'download_file',
  'frappe.handler.download_file',
  'frappe.core.doctype.file.file.download_file',
])

/** The handler of those methods. */
export async function downloadFile(ctx: Context, call: Call): Promise<Answer> {
  const url = textParam(call.params, 'file_url')
  if (!url) throw new BadParameter({ field: 'file_url', reason: 'is needed' })
  return serveFile(ctx, call, url, { fid: textParam(call.params, 'fid') })
}

/**
 * Sends a file to whoever may have it, or a small picture of it to the same people. Others learn nothing: a file that is not there and
 * one that is not for them are the same.
 * @throws FileDenied for private files, FileNotFound, NoPreview, StoreUnavailable
 */
async function serveFile(
  ctx: Context,
  call: Call,
  url: string,
  { fid, size }: { fid?: string | undefined; size?: string | undefined },
): Promise<Answer> {
  if (call.verb !== 'GET') throw new VerbRefused({ path: call.path, verb: call.verb, allowed: ['GET', 'HEAD'] })
  const place = placeOf(url)
  const record = place && (await readableRecord(ctx, url, fid))
  if (!place || !record) throw place?.isPrivate ? new FileDenied({ url }) : new FileNotFound({ url })
  const store = fileStoreOf(ctx.site)
  const sent = size ? await pictureOf(ctx, place, record, url, size) : await wholeOf(store, place, record, url)
  const etag = `"${sent.stored.size.toString(36)}-${Math.floor(sent.stored.modified).toString(36)}"`
  const headers = fileHeaders(sent, etag)
  if (ifNoneMatch(call, etag)) return { status: 304, headers }
  const elsewhere = call.isHead ? undefined : handedOver(store, sent, headers['content-disposition'] as string)
  return elsewhere ?? answerWith(store, call, sent, headers, etag)
}

async function wholeOf(store: FileStore, place: StorePlace, record: FileRecord, url: string): Promise<Sent> {
  const stored = await store.stat(place)
  if (!stored) throw new FileNotFound({ url })
  return { place, stored, type: record.content_type || (await sniffed(store, place, stored)), name: record.file_name || place.name }
}

async function sniffed(store: FileStore, place: StorePlace, { size }: StoredFile): Promise<string> {
  const beginning =
    size === 0 ? [] : await Array.fromAsync(store.read(place, { start: 0, end: Math.min(size, 4100) - 1 }) as AsyncIterable<Buffer>)
  return mediaTypeOfBytes(Buffer.concat(beginning), place.name)
}

async function pictureOf(ctx: Context, place: StorePlace, record: FileRecord, url: string, wanted: string): Promise<Sent> {
  const size = previewSize(wanted)
  if (!size) throw new BadParameter({ field: 'preview', reason: `must be one of ${previewSizes.join(', ')}` })
  const made =
    record.content_hash && hasPreviews(record.content_type ?? '') ? await preview(ctx.site, place, record.content_hash, size) : undefined
  if (!made) throw new NoPreview({ url })
  return { ...made, type: 'image/webp', name: `${(record.file_name || place.name).replace(/\.[^.]*$/, '')}-${size}.webp` }
}

/** Sends the browser to the store itself, where the site wants that. What it gets there is on another origin, so it cannot run as a page of this one. */
function handedOver(store: FileStore, { place, type }: Sent, disposition: string): Answer | undefined {
  const location = store.handOver(place, { disposition, type: contentTypeHeader(type), seconds: handedOverFor })
  if (!location) return undefined
  return {
    status: 302,
    headers: { location, 'cache-control': 'private, no-store', 'content-length': '0' },
    raw: { type: 'text/plain', body: '' },
  }
}

function answerWith(store: FileStore, call: Call, { place, stored, type }: Sent, headers: Record<string, string>, etag: string): Answer {
  const range = rangeOf(call, stored.size, etag)
  if (range === 'beyond')
    return {
      status: 416,
      headers: { ...headers, 'content-range': `bytes */${stored.size}`, 'content-length': '0' },
      raw: { type, body: '' },
    }
  const length = range ? range.end - range.start + 1 : stored.size
  headers['content-length'] = String(length)
  if (range) headers['content-range'] = `bytes ${range.start}-${range.end}/${stored.size}`
  const body = call.isHead || length === 0 ? '' : store.read(place, range)
  return { status: range ? 206 : 200, headers, raw: { type: contentTypeHeader(type), body } }
}

async function readableRecord(ctx: Context, url: string, fid: string | undefined): Promise<FileRecord | undefined> {
  const records = await filesAt(ctx, url)
  for (const record of fid ? records.filter((one) => one.name === fid) : records) if (await mayReadFile(ctx, record)) return record
  return undefined
}

function fileHeaders({ name, type, place: { isPrivate }, stored }: Sent, etag: string): Record<string, string> {
  return {
    'content-disposition': dispositionHeader(isShownInPlace(type) ? 'inline' : 'attachment', name),
    // Even a file that a browser shows must never run as a page of this site.
    'content-security-policy':
      "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self'; object-src 'self'; frame-ancestors 'self'",
    'cross-origin-resource-policy': isPrivate ? 'same-origin' : 'cross-origin',
    'cache-control': isPrivate ? 'private, no-cache' : 'public, max-age=3600',
    'accept-ranges': 'bytes',
    'last-modified': new Date(stored.modified).toUTCString(),
    etag,
  }
}

function ifNoneMatch({ headers }: Call, etag: string): boolean {
  const known = headers['if-none-match']
  return known?.split(',').some((one) => one.trim().replace(/^W\//, '') === etag || one.trim() === '*') ?? false
}

/** The one range that was asked for; undefined: the whole (also for several ranges, which may be ignored). */
function rangeOf({ headers }: Call, size: number, etag: string): { start: number; end: number } | 'beyond' | undefined {
  const asked = headers.range
  const condition = headers['if-range']
  if (!asked || (condition !== undefined && condition !== etag)) return undefined
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(asked.trim())
  if (!match || (match[1] === '' && match[2] === '')) return undefined
  if (match[1] === '') {
    const last = Number(match[2])
    return last === 0 || size === 0 ? 'beyond' : { start: Math.max(0, size - last), end: size - 1 }
  }
  const start = Number(match[1])
  const end = match[2] === '' ? size - 1 : Math.min(Number(match[2]), size - 1)
  if (start >= size) return 'beyond'
  return start <= end ? { start, end } : undefined
}
