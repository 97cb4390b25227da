import type { Context } from '#kernel/context/context.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import type { AnyDocument } from './document.ts'
import type { Placed } from './links.ts'
import type { NamingRequest } from './naming.ts'

/** What is being done to the document; each step of the life cycle says itself to which of these it applies. */
export type SaveKind = 'insert' | 'save' | 'submit' | 'update-after-submit' | 'cancel' | 'discard'

/** One save on its way through the steps of save.ts. */
export interface SaveOperation {
  readonly ctx: Context
  readonly meta: Meta
  readonly kind: SaveKind
  readonly document: AnyDocument
  /** The stored state, locked; undefined for an insert. */
  readonly before: AnyDocument | undefined
  readonly naming: NamingRequest
  readonly now: string
  /** The document's `modified` as the caller knows it; undefined: not checked. */
  readonly expected: string | undefined
  /** An insert whose document is submitted right away. */
  readonly submitsOnInsert: boolean
}

/** The document and all its rows, each with its earlier state. */
export async function placesOf(operation: Pick<SaveOperation, 'ctx' | 'meta' | 'document' | 'before'>): Promise<Placed[]> {
  const { ctx, meta, document, before } = operation
  const places: Placed[] = [{ meta, row: document, before, path: '' }]
  for (const table of meta.tables) {
    const rows = ((document as Record<string, unknown>)[table.fieldname] as AnyDocument[] | undefined) ?? []
    if (rows.length === 0) continue
    const child = await ctx.site.meta.meta(table.options ?? '')
    const earlier = new Map(
      (((before as Record<string, unknown> | undefined)?.[table.fieldname] as AnyDocument[] | undefined) ?? []).map((row) => [
        row.name,
        row,
      ]),
    )
    for (const [index, row] of rows.entries())
      places.push({ meta: child, row, before: earlier.get(row.name), path: `${table.fieldname}[${index}].` })
  }
  return places
}
