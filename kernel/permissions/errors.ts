import { defineError } from '#client/rules/errors.ts'
import type { Action } from './grant.ts'

/**
 * The user may not do this. The sentence speaks of the DocType only, so that it is the same whether a document is there or not:
 * a name that somebody may not know must not be learnt by asking for it.
 */
export const PermissionDenied = defineError<{ doctype: string; action: Action }>({
  code: 'permission/denied',
  status: 403,
  excType: 'PermissionError',
  message: ({ doctype, action }) => `You do not have permission to ${verbs[action]} ${doctype} documents.`,
})

/** A link leads nowhere, or to a document that this user may not point at; the answer is the same, so that nobody learns which. */
export const LinkNotFound = defineError<{ doctype: string; field: string; target: string; value: string }>({
  code: 'document/link-not-found',
  status: 417,
  excType: 'LinkValidationError',
  message: ({ field, target, value }) => `${field}: there is no ${target} ${value}.`,
})

const verbs: Record<Action, string> = {
  select: 'choose',
  read: 'read',
  write: 'change',
  create: 'create',
  delete: 'delete',
  submit: 'submit',
  cancel: 'cancel',
  amend: 'amend',
  print: 'print',
  email: 'send',
  report: 'report on',
  import: 'import',
  export: 'export',
  share: 'share',
}

/** An action as a person says it: `change`, `report on`. */
export function verbOf(action: Action): string {
  return verbs[action]
}
