import { defineError } from '#client/rules/errors.ts'

/** A link leads to a record of another organization than the document's own. */
export const OfAnotherOrganization = defineError<{ doctype: string; field: string; value: string; organization: string }>({
  code: 'crm/of-another-organization',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.field}: ${d.value} does not belong to ${d.organization}.`,
})

export const NobodyNamed = defineError<{ doctype: string; field: string }>({
  code: 'crm/nobody-named',
  status: 417,
  excType: 'MandatoryError',
  message: (d) => `A ${d.doctype.toLowerCase()} needs a name, a company or an e-mail address.`,
})

export const PhoneRefused = defineError<{ field: string; value: string }>({
  code: 'crm/phone-refused',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.field}: “${d.value}” is no telephone number.`,
})

export const LeadConverted = defineError<{ lead: string; field: string }>({
  code: 'crm/lead-converted',
  status: 409,
  excType: 'ValidationError',
  message: (d) => `${d.lead} has been converted already.`,
})

export const OnlyByConversion = defineError<{ field: string }>({
  code: 'crm/only-by-conversion',
  status: 417,
  excType: 'ValidationError',
  message: () => 'A lead becomes Converted by converting it.',
})

export const StageElsewhere = defineError<{ field: string; stage: string; pipeline: string }>({
  code: 'crm/stage-elsewhere',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `The stage ${d.stage} is not one of this pipeline (${d.pipeline}).`,
})

export const StageInUse = defineError<{ field: string; stage: string }>({
  code: 'crm/stage-in-use',
  status: 409,
  excType: 'ValidationError',
  message: (d) => `Deals are in the stage ${d.stage}; its kind stays as it is.`,
})

export const RateNeeded = defineError<{ field: string; from: string; to: string }>({
  code: 'crm/rate-needed',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `An exchange rate from ${d.from} to ${d.to} is needed.`,
})

export const RateMismatch = defineError<{ field: string; currency: string }>({
  code: 'crm/rate-mismatch',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.currency} is the organization’s own currency: its exchange rate is 1.`,
})

export const HistoryIsFixed = defineError<{ doctype: string; field: string }>({
  code: 'crm/history-is-fixed',
  status: 403,
  excType: 'ValidationError',
  message: (d) => `A ${d.doctype} is neither changed nor deleted.`,
})

export const MergeRefused = defineError<{ field: string; reason: string }>({
  code: 'crm/merge-refused',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `They cannot be merged: ${d.reason}`,
})

export const UndoRefused = defineError<{ merge: string; reason: string }>({
  code: 'crm/undo-refused',
  status: 409,
  excType: 'ValidationError',
  message: (d) => `The merge cannot be undone: ${d.reason}`,
})

export const FormUnknown = defineError<{ field: string }>({
  code: 'crm/form-unknown',
  status: 404,
  excType: 'DoesNotExistError',
  message: () => 'There is no such form.',
})

export const ConsentNeeded = defineError<{ field: string }>({
  code: 'crm/consent-needed',
  status: 417,
  excType: 'ValidationError',
  message: () => 'The form needs your consent.',
})

export const PublishRefused = defineError<{ field: string }>({
  code: 'crm/publish-refused',
  status: 403,
  excType: 'PermissionError',
  message: () => 'Only managers share a view with everybody.',
})

export const ViewInvalid = defineError<{ field: string; reason: string }>({
  code: 'crm/view-invalid',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.field}: ${d.reason}`,
})

export const PositionRefused = defineError<{ field: string; most: number }>({
  code: 'crm/position-refused',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.field} lies between -${d.most} and ${d.most} degrees.`,
})
