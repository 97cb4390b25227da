import { hash, randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, open, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { unescaped } from '#kernel/tabular/sheet-xml.ts'
import type { Site } from '#kernel/sites/site.ts'
import { checkedName } from './disk-store.ts'
import { StoreUnavailable } from './errors.ts'
import type { FileStore, Handover, StoredFile, StorePlace } from './file-store.ts'
import { S3Client } from './s3-client.ts'
import type { S3Settings } from './s3-settings.ts'
import { uploadInParts } from './s3-upload.ts'

/** Up to so many bytes a file goes in one request. */
const onePart = 8 * 1024 * 1024
/** How often a download that broke off is taken up again where it stopped. */
const resumptions = 3

/** The folder of copies of what lies elsewhere; those of yesterday are cleared away by `deleteAbandonedUploads`. */
export function fetchedFolder(site: Pick<Site, 'folder'>): string {
  return join(site.folder, 'private', 'fetched')
}

/** Files in an S3 bucket: `<prefix>/<host>/<public|private>/<files|previews>/<name>`. */
export class S3Store implements FileStore {
  readonly driver = 's3'
  readonly isRemote = true
  readonly #site: Site
  readonly #settings: S3Settings
  readonly #client: S3Client

  constructor(site: Site, settings: S3Settings) {
    this.#site = site
    this.#settings = settings
    this.#client = new S3Client(settings)
  }

  async place(target: StorePlace, localPath: string): Promise<boolean> {
    // Services that know no conditional writes would overwrite. Names are new each time, so nobody can slip in between.
    if (await this.stat(target)) return false
    const { size } = await stat(localPath)
    const key = this.#key(target)
    if (size > onePart) return uploadInParts(this.#client, key, localPath, size)
    const headers = { 'content-type': 'application/octet-stream', 'content-disposition': 'attachment', 'if-none-match': '*' }
    const body = await readWhole(localPath, size)
    const { status } = await this.#client.sendForText({ method: 'PUT', key, body, headers, alsoFine: [412, 501] })
    if (status !== 501) return status !== 412
    const { 'if-none-match': _, ...plain } = headers
    await this.#client.sendForText({ method: 'PUT', key, body, headers: plain })
    return true
  }

  read(source: StorePlace, range?: { start: number; end: number }): Readable {
    return Readable.from(this.#bytes(source, range), { objectMode: false, highWaterMark: 256 * 1024 })
  }

  async *#bytes(source: StorePlace, range?: { start: number; end: number }): AsyncGenerator<Buffer> {
    let at = range?.start ?? 0
    let version: string | undefined
    for (let resumed = 0; ; resumed++) {
      const headers = {
        ...((range || at > 0) && { range: `bytes=${at}-${range?.end ?? ''}` }),
        // What goes on must be the same object.
        ...(version && { 'if-match': version }),
      }
      const { status, headers: told, body } = await this.#client.send({ method: 'GET', key: this.#key(source), headers })
      if ((range || at > 0) && status !== 206) {
        body.destroy()
        throw new StoreUnavailable({ reason: 'it sends no parts of files', mayPass: false })
      }
      version ??= told.etag
      const expected = at + Number(told['content-length'] ?? Number.NaN)
      try {
        for await (const part of body as AsyncIterable<Buffer>) {
          at += part.length
          yield part
        }
        if (Number.isNaN(expected) || at === expected) return
        throw new Error('The answer broke off.')
      } catch (cause) {
        if (resumed === resumptions) throw new StoreUnavailable({ reason: 'downloads break off', mayPass: true }, { cause })
      } finally {
        body.destroy()
      }
    }
  }

  async stat(source: StorePlace): Promise<StoredFile | undefined> {
    const { status, headers } = await this.#client.sendForText({ method: 'HEAD', key: this.#key(source), alsoFine: [404] })
    if (status === 404) return undefined
    return { size: Number(headers['content-length'] ?? 0), modified: Date.parse(headers['last-modified'] ?? '') || 0 }
  }

  async copy(source: StorePlace, target: StorePlace): Promise<boolean> {
    if (await this.stat(target)) return false
    const { text } = await this.#client.sendForText({
      method: 'PUT',
      key: this.#key(target),
      headers: { 'x-amz-copy-source': this.#client.copySource(this.#key(source)) },
    })
    // A copy that fails on the way has begun to answer with success.
    if (text.includes('<Error>')) throw new StoreUnavailable({ reason: 'it could not copy a file', mayPass: true })
    return true
  }

  async remove(source: StorePlace): Promise<void> {
    await this.#client.sendForText({ method: 'DELETE', key: this.#key(source), alsoFine: [404] })
  }

  async *list(): AsyncGenerator<StorePlace & StoredFile> {
    const base = `${this.#settings.prefix}/`
    let token: string | undefined
    do {
      const query = { 'list-type': '2', prefix: base, 'max-keys': '1000', ...(token && { 'continuation-token': token }) }
      const { text } = await this.#client.sendForText({ method: 'GET', query })
      for (const [, entry = ''] of text.matchAll(/<Contents>([\s\S]*?)<\/Contents>/g)) {
        const place = placeOfKey(inner(entry, 'Key').slice(base.length))
        if (place) yield { ...place, size: Number(inner(entry, 'Size')), modified: Date.parse(inner(entry, 'LastModified')) || 0 }
      }
      token = inner(text, 'IsTruncated') === 'true' ? inner(text, 'NextContinuationToken') : undefined
    } while (token)
  }

  async localPath(source: StorePlace): Promise<string> {
    const folder = fetchedFolder(this.#site)
    const stored = await this.stat(source)
    const path = join(folder, hash('sha256', `${this.#key(source)}\n${stored?.size}\n${stored?.modified}`))
    const now = new Date()
    // Whoever looks into it now has a day from now on.
    const isHere =
      stored &&
      (await utimes(path, now, now)
        .then(() => true)
        .catch(() => false))
    if (isHere) return path
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const draft = join(folder, randomUUID())
    try {
      await pipeline(this.read(source), createWriteStream(draft, { mode: 0o600 }))
      await rename(draft, path)
    } finally {
      await rm(draft, { force: true })
    }
    return path
  }

  handOver(source: StorePlace, { disposition, type, seconds }: Handover): string | undefined {
    if (!this.#settings.isHandedOver) return undefined
    const query = {
      'response-content-disposition': disposition,
      'response-content-type': type,
      'response-cache-control': source.isPrivate ? 'private, no-store' : 'public, max-age=3600',
    }
    return this.#client.presigned(this.#key(source), query, seconds)
  }

  #key({ name, isPrivate, kind }: StorePlace): string {
    return `${this.#settings.prefix}/${isPrivate ? 'private' : 'public'}/${kind === 'preview' ? 'previews' : 'files'}/${checkedName(name)}`
  }
}

function placeOfKey(key: string): StorePlace | undefined {
  const [, audience, kind, name] = /^(public|private)\/(files|previews)\/([^/\\]+)$/.exec(key) ?? []
  if (name === undefined || name.startsWith('.')) return undefined
  return { name, isPrivate: audience === 'private', kind: kind === 'previews' ? 'preview' : 'file' }
}

function inner(xml: string, name: string): string {
  return unescaped(new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1] ?? '')
}

async function readWhole(path: string, size: number): Promise<Buffer> {
  const handle = await open(path, 'r')
  try {
    const bytes = Buffer.allocUnsafe(size)
    const { bytesRead } = await handle.read(bytes, 0, size, 0)
    return bytes.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}
