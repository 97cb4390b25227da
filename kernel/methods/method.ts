import type { Static, TObject } from 'typebox'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import type { Action } from '#kernel/permissions/grant.ts'

export type Verb = 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH'

/** Who may call a method. There is no default: a method without a rule cannot be registered. */
export type Rule =
  | { kind: 'guest' } // anybody, signed in or not
  | { kind: 'signed-in' }
  | { kind: 'roles'; anyOf: readonly string[] }
  | { kind: 'permission'; action: Action; doctype: string }
  /** The handler checks each document it touches through the kernel's own permissioned calls; says so for the reader. */
  | { kind: 'documents'; because: string }

export const guests: Rule = { kind: 'guest' }
export const signedIn: Rule = { kind: 'signed-in' }
export const roles = (...anyOf: string[]): Rule => ({ kind: 'roles', anyOf })
/** Needs this right on the DocType. @public */
export const permission = (action: Action, doctype: string): Rule => ({ kind: 'permission', action, doctype })
/** For methods whose handler only calls permission-checked functions with the caller's context. */
export const checkedPerDocument = (because: string): Rule => ({ kind: 'documents', because })

/** A callable path such as `frappe.client.get_list`. */
export interface Method<Input extends TObject = TObject> {
  readonly path: string
  /** One line for the API reference. */
  readonly summary: string
  /** Default: GET and POST for reading methods are written out; a GET never commits. */
  readonly verbs: readonly Verb[]
  readonly input: Input
  readonly rule: Rule
  readonly handler: (ctx: Context, input: Static<Input>) => Promise<unknown> | unknown
  /** A GET of this method may commit (signing out by link, for example). */
  readonly commitsOnGet?: boolean
  /** Lets unknown parameters through instead of dropping them. */
  readonly keepsUnknown?: boolean
}

/** A verb of one document, `POST …/document/<doctype>/<name>/method/<verb>` and `run_doc_method`. */
export interface DocumentMethod<Input extends TObject = TObject> {
  readonly verb: string
  readonly doctype: string
  readonly summary: string
  readonly input: Input
  /** Right needed on the document itself. */
  readonly needs: Action
  readonly handler: (ctx: Context, document: AnyDocument, input: Static<Input>) => Promise<unknown> | unknown
}

export function defineMethod<Input extends TObject>(method: Method<Input>): Method {
  return method as unknown as Method
}

export function defineDocumentMethod<Input extends TObject>(method: DocumentMethod<Input>): DocumentMethod {
  return method as unknown as DocumentMethod
}
