import { recordAudit } from '#kernel/audit/audit.ts'
import type { Context } from '#kernel/context/context.ts'
import { laterThan, nowText } from '#kernel/context/time.ts'
import type { Wire } from '#kernel/fields/field-type.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { demandStored } from '#kernel/permissions/demand-stored.ts'
import { demand } from '#kernel/permissions/grants.ts'
import { restoreForbidden } from '#kernel/permissions/field-access.ts'
import type { Action } from '#kernel/permissions/grant.ts'
import { assignValues, copyOf, documentForm } from './cast.ts'
import { changedFields, checkFields, checkUnchangeable } from './checks.ts'
import { applyDefaults } from './defaults.ts'
import type { AnyDocument, HookName } from './document.ts'
import { CancelledIsFinal, NotForDocuments, Stale, StillLinked, TransitionRefused } from './errors.ts'
import { changesetOf, isEmptyChangeset, recordVersion } from './history.ts'
import { runHook } from './hooks.ts'
import { checkLinks } from './links.ts'
import { find, load } from './load.ts'
import { type NamingRequest, nameDocument } from './naming.ts'
import { placesOf, type SaveKind, type SaveOperation } from './operation.ts'
import { changedSecrets, storeSecrets, takeSecrets } from './passwords.ts'
import { dependentsOf } from './references.ts'
import { lockTree, placeInTree } from './tree.ts'
import { writeDocument } from './write.ts'

type SaveStep = (operation: SaveOperation) => Promise<void> | void

/**
 * The life of a save, from first to last. Insert, update, submit and cancel walk the same list; a step that does not concern one
 * of them says so itself. docs/kernel/documents.md explains each.
 */
export const saveSteps: readonly SaveStep[] = [
  checkKind,
  checkTransition,
  checkNotStale,
  restoreForbiddenFields, // levels that the user may not write keep their stored value
  fillDefaults,
  stamp,
  checkMay, // before anything is looked up for the caller
  checkAllLinks, // and what they bring along
  checkAllowed, // the stored state, and for an insert the new one
  hooksOnInsert,
  assignName,
  hooksBefore,
  keepNamingField,
  checkValues,
  checkConstants,
  checkStillAllowed, // the state about to be written
  takeSecrets,
  writeDocument,
  storeSecrets,
  keepTree,
  hooksAfter,
  checkNotStranding, // cancelled, though something submitted relies on it
  recordHistory,
  announce,
]

/** How a caller's values are to be read, and what it knows of the document. */
export interface SaveOptions {
  /** How values are written; documentForm (UTC times) unless an API hands them over. */
  wire?: Wire
  naming?: NamingRequest
  /** `modified` as the caller saw it, in document form: refuse when somebody saved since. */
  expected?: string
}

/** A new document with its defaults, not stored. @throws UnknownField, BadValue */
export async function newDocument(
  ctx: Context,
  doctype: string,
  values: Record<string, unknown> = {},
  wire: Wire = documentForm,
): Promise<AnyDocument> {
  const meta = await ctx.site.meta.get(doctype)
  const document = await blank(ctx, meta, values, wire)
  await fillDefaults({ ctx, meta, document, before: undefined, kind: 'insert' } as SaveOperation)
  return document
}

async function blank(ctx: Context, meta: Meta, values: Record<string, unknown>, wire: Wire): Promise<AnyDocument> {
  const document = Object.create(ctx.site.apps.prototype(meta.name)) as AnyDocument
  document.doctype = meta.name
  document.docstatus = 0
  await assignValues(ctx, meta, document, values, wire)
  return document
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
  const document = await blank(ctx, meta, values, options.wire ?? documentForm)
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

const notCancelled = 'only a cancelled document can be amended.'

/** A draft that replaces a cancelled document; unsaved. @throws TransitionRefused */
export async function amend(ctx: Context, document: AnyDocument): Promise<AnyDocument> {
  if (document.docstatus !== 2)
    throw new TransitionRefused({ doctype: document.doctype, name: document.name, from: document.docstatus, to: 0, reason: notCancelled })
  await demand(ctx, 'amend', document.doctype, document)
  const copy = await copyAsNew(ctx, document)
  ;(copy as Record<string, unknown>).amended_from = document.name
  return copy
}

/** A new, unsaved document with the same values; fields marked no_copy start afresh. */
export async function copyAsNew(ctx: Context, document: AnyDocument): Promise<AnyDocument> {
  const meta = await ctx.site.meta.get(document.doctype)
  const copy = Object.create(ctx.site.apps.prototype(meta.name)) as Record<string, unknown>
  copy.doctype = meta.name
  copy.docstatus = 0
  for (const field of meta.fields) {
    if (field.no_copy || field.type.kind === 'none' || field.is_virtual || field.fieldtype === 'Password') continue
    const value = (document as Record<string, unknown>)[field.fieldname]
    copy[field.fieldname] = field.type.kind === 'table' ? await copyRows(ctx, field.options ?? '', value as AnyDocument[]) : value
  }
  await fillDefaults({ ctx, meta, document: copy, before: undefined, kind: 'insert' } as never)
  return copy as unknown as AnyDocument
}

async function copyRows(ctx: Context, doctype: string, rows: readonly AnyDocument[] = []): Promise<AnyDocument[]> {
  const child = await ctx.site.meta.meta(doctype)
  return rows.map((row) => {
    const copy = Object.create(Object.getPrototypeOf(row) as object) as Record<string, unknown>
    copy.doctype = child.name
    for (const field of child.fields)
      if (!field.no_copy && field.stored && field.fieldtype !== 'Password')
        copy[field.fieldname] = (row as Record<string, unknown>)[field.fieldname]
    return copy as unknown as AnyDocument
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

// --- The steps, in the order of the list ---------------------------------------------------------------------------------

/** DocTypes whose rows only the kernel writes. */
const kernelOnly = new Set(['Audit Entry', 'Audit Seal', 'Version', 'Deleted Document'])

function checkKind({ meta, ctx }: SaveOperation): void {
  if (meta.isTable) throw new NotForDocuments({ doctype: meta.name, reason: 'its rows are saved with the document they belong to.' })
  if (kernelOnly.has(meta.name)) throw new NotForDocuments({ doctype: meta.name, reason: 'only the platform writes these records.' })
  if (meta.definition.read_only && !ctx.user.unrestricted) throw new NotForDocuments({ doctype: meta.name, reason: 'it is read only.' })
}

function checkTransition({ meta, document, before, kind, submitsOnInsert }: SaveOperation): void {
  const refuse = (from: number, to: number, reason: string): never => {
    throw new TransitionRefused({ doctype: meta.name, name: String(document.name ?? ''), from, to, reason })
  }
  const to = document.docstatus
  if (to !== 0 && to !== 1 && to !== 2)
    refuse(before?.docstatus ?? 0, Number(to), 'docstatus is 0 (draft), 1 (submitted) or 2 (cancelled).')
  if (!before) {
    if (to === 2) refuse(0, 2, 'a new document cannot be cancelled.')
    if (submitsOnInsert && !meta.isSubmittable) refuse(0, 1, 'documents of this type cannot be submitted.')
    return
  }
  const from = before.docstatus
  if (from === 2) throw new CancelledIsFinal({ doctype: meta.name, name: String(document.name) })
  if (from === 0 && to === 1 && !meta.isSubmittable) refuse(from, to, 'documents of this type cannot be submitted.')
  if (from === 0 && to === 2 && kind !== 'discard') refuse(from, to, 'a draft cannot be cancelled; submit it first, or discard it.')
  if (kind === 'discard' && from !== 0) refuse(from, to, 'only a draft can be discarded.')
  if (from === 1 && to === 0) refuse(from, to, 'a submitted document cannot become a draft again.')
}

function checkNotStale({ meta, document, before, expected }: SaveOperation): void {
  if (!before || expected === undefined || expected === null || before.modified === expected || meta.isVirtual) return
  throw new Stale({
    doctype: meta.name,
    name: String(document.name),
    fields: changedFields(meta, document, before),
    modified: before.modified,
    modifiedBy: before.modified_by,
  })
}

async function restoreForbiddenFields({ ctx, meta, document, before }: SaveOperation): Promise<void> {
  if (!ctx.user.unrestricted) await restoreForbidden(ctx, meta, document, before ?? ({} as AnyDocument))
}

async function fillDefaults(operation: SaveOperation): Promise<void> {
  const { ctx, meta, document, before } = operation
  if (!before) await applyDefaults(ctx, meta, document)
  for (const place of await placesOf(operation)) if (place.path !== '' && !place.before) await applyDefaults(ctx, place.meta, place.row)
}

/** Columns that change without a save, when somebody comments or a tree shifts: what the caller read may be older than the row. */
const kept = ['_user_tags', '_comments', '_assign', '_liked_by', '_seen', 'lft', 'rgt', 'old_parent'] as const

function stamp({ ctx, meta, document, before, now }: SaveOperation): void {
  if (before) {
    document.owner = before.owner
    document.creation = before.creation
    document.idx = before.idx
    document.name = before.name
    for (const fieldname of kept) if (meta.column.has(fieldname)) (document as Record<string, unknown>)[fieldname] = before[fieldname]
  } else {
    document.owner = ctx.user.name
    document.creation = now
    document.idx = 0
  }
  document.modified = laterThan(now, before?.modified)
  document.modified_by = ctx.user.name
}

const actionOf: Record<SaveKind, Action> = {
  insert: 'create',
  save: 'write',
  submit: 'submit',
  'update-after-submit': 'write',
  cancel: 'cancel',
  discard: 'write',
}

async function checkMay({ ctx, meta, kind }: SaveOperation): Promise<void> {
  await demand(ctx, actionOf[kind], meta.name)
}

async function checkAllowed({ ctx, meta, kind, document, before, submitsOnInsert }: SaveOperation): Promise<void> {
  await demand(ctx, actionOf[kind], meta.name, before ?? document)
  if (submitsOnInsert) await demand(ctx, 'submit', meta.name, document)
  if (!before && meta.isSubmittable && document.amended_from) await checkAmended(ctx, meta, String(document.amended_from))
}

/** A missing original is for the link check to tell. */
async function checkAmended(ctx: Context, meta: Meta, name: string): Promise<void> {
  const original = await find(ctx, meta, name)
  if (!original) return
  if (original.docstatus !== 2)
    throw new TransitionRefused({ doctype: meta.name, name, from: original.docstatus, to: 0, reason: notCancelled })
  await demand(ctx, 'amend', meta.name, original)
}

async function checkAllLinks(operation: SaveOperation): Promise<void> {
  if (operation.kind !== 'cancel' && operation.kind !== 'discard') await checkLinks(operation.ctx, await placesOf(operation))
}

async function hooksOnInsert({ ctx, meta, document, kind }: SaveOperation): Promise<void> {
  if (kind === 'insert') await runHook(ctx, meta, document, 'before_insert')
}

async function assignName({ ctx, meta, document, kind, naming }: SaveOperation): Promise<void> {
  if (kind === 'insert') await nameDocument(ctx, meta, document, naming)
}

const hooksBeforeWrite: Record<SaveKind, readonly HookName[]> = {
  insert: ['before_validate', 'validate', 'before_save'],
  save: ['before_validate', 'validate', 'before_save'],
  submit: ['before_validate', 'validate', 'before_submit'],
  'update-after-submit': ['before_update_after_submit'],
  cancel: ['before_cancel'],
  discard: ['before_discard'],
}

async function hooksBefore({ ctx, meta, document, before, kind, submitsOnInsert }: SaveOperation): Promise<void> {
  const names = submitsOnInsert ? hooksBeforeWrite.submit : hooksBeforeWrite[kind]
  for (const name of names) await runHook(ctx, meta, document, name, { before })
}

/** `field:x` naming: x goes on saying the same as the name; `rename` changes both. */
function keepNamingField({ meta, document, before }: SaveOperation): void {
  const fieldname = /^field:(.+)$/.exec(meta.definition.autoname ?? '')?.[1]?.trim()
  const fields = document as Record<string, unknown>
  if (!fieldname || !meta.column.has(fieldname)) return
  if (before && String(before[fieldname]) === before.name) fields[fieldname] = before[fieldname]
  // The name is the field's text without the spaces around it.
  else if (!before && typeof fields[fieldname] === 'string' && fields[fieldname].trim() === document.name) fields[fieldname] = document.name
}

async function checkValues(operation: SaveOperation): Promise<void> {
  if (operation.kind === 'cancel' || operation.kind === 'discard') return
  const places = await placesOf(operation)
  // A hook may have added rows.
  for (const place of places) if (place.path !== '' && !place.before) await applyDefaults(operation.ctx, place.meta, place.row)
  checkFields(operation.ctx, places)
}

async function checkConstants(operation: SaveOperation): Promise<void> {
  if (operation.before) checkUnchangeable(await placesOf(operation), operation.kind === 'update-after-submit')
}

async function checkStillAllowed({ ctx, meta, kind, document }: SaveOperation): Promise<void> {
  if (!ctx.user.unrestricted) await demand(ctx, actionOf[kind], meta.name, document)
}

async function keepTree({ ctx, meta, document, before }: SaveOperation): Promise<void> {
  await placeInTree(ctx, meta, document, before)
}

const hooksAfterWrite: Record<SaveKind, readonly HookName[]> = {
  insert: ['after_insert', 'on_update'],
  save: ['on_update'],
  submit: ['on_update', 'on_submit'],
  'update-after-submit': ['on_update_after_submit'],
  cancel: ['on_cancel'],
  discard: ['on_discard'],
}

async function hooksAfter({ ctx, meta, document, kind, submitsOnInsert, before }: SaveOperation): Promise<void> {
  for (const name of hooksAfterWrite[kind]) await runHook(ctx, meta, document, name, { before })
  if (submitsOnInsert) await runHook(ctx, meta, document, 'on_submit', { before })
}

async function checkNotStranding({ ctx, meta, document, kind }: SaveOperation): Promise<void> {
  if (kind !== 'cancel' || meta.isSingle || meta.isVirtual) return
  const by = await dependentsOf(ctx, meta, document.name, { submittedOnly: true })
  if (by.length > 0) throw new StillLinked({ doctype: meta.name, name: String(document.name), by })
}

const auditNames: Record<SaveKind, string> = {
  insert: 'insert',
  save: 'update',
  submit: 'submit',
  'update-after-submit': 'update',
  cancel: 'cancel',
  discard: 'discard',
}

async function recordHistory(operation: SaveOperation): Promise<void> {
  const { ctx, meta, document, before, kind, now } = operation
  const changes = changesetOf(meta, before, document, (name) => ctx.site.meta.cached(name))
  // Asterisks before and after: only the vault knows that it holds something else now.
  for (const fieldname of changedSecrets(operation))
    if (!changes.changed.some(([known]) => known === fieldname)) changes.changed.push([fieldname, '***', '***'])
  if (before && meta.definition.track_changes && !isEmptyChangeset(changes)) await recordVersion(ctx, meta, document, changes, now)
  await recordAudit(ctx, { action: auditNames[kind], doctype: meta.name, name: String(document.name), changes })
}

async function announce({ ctx, meta, document, before }: SaveOperation): Promise<void> {
  await runHook(ctx, meta, document, 'on_change', { before })
}
