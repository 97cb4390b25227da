import { partsOf } from '#kernel/apps/apps.ts'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import type { LabelledText } from './document-text.ts'

const longestText = 1_000_000

/** Texts that apps add to a document, such as what a file holds. */
export async function attachedTexts(ctx: Context, document: AnyDocument): Promise<LabelledText[]> {
  const texts: LabelledText[] = []
  for (const part of ctx.site.apps.all.flatMap(partsOf)) {
    const text = await part.searchTexts?.[document.doctype]?.(ctx, document)
    if (text) texts.push({ label: '', text: text.slice(0, longestText).replaceAll('\0', ' ') })
  }
  return texts
}

const dayMs = 86_400_000

/** The day of a document's last change: whole days since 1970. */
export function dayOf(document: AnyDocument): number {
  return Math.floor(Date.parse(`${document.modified.slice(0, 19).replace(' ', 'T')}Z`) / dayMs)
}
