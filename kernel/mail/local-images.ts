import type { Context } from '#kernel/context/context.ts'
import { filesAt, mayReadFile } from '#kernel/files/file-access.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { Row } from '#kernel/database/database.ts'

/** A file of the site that a mail's text shows. */
export interface LocalImage {
  /** Name of the File. */
  readonly file: string
  readonly url: string
  readonly size: number
}

/** Images of one mail. */
const mostImages = 50
const localSource = /<img\b[^>]{0,2000}?\ssrc\s*=\s*["']((?:\/private)?\/files\/[^"'<>\s?#]{1,300})["']/gi

/** Images of the site that a text shows and its writer may see; others stay what they are: addresses that need signing in. */
export async function localImages(ctx: Context, html: string): Promise<LocalImage[]> {
  const urls = [...new Set([...html.matchAll(localSource)].map(([, url]) => decoded(url ?? '')))].slice(0, mostImages)
  const images: LocalImage[] = []
  for (const url of urls) {
    for (const record of await filesAt(ctx, url)) {
      if (!(await mayReadFile(ctx, record))) continue
      const [row] = await ctx.db.query<Row>(
        ctx.db.dialect.compile(sql`select file_size from ${ident('tabFile')} where name = ${record.name}`),
      )
      images.push({ file: record.name, url, size: Number(row?.file_size ?? 0) })
      break
    }
  }
  return images
}

/** Puts `cid:` addresses in place of those of images that the mail carries, and whole addresses in place of the site's own paths. */
export function portableHtml(html: string, siteUrl: string, carried: ReadonlyMap<string, string>): string {
  return html.replaceAll(
    /(\s(?:src|href)\s*=\s*["'])(\/(?!\/)[^"'<>\s]{0,2000})(["'])/gi,
    (_, before: string, path: string, after: string) => {
      const cid = /src/i.test(before) ? carried.get(decoded(path)) : undefined
      return before + (cid ? `cid:${cid}` : siteUrl + path) + after
    },
  )
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
