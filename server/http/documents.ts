import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { remove } from '#kernel/documents/remove.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { toWire, writtenToWire } from '#kernel/documents/wire.ts'
import { expectedVersion } from '#kernel/methods/document-input.ts'
import { demandMatch, etagOf, isKnown } from './etag.ts'
import { type Answer, type Call, wireOf } from './exchange.ts'

/** One document, or 304 when the caller has it already. */
export async function readOne(ctx: Context, call: Call, doctype: string, name: string): Promise<Answer> {
  const document = await getDocument(ctx, doctype, name)
  const etag = etagOf(ctx, document)
  if (isKnown(call.headers['if-none-match'], etag)) return { status: 304, headers: { etag: etag as string } }
  return { data: await shown(ctx, call, document), ...(etag && { headers: { etag } }) }
}

/** Adds a document. v2 lets the caller name it. */
export async function addOne(ctx: Context, call: Call, doctype: string, values: Record<string, unknown>): Promise<Answer> {
  const given = typeof values.name === 'string' || typeof values.name === 'number' ? String(values.name) : undefined
  const naming = call.version === 2 && given ? { given, honourGiven: true } : undefined
  const document = await insert(ctx, doctype, values, { wire: wireOf(ctx.site, call.version), ...(naming && { naming }) })
  return written(ctx, call, document)
}

/** Changes the fields that are given. `modified` among them, or If-Match, refuses when somebody saved meanwhile. */
export async function changeOne(ctx: Context, call: Call, doctype: string, name: string, values: Record<string, unknown>): Promise<Answer> {
  const wire = wireOf(ctx.site, call.version)
  const document = await openForWrite(ctx, doctype, name)
  demandMatch(call.headers['if-match'], document)
  const expected = expectedVersion(document, values.modified, wire)
  return written(ctx, call, await save(ctx, document, values, { wire, ...(expected !== undefined && { expected }) }))
}

/** Deletes a document. */
export async function removeOne(ctx: Context, call: Call, doctype: string, name: string): Promise<Answer> {
  if (call.headers['if-match'] !== undefined) demandMatch(call.headers['if-match'], await openForWrite(ctx, doctype, name, 'delete'))
  await remove(ctx, doctype, name)
  return { status: 202, data: 'ok' }
}

async function written(ctx: Context, call: Call, document: AnyDocument): Promise<Answer> {
  const etag = etagOf(ctx, document)
  return { data: await shownToWriter(ctx, call, document), ...(etag && { headers: { etag } }) }
}

/** As `shown`, of a document that the caller has just written. */
export function shownToWriter(ctx: Context, call: Call, document: AnyDocument): Promise<Record<string, unknown>> {
  return writtenToWire(ctx, document, wireOf(ctx.site, call.version), { omitNulls: call.version === 1 })
}

/** The document as this version of the API writes it: v1 leaves empty fields out. */
export function shown(ctx: Context, call: Call, document: AnyDocument): Promise<Record<string, unknown>> {
  return toWire(ctx, document, wireOf(ctx.site, call.version), { omitNulls: call.version === 1 })
}
