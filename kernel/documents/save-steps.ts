import { recordAudit } from '#kernel/audit/audit.ts'
import type { Context } from '#kernel/context/context.ts'
import { laterThan } from '#kernel/context/time.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { restoreForbidden } from '#kernel/permissions/field-access.ts'
import type { Action } from '#kernel/permissions/grant.ts'
import { demand } from '#kernel/permissions/grants.ts'
import { checkWorkflow, enterWorkflow, fieldsOfTransition } from '#kernel/workflow/steps.ts'
import { changedFields, checkFields, checkUnchangeable } from './checks.ts'
import { applyDefaults } from './defaults.ts'
import type { AnyDocument, HookName } from './document.ts'
import { CancelledIsFinal, NotForDocuments, Stale, StillLinked, SubmittedIsFixed, TransitionRefused } from './errors.ts'
import { changesetOf, isEmptyChangeset, recordVersion } from './history.ts'
import { runHook } from './hooks.ts'
import { checkLinks } from './links.ts'
import { find } from './load.ts'
import { nameDocument } from './naming.ts'
import { fillDefaults, notCancelled } from './new-document.ts'
import { placesOf, type SaveKind, type SaveOperation } from './operation.ts'
import { changedSecrets, storeSecrets, takeSecrets } from './passwords.ts'
import { dependentsOf, nameable } from './references.ts'
import { placeInTree } from './tree.ts'
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
  enterWorkflow, // where the DocType has one
  hooksOnInsert,
  assignName,
  hooksBefore,
  checkWorkflow,
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
  // Who may submit may not thereby change what is submitted.
  if (before && kind === 'submit' && changedFields(meta, document, before).length > 0) await demand(ctx, 'write', meta.name, before)
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
  const { meta, document, before, kind } = operation
  // Nothing checks values on this way out, so nothing may come in by it.
  const open = fieldsOfTransition(operation)
  const [smuggled] = before && kind === 'cancel' ? changedFields(meta, document, before).filter((field) => !open.has(field)) : []
  if (smuggled) throw new SubmittedIsFixed({ doctype: meta.name, name: String(document.name), field: smuggled })
  if (operation.before) checkUnchangeable(await placesOf(operation), operation.kind === 'update-after-submit', open)
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
  if (by.length > 0) throw new StillLinked({ doctype: meta.name, name: String(document.name), ...(await nameable(ctx, by)) })
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
