import { defineError } from '#client/rules/errors.ts'

/** A document points at something that belongs to another organization than its own. */
export const OtherOrganization = defineError<{ doctype: string; field: string; value: string; organization: string }>({
  code: 'company/other-organization',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.field}: ${d.value} does not belong to ${d.organization}.`,
})

/** Somebody is named who is no member of the organization. */
export const NotAMember = defineError<{ field: string; user: string; organization: string }>({
  code: 'company/not-a-member',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.field}: ${d.user} is no member of ${d.organization}. A User Permission makes somebody one.`,
})

/** The organization has a person, or a department, like that already. */
export const KnownAlready = defineError<{ doctype: string; field: string; value: string; organization: string }>({
  code: 'company/known-already',
  status: 409,
  excType: 'DuplicateEntryError',
  message: (d) => `${d.field}: ${d.organization} has a ${d.doctype.toLowerCase()} "${d.value}" already.`,
})

/** A value that means nothing here: a zone that does not exist, a birthday to come. */
export const ValueRefused = defineError<{ doctype: string; field: string; reason: string }>({
  code: 'company/value-refused',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.field}: ${d.reason}`,
})

export const FlagUnknown = defineError<{ flag: string; field: string }>({
  code: 'company/flag-unknown',
  status: 404,
  excType: 'DoesNotExistError',
  message: (d) => `There is no feature "${d.flag}".`,
})
