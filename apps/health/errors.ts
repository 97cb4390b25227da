import { defineError } from '#client/rules/errors.ts'

const refused = { status: 417, excType: 'ValidationError' } as const

export const OfAnotherOrganization = defineError<{ doctype: string; field: string; value: string; organization: string }>({
  code: 'health/other-organization',
  ...refused,
  message: (d) => `${d.field}: ${d.value} does not belong to ${d.organization}.`,
})

/** A value that means nothing here: a birthday to come, a visit of no length. */
export const ValueRefused = defineError<{ field: string; reason: string }>({
  code: 'health/value-refused',
  ...refused,
  message: (d) => `${d.field}: ${d.reason}`,
})

/** Somebody has that identity number already. Says nothing about who. */
export const KnownAlready = defineError<{ field: string }>({
  code: 'health/known-already',
  status: 409,
  excType: 'DuplicateEntryError',
  message: (d) => `${d.field}: the organization has somebody with this already.`,
})

export const PractitionerBusy = defineError<{ field: string; practitioner: string; from: string; to: string }>({
  code: 'health/practitioner-busy',
  status: 409,
  excType: 'ValidationError',
  message: (d) => `${d.field}: ${d.practitioner} is taken from ${d.from} to ${d.to}.`,
})

/** Something grave speaks against a drug, and nobody said why it is given nevertheless. */
export const DrugNeedsReason = defineError<{ field: string; alert: string }>({
  code: 'health/drug-needs-reason',
  ...refused,
  message: (d) => `${d.field}: ${d.alert} Say why it is given nevertheless, or take another.`,
})

export const Fixed = defineError<{ doctype: string; name: string; field: string; reason: string }>({
  code: 'health/fixed',
  ...refused,
  message: (d) => `${d.doctype} ${d.name} cannot change any more: ${d.reason}`,
})

/** Protected health information is opened by assignment or emergency access, never by a share. */
export const NotShared = defineError<{ field: string; doctype: string }>({
  code: 'health/not-shared',
  status: 403,
  excType: 'PermissionError',
  message: (d) => `${d.doctype} is opened by the care team, not by sharing.`,
})

export const PatientUnknown = defineError<{ field: string }>({
  code: 'health/patient-unknown',
  status: 404,
  excType: 'DoesNotExistError',
  message: () => 'There is no such patient.',
})

export const AccessNotNeeded = defineError<{ field: string; patient: string }>({
  code: 'health/access-not-needed',
  status: 409,
  excType: 'ValidationError',
  message: (d) => `You may see ${d.patient} already.`,
})

export const ReviewRefused = defineError<{ field: string; reason: string }>({
  code: 'health/review-refused',
  status: 409,
  excType: 'ValidationError',
  message: (d) => `${d.field}: ${d.reason}`,
})
