import { defineError } from '#client/rules/errors.ts'

export const DocumentNotFound = defineError<{ doctype: string; name: string }>({
  code: 'document/not-found',
  status: 404,
  excType: 'DoesNotExistError',
  message: (d) => `${d.doctype} ${d.name} not found`,
})

export const UnknownField = defineError<{ doctype: string; field: string }>({
  code: 'document/unknown-field',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.doctype} has no field "${d.field}".`,
})

export const RowsExpected = defineError<{ doctype: string; field: string }>({
  code: 'document/rows-expected',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `"${d.field}" of ${d.doctype} takes a list of rows, each an object.`,
})

export const TooManyRows = defineError<{ doctype: string; field: string; limit: number }>({
  code: 'document/too-many-rows',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `"${d.field}" of ${d.doctype} takes at most ${d.limit} rows.`,
})

export const MandatoryMissing = defineError<{ doctype: string; name: string; field: string; fields: string[]; labels: string[] }>({
  code: 'document/mandatory-missing',
  status: 417,
  excType: 'MandatoryError',
  message: (d) => `${d.doctype}${d.name ? ` ${d.name}` : ''}: ${d.labels.join(', ')} must be filled in.`,
})

export const Stale = defineError<{ doctype: string; name: string; fields: string[]; modified: string; modifiedBy: string }>({
  code: 'document/stale',
  status: 417,
  excType: 'TimestampMismatchError',
  message: (d) =>
    `${d.doctype} ${d.name} was changed by ${d.modifiedBy} after you opened it${d.fields.length ? ` (${d.fields.join(', ')})` : ''}. Load it again and repeat your change.`,
})

export const TransitionRefused = defineError<{ doctype: string; name: string; from: number; to: number; reason: string }>({
  code: 'document/transition-refused',
  status: 417,
  excType: 'DocstatusTransitionError',
  message: (d) => `${d.doctype} ${d.name}: ${d.reason}`,
})

export const CancelledIsFinal = defineError<{ doctype: string; name: string }>({
  code: 'document/cancelled',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.doctype} ${d.name} is cancelled and can no longer be changed. Amend it instead.`,
})

export const SubmittedIsFixed = defineError<{ doctype: string; name: string; field: string }>({
  code: 'document/submitted',
  status: 417,
  excType: 'UpdateAfterSubmitError',
  message: (d) => `${d.doctype} ${d.name} is submitted; "${d.field}" can no longer be changed.`,
})

export const ConstantChanged = defineError<{ doctype: string; name: string; field: string }>({
  code: 'document/constant-changed',
  status: 417,
  excType: 'CannotChangeConstantError',
  message: (d) => `"${d.field}" of ${d.doctype} ${d.name} cannot be changed once it is set.`,
})

export const ValueTaken = defineError<{ doctype: string; field: string; value: string }>({
  code: 'document/value-taken',
  status: 417,
  excType: 'UniqueValidationError',
  message: (d) => `Another ${d.doctype} has the same ${d.field} (${d.value}).`,
})

export const NameTaken = defineError<{ doctype: string; name: string; field: string }>({
  code: 'document/name-taken',
  status: 409,
  excType: 'DuplicateEntryError',
  message: (d) => `${d.doctype} ${d.name} exists already.`,
})

export const NameInvalid = defineError<{ doctype: string; name: string; reason: string; field: string }>({
  code: 'document/name-invalid',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.doctype}: ${d.reason}`,
})

export const CancelledLink = defineError<{ doctype: string; field: string; target: string; value: string }>({
  code: 'document/cancelled-link',
  status: 417,
  excType: 'CancelledLinkError',
  message: (d) => `"${d.field}" refers to ${d.target} ${d.value}, which is cancelled.`,
})

export const StillLinked = defineError<{
  doctype: string
  name: string
  /** Those that the user may read. */
  by: { doctype: string; name: string; field: string }[]
  /** There are more, which the user may not read. */
  hasOthers: boolean
}>({
  code: 'document/still-linked',
  status: 417,
  excType: 'LinkExistsError',
  message: (d) => {
    const users = d.by.map((link) => `${link.doctype} ${link.name}`).join(', ')
    return `${d.doctype} ${d.name} is still used by ${users}${d.hasOthers ? `${users && ', '}other documents` : ''}.`
  },
})

export const SubmittedCannotBeDeleted = defineError<{ doctype: string; name: string }>({
  code: 'document/submitted-delete',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.doctype} ${d.name} is submitted; cancel it before deleting it.`,
})

export const NotRenamable = defineError<{ doctype: string; name: string; reason: string }>({
  code: 'document/not-renamable',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.doctype} ${d.name} cannot be renamed: ${d.reason}`,
})

export const NotForDocuments = defineError<{ doctype: string; reason: string }>({
  code: 'document/not-for-documents',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.doctype}: ${d.reason}`,
})

export const LinkTargetUnknown = defineError<{ doctype: string; field: string; target: string }>({
  code: 'document/link-target-unknown',
  status: 417,
  excType: 'LinkValidationError',
  message: (d) => `"${d.field}" of ${d.doctype} needs a document type, and "${d.target}" is none.`,
})

export const TreeLoop = defineError<{ doctype: string; name: string; field: string }>({
  code: 'document/tree-loop',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.doctype} ${d.name} cannot be placed below itself or one of its own descendants.`,
})

export const TreeNotLeaf = defineError<{ doctype: string; name: string }>({
  code: 'document/tree-not-leaf',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.doctype} ${d.name} has documents below it and cannot be deleted.`,
})
