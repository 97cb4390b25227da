import type { Context } from '#kernel/context/context.ts'
import { filesAt, mayReadFile } from '#kernel/files/file-access.ts'
import { placeOf } from '#kernel/files/file-names.ts'
import { fileStoreOf } from '#kernel/files/file-store.ts'
import type { PageFile } from './pdf.ts'

/** Files that one print shows. */
const mostFiles = 300
/** Bytes of all of them together. */
const mostBytes = 60_000_000
const localAddress = /["'(](\/(?:private\/)?files\/[^"'()<>\s?#]{1,600})/g

/**
 * Pictures of the site that a page names, as far as the context's user may see them. What is missing, closed or no picture is not there: its
 * place on the page stays empty.
 */
export async function pageFiles(ctx: Context, html: string): Promise<ReadonlyMap<string, PageFile>> {
  const files = new Map<string, PageFile>()
  const store = fileStoreOf(ctx.site)
  let room = mostBytes
  const paths = new Set([...html.matchAll(localAddress)].map(([, address]) => pathOf(address ?? '')))
  for (const path of [...paths].slice(0, mostFiles)) {
    const place = path === '' ? undefined : placeOf(path)
    if (!place) continue
    for (const record of await filesAt(ctx, path)) {
      const type = record.content_type ?? ''
      if (!/^image\/[\w.+-]{1,60}$/.test(type) || !(await mayReadFile(ctx, record))) continue
      const size = (await store.stat(place))?.size
      if (size === undefined || size > room) break
      room -= size
      files.set(path, { type, content: Buffer.concat(await Array.fromAsync(store.read(place) as AsyncIterable<Buffer>)) })
      break
    }
  }
  return files
}

/** As the address is stored: without what HTML and addresses put around characters. */
function pathOf(address: string): string {
  const plain = address
    .replaceAll(/&#(\d{1,6});/g, (_, code: string) => String.fromCodePoint(Math.min(Number(code), 0x10ffff)))
    .replaceAll('&amp;', '&')
  try {
    return decodeURIComponent(plain)
  } catch {
    return plain
  }
}
