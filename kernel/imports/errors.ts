import { defineError } from '#client/rules/errors.ts'

/** What keeps a whole file from being imported. */
export const ImportRefused = defineError<{ field: string; reason: string }>({
  code: 'imports/refused',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `This cannot be imported: ${d.reason}`,
})

/** A DocType that takes no imports. */
export const ImportNotAllowed = defineError<{ doctype: string }>({
  code: 'imports/not-allowed',
  status: 403,
  excType: 'PermissionError',
  message: (d) => `${d.doctype} takes no imports: its definition does not allow them.`,
})

/** A cell that its field cannot take, as it is written. */
export const CellUnreadable = defineError<{ field: string; value: string; expected: string }>({
  code: 'imports/cell-unreadable',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `"${d.value}" is not ${d.expected}.`,
})
