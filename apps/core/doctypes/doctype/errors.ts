import { defineError } from '#client/rules/errors.ts'

export const DocTypeOfApp = defineError<{ doctype: string; app: string }>({
  code: 'core/doctype-of-app',
  status: 403,
  excType: 'PermissionError',
  message: (d) => `DocType ${d.doctype} belongs to the app ${d.app}. Use custom fields and property setters to change it.`,
})

export const DocTypeHasDocuments = defineError<{ doctype: string }>({
  code: 'core/doctype-has-documents',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `DocType ${d.doctype} still has documents. Delete them first.`,
})
