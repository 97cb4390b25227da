import { defineError } from '#client/rules/errors.ts'

export const PathUnknown = defineError<{ path: string }>({
  code: 'http/path-unknown',
  status: 404,
  excType: 'DoesNotExistError',
  message: (d) => `There is nothing at ${d.path}.`,
})

export const PathMalformed = defineError<{ field: string }>({
  code: 'http/path-malformed',
  status: 400,
  excType: 'ValidationError',
  message: () => 'The address is not well-formed: each part must be percent-encoded UTF-8 without NUL.',
})

/** `allowed` also goes into the Allow header. */
export const VerbRefused = defineError<{ path: string; verb: string; allowed: readonly string[] }>({
  code: 'http/verb-refused',
  status: 405,
  excType: 'PermissionError',
  message: (d) => `${d.path} does not take ${d.verb}; use ${d.allowed.join(' or ')}.`,
})

export const BodyTooLarge = defineError<{ limit: number }>({
  code: 'http/body-too-large',
  status: 413,
  excType: 'RequestEntityTooLarge',
  message: (d) => `The body is larger than ${d.limit} bytes.`,
})

export const MediaTypeUnsupported = defineError<{ type: string }>({
  code: 'http/media-type-unsupported',
  status: 415,
  excType: 'UnsupportedMediaType',
  message: (d) =>
    `A body of type "${d.type}" cannot be read. Send application/json, application/x-www-form-urlencoded or multipart/form-data in UTF-8.`,
})

export const BodyMalformed = defineError<{ field: string; reason: string }>({
  code: 'http/body-malformed',
  status: 417,
  excType: 'DataError',
  message: (d) => `The request cannot be read: ${d.reason}.`,
})

export const BadParameter = defineError<{ field: string; reason: string }>({
  code: 'http/bad-parameter',
  status: 417,
  excType: 'DataError',
  message: (d) => `${d.field} ${d.reason}.`,
})

export const PreconditionFailed = defineError<{ doctype: string; name: string }>({
  code: 'http/precondition-failed',
  status: 412,
  excType: 'TimestampMismatchError',
  message: (d) => `${d.doctype} ${d.name} is no longer as the If-Match header says. Load it again and repeat your change.`,
})

export const RequestMalformed = defineError<{ reason: string }>({
  code: 'http/request-malformed',
  status: 400,
  excType: 'ValidationError',
  message: (d) => `The request cannot be read: ${d.reason}.`,
})

export const HostUnknown = defineError<{ host: string }>({
  code: 'http/host-unknown',
  status: 404,
  excType: 'DoesNotExistError',
  message: (d) => `No site answers to "${d.host}".`,
})

export const UnknownPart = defineError<{ field: string; part: string; parts: readonly string[] }>({
  code: 'http/unknown-part',
  status: 417,
  excType: 'UnknownPartError',
  message: (d) => `"${d.part}" cannot be included; there are ${d.parts.join(', ')}.`,
})

export const KeyReused = defineError<{ field: string }>({
  code: 'http/idempotency-key-reused',
  status: 422,
  excType: 'ValidationError',
  message: () => 'This Idempotency-Key was used for another request before. Use a new key for each request.',
})

export const KeyInUse = defineError<{ field: string }>({
  code: 'http/idempotency-key-in-use',
  status: 409,
  excType: 'DuplicateEntryError',
  message: () => 'A request with this Idempotency-Key is still being worked on. Try again in a moment.',
})

export const KeyMalformed = defineError<{ field: string }>({
  code: 'http/idempotency-key-malformed',
  status: 400,
  excType: 'ValidationError',
  message: () => 'An Idempotency-Key has 1 to 200 printable ASCII characters.',
})

/** A form that another site sent in its visitor's name. */
export const CrossSiteForm = defineError({
  code: 'http/cross-site-form',
  status: 403,
  excType: 'PermissionError',
  message: () => 'This form came from another site. Open the page here and try again.',
})
