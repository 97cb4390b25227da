import { Readable } from 'node:stream'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { bytesOfFile } from '#kernel/tabular/byte-source.ts'
import { ZipWriter } from '#kernel/tabular/zip-write.ts'
import { FileNotFound, TooMuchToPack } from './errors.ts'
import { placeOf, safeFileName, splitName } from './file-names.ts'
import { fileStoreOf, type StorePlace } from './file-store.ts'
import { fileSizeLimit, type ReceivedFile, receiveStream } from './received-file.ts'
import { type FileDetails, sendAhead, storeFile } from './store-file.ts'
import { readArchive, unpacked } from './zip-archive.ts'

const mostEntries = 1000
/** Bytes of all files of an archive, unpacked; and of all that is packed together. */
const mostUnpacked = 500 * 1024 * 1024
const mostPacked = 2 * 1024 * 1024 * 1024

/**
 * Stores each file of an archive that the context's user may read as a File of its own, beside it: in its folder, attached to the same
 * document, as private as it. All or none. Folders inside are not kept, and archives inside stay archives.
 * @throws ArchiveRefused, FileNotFound, and what `storeFile` throws
 */
export async function unpackFile(ctx: Context, file: AnyDocument): Promise<AnyDocument[]> {
  const { place, store } = await bytesOf(ctx, file)
  const source = await bytesOfFile(await store.localPath(place))
  const received: ReceivedFile[] = []
  let succeeded = false
  try {
    const entries = await readArchive(source, { entries: mostEntries, each: fileSizeLimit(ctx.site), total: mostUnpacked })
    for (const entry of entries) {
      const name = entry.name.split(/[\\/]/).at(-1) ?? ''
      if (name === '' || name.startsWith('.')) continue
      received.push(await receiveStream(ctx.site, Readable.from(unpacked(source, entry)), name))
    }
    const details = detailsOf(file)
    for (const one of received) await sendAhead(ctx, one, details)
    const stored: AnyDocument[] = []
    for (const one of received) stored.push(await storeFile(ctx, one, details))
    succeeded = true
    return stored
  } finally {
    await source.close()
    for (const one of received) await one.finish(ctx.site, succeeded)
  }
}

/**
 * Packs files into one zip archive, which is written while it is read. The context's user must be allowed to read them; folders are
 * left out.
 * @throws TooMuchToPack, FileNotFound
 */
export async function packFiles(ctx: Context, files: readonly AnyDocument[]): Promise<Readable> {
  if (files.length > mostEntries) throw new TooMuchToPack({ field: 'files', reason: `there are more than ${mostEntries}` })
  const parts: { name: string; place: StorePlace }[] = []
  const taken = new Set<string>()
  let total = 0
  const store = fileStoreOf(ctx.site)
  for (const file of files) {
    if (file.is_folder) continue
    const { place, size } = await bytesOf(ctx, file)
    total += size
    if (total > mostPacked) throw new TooMuchToPack({ field: 'files', reason: 'they have more than 2 GB' })
    parts.push({ name: freeName(safeFileName(String(file.file_name || place.name)), taken), place })
  }
  async function* archive(): AsyncGenerator<Uint8Array> {
    const zip = new ZipWriter()
    for (const { name, place } of parts) yield* zip.entry(name, store.read(place) as AsyncIterable<Uint8Array>)
    yield* zip.end()
  }
  return Readable.from(archive(), { objectMode: false })
}

async function bytesOf(ctx: Context, file: AnyDocument) {
  const place = placeOf(String(file.file_url ?? ''))
  const store = fileStoreOf(ctx.site)
  const stored = place && (await store.stat(place))
  if (!place || !stored) throw new FileNotFound({ url: String(file.file_url ?? '').slice(0, 500) })
  return { place, store, size: stored.size }
}

function detailsOf(file: AnyDocument): FileDetails {
  const { is_private, folder, attached_to_doctype: doctype, attached_to_name: name } = file
  return {
    isPrivate: Boolean(is_private),
    ...(typeof folder === 'string' && folder !== '' && { folder }),
    ...(typeof doctype === 'string' &&
      doctype !== '' && { attachedTo: { doctype, ...(typeof name === 'string' && name !== '' && { name }) } }),
  }
}

/** Two files may be called alike; in an archive one of them gets a number. */
function freeName(name: string, taken: Set<string>): string {
  const { stem, extension } = splitName(name)
  let free = name
  for (let number = 2; taken.has(free.toLowerCase()); number++) free = `${stem} (${number})${extension}`
  taken.add(free.toLowerCase())
  return free
}
