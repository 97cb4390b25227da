import { defineError } from '#client/rules/errors.ts'

const refused = { status: 417, excType: 'ValidationError' } as const

export const OfAnotherOrganization = defineError<{ doctype: string; field: string; value: string; organization: string }>({
  code: 'care/other-organization',
  ...refused,
  message: (d) => `${d.field}: ${d.value} does not belong to ${d.organization}.`,
})

/** A value that means nothing here: discharged before admitted. */
export const ValueRefused = defineError<{ field: string; reason: string }>({
  code: 'care/value-refused',
  ...refused,
  message: (d) => `${d.field}: ${d.reason}`,
})

export const ChecklistOpen = defineError<{ field: string; phase: string; item: string }>({
  code: 'care/checklist-open',
  ...refused,
  message: (d) => `${d.field}: "${d.item}" is required for the ${d.phase.toLowerCase()}, and not done.`,
})

export const ProgramFull = defineError<{ field: string; program: string; capacity: number }>({
  code: 'care/program-full',
  status: 409,
  excType: 'ValidationError',
  message: (d) => `${d.field}: ${d.program} has ${d.capacity} places, and all are taken.`,
})

/** Which connection is meant cannot be told, or there is none. */
export const ConnectionUnclear = defineError<{ field: string; reason: string }>({
  code: 'care/connection-unclear',
  ...refused,
  message: (d) => `${d.field}: ${d.reason}`,
})
