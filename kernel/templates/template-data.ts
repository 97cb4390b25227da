import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { toWire } from '#kernel/documents/wire.ts'
import { getDocument } from '#kernel/documents/load.ts'

/**
 * A document for a template, as the context's user may read it: fields of closed levels are missing, masked ones masked, times in the
 * site's time zone. Secrets are asterisks. Whoever calls has checked that the user may read the document, or has just read it by
 * `getDocument`.
 */
export async function templateData(ctx: Context, document: AnyDocument): Promise<Record<string, unknown>> {
  const wire = await toWire(ctx, document, { version: 1, zone: ctx.site.timeZone })
  // Decimals become text with all their digits; what remains is plain data without prototypes of ours.
  return JSON.parse(JSON.stringify(wire)) as Record<string, unknown>
}

/** As `templateData`, for a document that is yet to be read. @throws DocumentNotFound, PermissionDenied */
export async function templateDataOf(ctx: Context, doctype: string, name: string): Promise<Record<string, unknown>> {
  return templateData(ctx, await getDocument(ctx, doctype, name))
}
