import { defineError } from '#client/rules/errors.ts'

/** `field` is the place in the caller's input, such as `fields[2]`. */
export const QueryMalformed = defineError<{ field: string; reason: string }>({
  code: 'query/malformed',
  status: 417,
  excType: 'DataError',
  message: (d) => `${d.field} cannot be read: ${d.reason}.`,
})

export const UnknownField = defineError<{ field: string; doctype: string; name: string; reason?: string }>({
  code: 'query/unknown-field',
  status: 417,
  excType: 'DataError',
  message: (d) => `${d.doctype} has no field “${d.name}” that a list can use${d.reason ? `: ${d.reason}` : ''} (${d.field}).`,
})

/** The same answer whether the field is selected, filtered, sorted, grouped or summed: nothing can be inferred from it. */
export const FieldNotPermitted = defineError<{ field: string; doctype: string; name: string }>({
  code: 'query/field-not-permitted',
  status: 403,
  excType: 'PermissionError',
  message: (d) => `You may not use the field “${d.name}” of ${d.doctype} (${d.field}).`,
})

export const NotGrouped = defineError<{ field: string; name: string }>({
  code: 'query/not-grouped',
  status: 417,
  excType: 'DataError',
  message: (d) => `“${d.name}” (${d.field}) must be listed in group_by or put into an aggregate such as max(…).`,
})

export const TooCostly = defineError<{ field: string; limit: number; what: string; instead: string }>({
  code: 'query/too-costly',
  status: 417,
  excType: 'DataError',
  message: (d) => `A query may have at most ${d.limit} ${d.what} (${d.field}). ${d.instead}`,
})

export const BadCursor = defineError<{ field: string; reason: string }>({
  code: 'query/bad-cursor',
  status: 417,
  excType: 'DataError',
  message: (d) => `The cursor cannot be used: ${d.reason}. Start again without it.`,
})

export const NotAList = defineError<{ doctype: string; reason: string }>({
  code: 'query/not-a-list',
  status: 417,
  excType: 'DataError',
  message: (d) => `${d.doctype} cannot be listed: ${d.reason}.`,
})

export const ParentNeeded = defineError<{ field: string; doctype: string; reason: string }>({
  code: 'query/parent-needed',
  status: 403,
  excType: 'PermissionError',
  message: (d) => `Rows of ${d.doctype} are listed through the document they belong to: ${d.reason}.`,
})
