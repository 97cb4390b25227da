import { evaluateCondition } from '#client/rules/expression.ts'
import type { Context } from '#kernel/context/context.ts'
import type { Value } from '#kernel/fields/field-type.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import { isUnset, sameValue } from './cast.ts'
import type { AnyDocument } from './document.ts'
import { ConstantChanged, MandatoryMissing, SubmittedIsFixed } from './errors.ts'
import type { Placed } from './links.ts'

/** Refuses a document in which a mandatory field is empty or a value breaks its field's rules. @throws MandatoryMissing, NotAnOption, TooLong, … */
export function checkFields(ctx: Context, places: readonly Placed[]): void {
  const missing: { path: string; label: string }[] = []
  const document = (places[0] as Placed).row
  for (const { meta, row, path } of places) {
    const values = row as Record<string, unknown>
    for (const field of meta.fields) {
      if (field.type.kind === 'none' || field.is_virtual) continue
      const value = values[field.fieldname]
      if (isEmpty(field, value)) {
        if (isMandatory(ctx, field, row, document)) missing.push({ path: path + field.fieldname, label: field.label || field.fieldname })
      } else if (field.type.kind !== 'table') field.type.check(value as Value, field, path + field.fieldname)
    }
  }
  if (missing.length === 0) return
  throw new MandatoryMissing({
    doctype: document.doctype,
    name: String(document.name ?? ''),
    field: missing[0]?.path ?? '',
    fields: missing.map((one) => one.path),
    labels: missing.map((one) => one.label),
  })
}

function isEmpty(field: MetaField, value: unknown): boolean {
  if (value === null || value === undefined) return true
  if (field.type.kind === 'table') return (value as unknown[]).length === 0
  return typeof value === 'string' && value.trim() === ''
}

function isMandatory(ctx: Context, field: MetaField, row: AnyDocument, document: AnyDocument): boolean {
  if (field.reqd) return true
  const condition = field.mandatory_depends_on
  return Boolean(condition) && evaluateCondition(String(condition), { doc: row, parent: document, row, user: ctx.user.name })
}

/**
 * Refuses changes to what may be set only once, and, on submitted documents, to what was not left open.
 * @param open fields of the document itself that may change although it is submitted
 * @throws ConstantChanged, SubmittedIsFixed
 */
export function checkUnchangeable(places: readonly Placed[], afterSubmit: boolean, open: ReadonlySet<string>): void {
  for (const { meta, row, before, path } of places) {
    if (!before) continue
    for (const field of meta.fields) {
      if (field.type.kind === 'none' || field.is_virtual || !(field.set_only_once || afterSubmit)) continue
      const now = (row as Record<string, unknown>)[field.fieldname]
      const then = (before as Record<string, unknown>)[field.fieldname]
      if (field.type.kind === 'table') {
        if (afterSubmit && !field.allow_on_submit && rowsDiffer(now as AnyDocument[], then as AnyDocument[]))
          throw new SubmittedIsFixed({ doctype: meta.name, name: String(row.name), field: path + field.fieldname })
        if (field.set_only_once && !isEmpty(field, then) && tablesDiffer(now as AnyDocument[], then as AnyDocument[]))
          throw new ConstantChanged({ doctype: meta.name, name: String(row.name), field: path + field.fieldname })
        continue
      }
      if (sameValue(now, then)) continue
      if (field.set_only_once && !isEmpty(field, then) && !isUnset(then))
        throw new ConstantChanged({ doctype: meta.name, name: String(row.name), field: path + field.fieldname })
      if (afterSubmit && !field.allow_on_submit && !(path === '' && open.has(field.fieldname)))
        throw new SubmittedIsFixed({ doctype: meta.name, name: String(row.name), field: path + field.fieldname })
    }
  }
}

function rowsDiffer(now: readonly AnyDocument[] | undefined, then: readonly AnyDocument[] | undefined): boolean {
  const before = new Set((then ?? []).map((row) => row.name))
  return (now ?? []).length !== before.size || (now ?? []).some((row) => !before.has(row.name))
}

/** The fieldnames, tables included, in which two states of a document differ. */
export function changedFields(meta: Meta, now: AnyDocument, then: AnyDocument): string[] {
  const changed: string[] = []
  for (const field of meta.fields) {
    if (field.type.kind === 'none' || field.is_virtual) continue
    const a = (now as Record<string, unknown>)[field.fieldname]
    const b = (then as Record<string, unknown>)[field.fieldname]
    if (field.type.kind === 'table' ? tablesDiffer(a as AnyDocument[], b as AnyDocument[]) : !sameValue(a, b)) changed.push(field.fieldname)
  }
  return changed
}

const rowBookkeeping = new Set(['creation', 'modified', 'modified_by', 'owner', 'docstatus', 'parent', 'parenttype', 'parentfield'])

function tablesDiffer(now: readonly AnyDocument[] | undefined, then: readonly AnyDocument[] | undefined): boolean {
  if (rowsDiffer(now, then)) return true
  const before = new Map((then ?? []).map((row) => [row.name, row]))
  return (now ?? []).some((row) => rowDifferences(row, before.get(row.name) as AnyDocument).length > 0)
}

/** The fieldnames in which two states of a child row differ. */
export function rowDifferences(now: AnyDocument, then: AnyDocument): string[] {
  return Object.keys(now).filter(
    (key) => !rowBookkeeping.has(key) && !sameValue((now as Record<string, unknown>)[key], (then as Record<string, unknown>)[key]),
  )
}
