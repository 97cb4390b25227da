import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { toWire, writtenToWire } from '#kernel/documents/wire.ts'
import type { Wire } from '#kernel/fields/field-type.ts'

/** How methods read and write values: as v1 does, in the site's time zone. */
export function wireV1(ctx: Pick<Context, 'site'>): Wire {
  return { version: 1, zone: ctx.site.timeZone }
}

/** A document as methods answer it: empty fields are there, as null. */
export function shownV1(ctx: Context, document: AnyDocument): Promise<Record<string, unknown>> {
  return toWire(ctx, document, wireV1(ctx))
}

/** As `shownV1`, of a document that the caller has just written. */
export function writtenV1(ctx: Context, document: AnyDocument): Promise<Record<string, unknown>> {
  return writtenToWire(ctx, document, wireV1(ctx))
}
