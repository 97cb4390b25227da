import { defineError } from '#client/rules/errors.ts'

export const AppraisalRefused = defineError<{ field: string; reason: string }>({
  code: 'performance/refused',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.field}: ${d.reason}`,
})

/** Somebody else’s word is asked for, or one’s own. */
export const NotYours = defineError<{ field: string; reason: string }>({
  code: 'performance/not-yours',
  status: 403,
  excType: 'PermissionError',
  message: (d) => d.reason,
})
