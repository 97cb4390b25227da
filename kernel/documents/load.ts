import type { Context } from '#kernel/context/context.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { demandStored } from '#kernel/permissions/demand-stored.ts'
import { demand } from '#kernel/permissions/grants.ts'
import { noteReads } from '#kernel/permissions/reads.ts'
import { assignValues, documentForm } from './cast.ts'
import type { AnyDocument } from './document.ts'
import { DocumentNotFound, NotForDocuments } from './errors.ts'
import { holdLock } from './counters.ts'
import { isAutoincrement, readDocument } from './rows.ts'
import { readSingle } from './singles.ts'
import { lockTree } from './tree.ts'
import { virtualController } from './virtual.ts'

/** A document that the user may read. @throws DocTypeNotFound, DocumentNotFound, PermissionDenied */
export async function getDocument(ctx: Context, doctype: string, name: string | number): Promise<AnyDocument> {
  const meta = ctx.site.meta.cached(doctype) ?? (await ctx.site.meta.get(doctype))
  await demand(ctx, 'read', meta.name)
  const document = await load(ctx, meta, name)
  await demandStored(ctx, 'read', meta, document)
  noteReads(ctx, meta.name, [document.name], 'read')
  return document
}

/** The document of a single DocType. @throws PermissionDenied, NotForDocuments */
export async function getSingle(ctx: Context, doctype: string): Promise<AnyDocument> {
  const meta = await ctx.site.meta.get(doctype)
  if (!meta.isSingle) throw new NotForDocuments({ doctype: meta.name, reason: 'it is not a single document.' })
  return getDocument(ctx, meta.name, meta.name)
}

/** Reads a document as stored, without asking whether the user may. @throws DocumentNotFound */
export async function load(ctx: Context, meta: Meta, name: string | number, lock = false): Promise<AnyDocument> {
  const document = await find(ctx, meta, name, lock)
  if (!document) throw new DocumentNotFound({ doctype: meta.name, name: String(name).slice(0, 140) })
  return document
}

/** As `load`; undefined where there is none. */
export async function find(ctx: Context, meta: Meta, name: string | number, lock = false): Promise<AnyDocument | undefined> {
  if (meta.isSingle) {
    if (String(name) !== meta.name) return undefined
    // Its values are many rows: one writer at a time, so that nobody mixes two states.
    if (lock) await holdLock(ctx, `single:${meta.name}`)
    return readSingle(ctx, ctx.db, meta)
  }
  if (meta.isVirtual) return findVirtual(ctx, meta, String(name))
  // No name holds a zero character, and PostgreSQL would not even compare one.
  if (String(name).includes('\0')) return undefined
  if (isAutoincrement(meta) && !/^\d{1,15}$/.test(String(name))) return undefined
  if (lock) await ctx.db.begin()
  // The tree before the row, as everybody who moves a branch does: otherwise two would wait for each other.
  if (lock && meta.isTree) await lockTree(ctx, meta)
  return readDocument(ctx.db, ctx.site.meta, meta, isAutoincrement(meta) ? Number(name) : String(name), lock)
}

async function findVirtual(ctx: Context, meta: Meta, name: string): Promise<AnyDocument | undefined> {
  const values = await virtualController(ctx, meta).load(ctx, name)
  if (!values) return undefined
  const document = Object.create(ctx.site.apps.prototype(meta.name)) as AnyDocument
  await assignValues(ctx, meta, document, values, documentForm)
  return Object.assign(document, {
    doctype: meta.name,
    name,
    owner: values.owner ?? 'Administrator',
    creation: values.creation ?? null,
    modified: values.modified ?? null,
    modified_by: values.modified_by ?? 'Administrator',
    docstatus: values.docstatus ?? 0,
    idx: values.idx ?? 0,
  }) as AnyDocument
}

/** Whether a document of that name is stored; says nothing about the right to see it. */
export async function exists(ctx: Context, doctype: string, name: string | number): Promise<boolean> {
  const meta = await ctx.site.meta.get(doctype)
  return (await find(ctx, meta, name)) !== undefined
}
