import { defineError } from '#client/rules/errors.ts'

export const StatusRefused = defineError<{ field: string; from: string; to: string }>({
  code: 'helpdesk/status-refused',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `A ticket that is ${d.from} does not become ${d.to}.`,
})

/** A link leads to a record of another organization than the ticket's own. */
export const OfAnotherOrganization = defineError<{ field: string; value: string; organization: string }>({
  code: 'helpdesk/of-another-organization',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.field}: ${d.value} does not belong to ${d.organization}.`,
})

export const TicketLoop = defineError<{ field: string; ticket: string }>({
  code: 'helpdesk/ticket-loop',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.ticket} cannot be part of itself.`,
})

export const EventIsFixed = defineError<{ field: string }>({
  code: 'helpdesk/event-is-fixed',
  status: 403,
  excType: 'ValidationError',
  message: () => 'What happened to a ticket is neither changed nor deleted.',
})

export const PolicyUnusable = defineError<{ field: string; reason: string }>({
  code: 'helpdesk/policy-unusable',
  status: 417,
  excType: 'ValidationError',
  message: (d) => d.reason,
})
