import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { find } from '#kernel/documents/load.ts'
import { can } from '#kernel/permissions/grants.ts'
import { escapeHtml } from '#kernel/templates/plain-text.ts'
import { LetterHeadUnknown } from './errors.ts'

/** HTML of head and foot, templates still; '' where there is none. */
export interface LetterHead {
  readonly head: string
  readonly foot: string
}

/**
 * The letter head asked for, else the one that the document names, else the default one; one that is asked for by name must be the user's to read.
 * @throws LetterHeadUnknown
 */
export async function letterHead(ctx: Context, asked: string | undefined, document: AnyDocument): Promise<LetterHead> {
  const meta = await ctx.site.meta.get('Letter Head')
  if (asked) {
    const found = await find(ctx, meta, asked)
    if (!found || found.disabled === 1 || !(await can(ctx, 'read', 'Letter Head', found)))
      throw new LetterHeadUnknown({ field: 'letterhead', letterHead: asked.slice(0, 140) })
    return readLetterHead(found)
  }
  const own =
    typeof document.letter_head === 'string' && document.letter_head !== '' ? await find(ctx, meta, document.letter_head) : undefined
  if (own && own.disabled !== 1) return readLetterHead(own)
  const [row] = await ctx.db.query<{ name: string }>(
    ctx.db.dialect.compile(
      sql`select name from ${ident('tabLetter Head')} where ${ident('is_default')} = 1 and ${ident('disabled')} = 0 order by name limit 1`,
    ),
  )
  const found = row && (await find(ctx, meta, row.name))
  return found ? readLetterHead(found) : { head: '', foot: '' }
}

function readLetterHead(document: AnyDocument): LetterHead {
  return {
    head: document.source === 'Image' ? imageOf(document, 'image', '') : String(document.content ?? ''),
    foot: document.footer_source === 'Image' ? imageOf(document, 'footer_image', 'footer_') : String(document.footer ?? ''),
  }
}

function imageOf(document: AnyDocument, field: string, prefix: string): string {
  const source = String(document[field] ?? '')
  if (source === '') return ''
  const size = (name: string) => {
    const pixels = Number(document[`${field}_${name}`] ?? 0)
    return pixels > 0 ? `${name}:${Math.min(pixels, 5000)}px;` : ''
  }
  const align = String(document[`${prefix}align`] ?? 'Left').toLowerCase()
  const side = align === 'right' ? 'end' : align === 'center' ? 'center' : 'start'
  return `<div style="text-align:${side}"><img alt="" src="${escapeHtml(source)}" style="${size('height')}${size('width')}"></div>`
}
