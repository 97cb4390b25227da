import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import type { Wire } from '#kernel/fields/field-type.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { demandStored } from '#kernel/permissions/demand-stored.ts'
import type { Action } from '#kernel/permissions/grant.ts'
import { demand } from '#kernel/permissions/grants.ts'
import { assignValues, copyOf, documentForm } from './cast.ts'
import type { AnyDocument } from './document.ts'
import { find, load } from './load.ts'
import type { NamingRequest } from './naming.ts'
import { blankDocument } from './new-document.ts'
import type { SaveKind, SaveOperation } from './operation.ts'
import { saveSteps } from './save-steps.ts'
import { lockTree } from './tree.ts'

/** How a caller's values are to be read, and what it knows of the document. */
export interface SaveOptions {
  /** How values are written; documentForm (UTC times) unless an API hands them over. */
  wire?: Wire
  naming?: NamingRequest
  /** `modified` as the caller saw it, in document form: refuse when somebody saved since. */
  expected?: string
}

/**
 * Stores a new document. `docstatus: 1` among the values submits it at once.
 * @throws PermissionDenied, MandatoryMissing, LinkNotFound, NameTaken … ; nothing is stored then
 */
export async function insert(
  ctx: Context,
  doctype: string,
  values: Record<string, unknown>,
  options: SaveOptions = {},
): Promise<AnyDocument> {
  const meta = await ctx.site.meta.get(doctype)
  if (meta.isSingle) return save(ctx, await load(ctx, meta, meta.name), values, options)
  await ctx.db.begin()
  if (meta.isTree) await lockTree(ctx, meta)
  const document = await blankDocument(ctx, meta, values, options.wire ?? documentForm)
  document.docstatus = docstatusOf(values.docstatus ?? 0)
  const submitsOnInsert = document.docstatus === 1
  return perform({
    ctx,
    meta,
    kind: 'insert',
    document,
    before: undefined,
    submitsOnInsert,
    naming: options.naming ?? givenName(values),
    now: nowText(ctx),
    expected: undefined,
  })
}

/** What else a caller may write is no state: a list that holds a 1 must not submit. checkTransition refuses it. */
function docstatusOf(given: unknown): 0 | 1 | 2 {
  const isPlain = typeof given === 'number' || (typeof given === 'string' && /^[012]$/.test(given))
  return (isPlain ? Number(given) : Number.NaN) as 0 | 1 | 2
}

function givenName(values: Record<string, unknown>): NamingRequest {
  const given = values.name ?? values.__newname
  return typeof given === 'string' || typeof given === 'number' ? { given: String(given) } : {}
}

/** Opens a document for change: the transaction is open, the row locked, the right to write checked. @throws DocumentNotFound, PermissionDenied */
export async function openForWrite(ctx: Context, doctype: string, name: string | number, action: Action = 'write'): Promise<AnyDocument> {
  const meta = await ctx.site.meta.get(doctype)
  await demand(ctx, action, meta.name)
  const document = await load(ctx, meta, name, true)
  await demandStored(ctx, action, meta, document)
  return document
}

/**
 * Stores a changed document. A changed `docstatus` submits or cancels it.
 * @param values written onto the document first; absent keys stay, a table given replaces its rows
 */
export async function save(
  ctx: Context,
  document: AnyDocument,
  values: Record<string, unknown> = {},
  options: SaveOptions = {},
): Promise<AnyDocument> {
  const meta = await ctx.site.meta.get(document.doctype)
  await ctx.db.begin()
  const before = await find(ctx, meta, document.name, true)
  // Loaded a moment ago and then deleted, or never stored: the answer to the caller is the same.
  if (!before) return load(ctx, meta, document.name)
  await assignValues(ctx, meta, document, values, options.wire ?? documentForm)
  if (values.docstatus !== undefined && values.docstatus !== null) document.docstatus = docstatusOf(values.docstatus)
  const expected = options.expected ?? document.modified ?? undefined
  return perform({
    ctx,
    meta,
    kind: kindOf(meta, before, document),
    document,
    before,
    submitsOnInsert: false,
    naming: {},
    now: nowText(ctx),
    expected,
  })
}

/** Makes a document final. @throws TransitionRefused */
export function submit(
  ctx: Context,
  document: AnyDocument,
  values: Record<string, unknown> = {},
  options: SaveOptions = {},
): Promise<AnyDocument> {
  return save(ctx, document, { ...values, docstatus: 1 }, options)
}

/** Takes a submitted document back. @throws TransitionRefused, StillLinked */
export function cancel(ctx: Context, document: AnyDocument, options: SaveOptions = {}): Promise<AnyDocument> {
  return save(ctx, document, { docstatus: 2 }, options)
}

/** Drops a draft without deleting it. @throws TransitionRefused */
export async function discard(ctx: Context, document: AnyDocument): Promise<AnyDocument> {
  const meta = await ctx.site.meta.get(document.doctype)
  const before = await load(ctx, meta, document.name, true)
  const after = copyOf(before)
  after.docstatus = 2
  return perform({
    ctx,
    meta,
    kind: 'discard',
    document: after,
    before,
    submitsOnInsert: false,
    naming: {},
    now: nowText(ctx),
    expected: document.modified,
  })
}

async function perform(operation: SaveOperation): Promise<AnyDocument> {
  for (const step of saveSteps) await step(operation)
  return operation.document
}

function kindOf(meta: Meta, before: AnyDocument, document: AnyDocument): SaveKind {
  if (before.docstatus === 0 && document.docstatus === 1) return 'submit'
  if (before.docstatus === 1 && document.docstatus === 2) return 'cancel'
  return before.docstatus === 1 && document.docstatus === 1 && meta.isSubmittable ? 'update-after-submit' : 'save'
}
