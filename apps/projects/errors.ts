import { defineError } from '#client/rules/errors.ts'

/** A link leads to a record of another organization than the document's own. */
export const OfAnotherOrganization = defineError<{ doctype: string; field: string; value: string; organization: string }>({
  code: 'projects/of-another-organization',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.field}: ${d.value} does not belong to ${d.organization}.`,
})

export const DatesOutOfOrder = defineError<{ field: string; from: string; to: string }>({
  code: 'projects/dates-out-of-order',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.field}: ${d.to} lies before ${d.from}.`,
})

/** A value that is well formed and makes no sense here; the reason says why. */
export const ValueRefused = defineError<{ field: string; reason: string }>({
  code: 'projects/value-refused',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.field}: ${d.reason}`,
})

/** Epics have stories, stories tasks, tasks subtasks, and nothing else. */
export const WrongPlace = defineError<{ field: string; type: string; parent: string }>({
  code: 'projects/wrong-place',
  status: 417,
  excType: 'ValidationError',
  message: (d) => (d.parent === '' ? `A ${d.type} is a part of something.` : `A ${d.type} is no part of a ${d.parent}.`),
})

export const OfAnotherProject = defineError<{ field: string; value: string; project: string }>({
  code: 'projects/of-another-project',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.field}: ${d.value} is not in the project ${d.project || 'of this task, which has none'}.`,
})

/** A task cannot be done while what it is made of or waits for is not. */
export const StillOpen = defineError<{ field: string; task: string; subject: string; why: 'part' | 'before' }>({
  code: 'projects/still-open',
  status: 409,
  excType: 'ValidationError',
  message: (d) => `${d.task} “${d.subject}” ${d.why === 'part' ? 'is a part of this and' : 'comes before this and'} is not done yet.`,
})

/** What has happened is written down once. */
export const HistoryIsFixed = defineError<{ doctype: string; field: string }>({
  code: 'projects/history-is-fixed',
  status: 403,
  excType: 'ValidationError',
  message: (d) => `A ${d.doctype} can be neither changed nor deleted.`,
})

export const SprintStateWrong = defineError<{ field: string; sprint: string; status: string }>({
  code: 'projects/sprint-state-wrong',
  status: 409,
  excType: 'ValidationError',
  message: (d) => `${d.field}: the sprint ${d.sprint} is ${d.status.toLowerCase()}.`,
})
