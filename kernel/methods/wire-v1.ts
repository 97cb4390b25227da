import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { toWire } from '#kernel/documents/wire.ts'
import type { Wire } from '#kernel/fields/field-type.ts'

/** How methods read and write values: as v1 does, in the site's time zone. */
export function wireV1(ctx: Pick<Context, 'site'>): Wire {
  return { version: 1, zone: ctx.site.timeZone }
}

/** A document as methods answer it: empty fields are there, as null. */
export function shownV1(ctx: Context, document: AnyDocument): Promise<Record<string, unknown>> {
  return toWire(ctx, document, wireV1(ctx))
}
