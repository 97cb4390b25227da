import type { Context } from '#kernel/context/context.ts'

/** Fields every stored document has, in document form (times in UTC, six digits). */
export interface StandardFields {
  doctype: string
  name: string
  owner: string
  creation: string
  modified: string
  modified_by: string
  docstatus: 0 | 1 | 2
  idx: number
}

/** Fields of a row in a child table. */
export interface ChildFields extends StandardFields {
  parent: string
  parentfield: string
  parenttype: string
}

/**
 * A document: its fields are own properties, its behaviour (hooks, methods) is on the prototype. A controller extends
 * `Document<ItsFields>` and names its hooks as in docs/kernel/documents.md; each hook receives the context.
 */
export type AnyDocument = StandardFields & Record<string, unknown>

type DocumentConstructor = abstract new <Fields extends object = Record<never, never>>() => StandardFields & Fields

/** Hooks the life cycle calls, in the order of docs/kernel/documents.md. All optional. */
export const hookNames = [
  'onload',
  'before_insert',
  'before_naming',
  'autoname',
  'before_validate',
  'validate',
  'before_save',
  'before_submit',
  'before_update_after_submit',
  'before_cancel',
  'before_discard',
  'after_insert',
  'on_update',
  'on_submit',
  'on_update_after_submit',
  'on_cancel',
  'on_discard',
  'on_change',
  'on_trash',
  'after_delete',
  'before_rename',
  'after_rename',
  'before_change',
  'before_print',
] as const
export type HookName = (typeof hookNames)[number]

/** A listener of one document event. `extra` holds `{old, new, merge}` for renames. */
export type DocumentListener = (ctx: Context, document: AnyDocument, extra?: Record<string, unknown>) => Promise<void> | void

/** Base of every controller. */
export const Document = class {} as unknown as DocumentConstructor

/** A controller class as the registry holds it. */
export interface Controller {
  new (): object
  readonly prototype: object
}
