import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { PreconditionFailed } from './errors.ts'

/**
 * The ETag of a document for its reader: when it was last saved, and which definitions and rights shaped the answer. Undefined where a
 * document has no time of change, or fields that are computed anew each time.
 */
export function etagOf(ctx: Context, document: AnyDocument): string | undefined {
  if (!document.modified || ctx.site.meta.cached(document.doctype)?.fields.some((field) => field.is_virtual)) return undefined
  const { meta, access } = ctx.site.epoch
  return `"${versionOf(document)}.${meta}.${access}"`
}

function versionOf(document: AnyDocument): string {
  return document.modified.replaceAll(/\D/g, '')
}

/** Whether the caller has this answer already. */
export function isKnown(ifNoneMatch: string | undefined, etag: string | undefined): boolean {
  return ifNoneMatch !== undefined && etag !== undefined && tags(ifNoneMatch).some((tag) => tag === '*' || tag === etag)
}

/** Refuses a write to a document that is no longer as the caller saw it. Rights may have changed meanwhile: they do not count. @throws PreconditionFailed */
export function demandMatch(ifMatch: string | undefined, document: AnyDocument): void {
  if (ifMatch === undefined || !document.modified) return
  const version = versionOf(document)
  if (tags(ifMatch).some((tag) => tag === '*' || tag.startsWith(`"${version}.`))) return
  throw new PreconditionFailed({ doctype: document.doctype, name: String(document.name) })
}

function tags(header: string): string[] {
  return header.split(',').map((tag) => tag.trim().replace(/^W\//, ''))
}
