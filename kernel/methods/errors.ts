import { defineError } from '#client/rules/errors.ts'

export const MethodUnknown = defineError<{ method: string }>({
  code: 'method/unknown',
  status: 403,
  excType: 'PermissionError',
  message: (d) => `There is no method "${d.method}" that can be called.`,
})

/** Frappe answers 403; the v2 API answers the same refusal with 405 and the verbs that are allowed. */
export const VerbNotAllowed = defineError<{ method: string; verb: string; allowed: readonly string[] }>({
  code: 'method/verb-not-allowed',
  status: 403,
  excType: 'PermissionError',
  message: (d) => `"${d.method}" does not take ${d.verb}; use ${d.allowed.join(' or ')}.`,
})

export const MethodDenied = defineError<{ method: string; reason: string }>({
  code: 'method/denied',
  status: 403,
  excType: 'PermissionError',
  message: (d) => `You may not call ${d.method}: ${d.reason}.`,
})

export const BadInput = defineError<{ method: string; field: string; reason: string }>({
  code: 'method/bad-input',
  status: 417,
  excType: 'FrappeTypeError',
  message: (d) => `${d.method}: ${d.field} ${d.reason}.`,
})

export const JsonMalformed = defineError<{ field: string; reason: string }>({
  code: 'method/json-malformed',
  status: 417,
  excType: 'DataError',
  message: (d) => `${d.field || 'The body'} is not acceptable JSON: ${d.reason}.`,
})
