import { defineError } from '#client/rules/errors.ts'

/** A link leads to a record of another organization than the document's own. */
export const OfAnotherOrganization = defineError<{ doctype: string; field: string; value: string; organization: string }>({
  code: 'hr/of-another-organization',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.field}: ${d.value} does not belong to ${d.organization}.`,
})

export const DatesOutOfOrder = defineError<{ field: string; from: string; to: string }>({
  code: 'hr/dates-out-of-order',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.field}: ${d.to} lies before ${d.from}.`,
})

/** A value that is well formed and makes no sense here; the reason says why. */
export const ValueRefused = defineError<{ field: string; reason: string }>({
  code: 'hr/value-refused',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.field}: ${d.reason}`,
})

export const ReportsInCircle = defineError<{ field: string; employee: string }>({
  code: 'hr/reports-in-circle',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.employee} would report to themselves, directly or through others.`,
})

/** Somebody cannot leave while others report to them. */
export const StillReportedTo = defineError<{ field: string; employee: string; by: string }>({
  code: 'hr/still-reported-to',
  status: 409,
  excType: 'ValidationError',
  message: (d) => `${d.by} still reports to ${d.employee}.`,
})

/** Two records that may not hold at the same time. */
export const Overlapping = defineError<{ field: string; doctype: string; other: string }>({
  code: 'hr/overlapping',
  status: 409,
  excType: 'ValidationError',
  message: (d) => `${d.doctype} ${d.other} holds at the same time.`,
})

export const NotEmployedThen = defineError<{ field: string; employee: string; day: string }>({
  code: 'hr/not-employed-then',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.employee} is not employed on ${d.day}.`,
})

export const LeaveShort = defineError<{ field: string; wanted: number; missing: number }>({
  code: 'hr/leave-short',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `Of ${d.wanted} days of leave ${d.missing} are not there.`,
})

export const LeaveRefused = defineError<{ field: string; reason: string }>({
  code: 'hr/leave-refused',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `The leave cannot be taken: ${d.reason}`,
})

export const NotTheApprover = defineError<{ field: string; reason: string }>({
  code: 'hr/not-the-approver',
  status: 403,
  excType: 'PermissionError',
  message: (d) => `You do not decide on this: ${d.reason}`,
})

export const NotDecided = defineError<{ field: string; doctype: string }>({
  code: 'hr/not-decided',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `A ${d.doctype} is submitted when it has been approved or rejected.`,
})

/** Days of leave that are to be taken back have been used. */
export const LeaveInUse = defineError<{ field: string; missing: number }>({
  code: 'hr/leave-in-use',
  status: 409,
  excType: 'ValidationError',
  message: (d) => `${d.missing} of these days of leave have been used.`,
})

export const LedgerIsFixed = defineError<{ field: string }>({
  code: 'hr/ledger-is-fixed',
  status: 403,
  excType: 'ValidationError',
  message: () => 'The leave ledger is written by what is submitted and cancelled; its entries are neither changed nor deleted.',
})

export const AttendanceStands = defineError<{ field: string; day: string; attendance: string }>({
  code: 'hr/attendance-stands',
  status: 409,
  excType: 'ValidationError',
  message: (d) => `For ${d.day} there is ${d.attendance} already.`,
})

export const NoEmployee = defineError<{ field: string }>({
  code: 'hr/no-employee',
  status: 404,
  excType: 'DoesNotExistError',
  message: () => 'There is no such employee.',
})
