import { defineError } from '#client/rules/errors.ts'

const refusal = { status: 417, excType: 'ValidationError' } as const

export const OfAnotherOrganization = defineError<{ doctype: string; field: string; value: string; organization: string }>({
  code: 'documents/of-another-organization',
  ...refusal,
  message: (d) => `${d.field}: ${d.value} does not belong to ${d.organization}.`,
})

/** A legal hold forbids it, whoever asks. */
export const Held = defineError<{ doctype: string; name: string; field: string; hold: string }>({
  code: 'documents/held',
  status: 409,
  excType: 'ValidationError',
  message: (d) => `${d.doctype} ${d.name} is held (${d.hold}): it can be read, and neither changed nor deleted.`,
})

/** A record that only the platform writes, and that stays as it was written. */
export const RecordIsFixed = defineError<{ doctype: string; field: string }>({
  code: 'documents/record-is-fixed',
  status: 403,
  excType: 'ValidationError',
  message: (d) => `A ${d.doctype} is written by the platform; nobody makes, changes or deletes one.`,
})

export const FileUnknown = defineError<{ field: string }>({
  code: 'documents/file-unknown',
  ...refusal,
  message: (d) => `${d.field}: that is no private file that you may use. Upload one first.`,
})

export const FileNeeded = defineError<{ field: string; document: string }>({
  code: 'documents/file-needed',
  ...refusal,
  message: (d) => `${d.document} has no file.`,
})

export const VersionUnknown = defineError<{ field: string; document: string; version: number }>({
  code: 'documents/version-unknown',
  status: 404,
  excType: 'DoesNotExistError',
  message: (d) => `${d.document} has no version ${d.version}.`,
})

export const InTheTrash = defineError<{ field: string; document: string }>({
  code: 'documents/in-the-trash',
  status: 409,
  excType: 'ValidationError',
  message: (d) => `${d.document} lies in the trash. Take it out first.`,
})

export const NotInTheTrash = defineError<{ field: string; document: string }>({
  code: 'documents/not-in-the-trash',
  status: 409,
  excType: 'ValidationError',
  message: (d) => `${d.document} is not in the trash; only from there is something deleted for good.`,
})

export const StillRetained = defineError<{ field: string; document: string; policy: string; until: string }>({
  code: 'documents/still-retained',
  status: 409,
  excType: 'ValidationError',
  message: (d) => `${d.document} is to be kept ${d.until === '' ? '' : `until ${d.until} `}(${d.policy}).`,
})

export const FolderElsewhere = defineError<{ field: string; folder: string }>({
  code: 'documents/folder-not-writable',
  status: 403,
  excType: 'PermissionError',
  message: (d) => `${d.field}: you may put nothing there.`,
})

export const RetentionInvalid = defineError<{ field: string; reason: string }>({
  code: 'documents/retention-invalid',
  ...refusal,
  message: (d) => `${d.field}: ${d.reason}`,
})

export const HoldFixed = defineError<{ field: string; hold: string; reason: string }>({
  code: 'documents/hold-fixed',
  status: 409,
  excType: 'ValidationError',
  message: (d) => `${d.hold}: ${d.reason}`,
})

/** One answer for a link that never was, that has ended, and that is used up. */
export const LinkInvalid = defineError<{ field: string }>({
  code: 'documents/link-invalid',
  status: 404,
  excType: 'DoesNotExistError',
  message: () => 'This link does not work, or does not work any more.',
})

export const LinkNeedsPassword = defineError<{ field: string }>({
  code: 'documents/link-needs-password',
  status: 403,
  excType: 'PermissionError',
  message: () => 'The link asks for its password.',
})

export const ShareInvalid = defineError<{ field: string; reason: string }>({
  code: 'documents/share-invalid',
  ...refusal,
  message: (d) => `${d.field}: ${d.reason}`,
})

export const TemplateUnusable = defineError<{ field: string; reason: string }>({
  code: 'documents/template-unusable',
  ...refusal,
  message: (d) => `${d.field}: ${d.reason}`,
})

/** One answer for a vault that is not there, is closed, and is somebody else's. */
export const VaultUnknown = defineError<{ field: string }>({
  code: 'documents/vault-unknown',
  status: 404,
  excType: 'DoesNotExistError',
  message: () => 'There is no such vault, or nothing in it for you.',
})

export const VaultFull = defineError<{ field: string; limit: number }>({
  code: 'documents/vault-full',
  ...refusal,
  message: (d) => `${d.field}: the vault holds ${d.limit} bytes at most.`,
})

export const VaultUploadsClosed = defineError<{ field: string }>({
  code: 'documents/vault-uploads-closed',
  status: 403,
  excType: 'PermissionError',
  message: () => 'This vault takes no uploads from customers.',
})

export const ContentRefused = defineError<{ field: string; reason: string }>({
  code: 'documents/content-refused',
  ...refusal,
  message: (d) => `${d.field}: ${d.reason}`,
})
