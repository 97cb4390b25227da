import { defineError } from '#client/rules/errors.ts'

export const PrintFormatUnknown = defineError<{ field: string; format: string; doctype: string }>({
  code: 'print/format-unknown',
  status: 404,
  excType: 'DoesNotExistError',
  message: ({ format, doctype }) => `${doctype} has no print format ${format}.`,
})

export const LetterHeadUnknown = defineError<{ field: string; letterHead: string }>({
  code: 'print/letter-head-unknown',
  status: 404,
  excType: 'DoesNotExistError',
  message: ({ letterHead }) => `There is no letter head ${letterHead}, or it is disabled.`,
})

export const PrintRefused = defineError<{ doctype: string; name: string; state: 'draft' | 'cancelled' }>({
  code: 'print/not-in-this-state',
  status: 403,
  excType: 'PermissionError',
  message: ({ doctype, name, state }) =>
    `${doctype} ${name} is ${state === 'draft' ? 'a draft' : 'cancelled'}, and Print Settings do not let such documents be printed.`,
})

export const LayoutInvalid = defineError<{ field: string; reason: string }>({
  code: 'print/layout-invalid',
  status: 417,
  excType: 'ValidationError',
  message: ({ reason }) => `The layout of the print format cannot be used: ${reason}.`,
})

export const FormatInvalid = defineError<{ field: string; reason: string }>({
  code: 'print/format-invalid',
  status: 417,
  excType: 'ValidationError',
  message: ({ reason }) => `This cannot be printed with: ${reason}.`,
})

export const BarcodeInvalid = defineError<{ field: string; kind: string; reason: string }>({
  code: 'print/barcode-invalid',
  status: 417,
  excType: 'ValidationError',
  message: ({ kind, reason }) => `No ${kind} code can be made of this: ${reason}.`,
})

export const PrintTooLarge = defineError<{ field: string; limit: number; what: string }>({
  code: 'print/too-large',
  status: 413,
  excType: 'ValidationError',
  message: ({ what, limit }) => `This is too much to print at once: more than ${limit} ${what}.`,
})

export const PdfUnavailable = defineError<{ reason: string }>({
  code: 'print/pdf-unavailable',
  status: 503,
  excType: 'ServiceUnavailableError',
  message: ({ reason }) => `PDF files cannot be made now: ${reason}. The print view works without.`,
})

export const PdfTimedOut = defineError<{ seconds: number }>({
  code: 'print/pdf-timed-out',
  status: 504,
  excType: 'TimeoutError',
  message: ({ seconds }) => `The PDF was not ready after ${seconds} seconds.`,
})

export const ShareLinkInvalid = defineError<object>({
  code: 'print/link-invalid',
  status: 403,
  excType: 'PermissionError',
  message: () => 'This link does not open the document: it is wrong, has expired or was withdrawn.',
})
