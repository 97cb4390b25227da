import { defineError } from '#client/rules/errors.ts'

export const DocTypeNotFound = defineError<{ doctype: string; field?: string }>({
  code: 'meta/doctype-not-found',
  status: 404,
  excType: 'DoesNotExistError',
  message: (d) => `DocType ${d.doctype.slice(0, 200)} not found.`,
})

export const DefinitionMalformed = defineError<{ path: string; field: string; reason: string }>({
  code: 'meta/definition-malformed',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.path} is not a DocType definition: ${d.reason}.`,
})

export const DefinitionInvalid = defineError<{ doctype: string; field: string; problems: readonly object[]; reason: string }>({
  code: 'meta/definition-invalid',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `DocType ${d.doctype.slice(0, 200)} cannot be used: ${d.reason}`,
})
