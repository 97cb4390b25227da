import { defineError } from '#client/rules/errors.ts'

/** A link leads to a record of another organization than the document's own. */
export const ElsewhereInBooks = defineError<{ doctype: string; field: string; value: string; organization: string }>({
  code: 'billing/of-another-organization',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.field}: ${d.value} does not belong to ${d.organization}.`,
})

export const NoCompany = defineError<{ organization: string; field: string }>({
  code: 'billing/no-company',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.organization} has no company in the books yet.`,
})

/** Something else must be set up first: an account of the company, say. */
export const NotSetUp = defineError<{ field: string; company: string; what: string }>({
  code: 'billing/not-set-up',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.company} has no ${d.what}.`,
})

export const BadBillingValue = defineError<{ field: string; reason: string }>({
  code: 'billing/bad-value',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.field}: ${d.reason}`,
})

/** The caller sent a total that the lines do not come to. */
export const WrongTotal = defineError<{ field: string; given: string; expected: string }>({
  code: 'billing/wrong-total',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.field}: the document comes to ${d.expected}, not ${d.given}.`,
})

export const CurrencyMismatch = defineError<{ field: string; expected: string; given: string }>({
  code: 'billing/currency-mismatch',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.field}: it is in ${d.given}, where ${d.expected} is needed.`,
})

export const ExchangeRateNeeded = defineError<{ field: string; from: string; to: string; date: string }>({
  code: 'billing/exchange-rate-needed',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `What ${d.from} was worth in ${d.to} on ${d.date} is not known.`,
})

export const PeriodClosed = defineError<{ field: string; date: string; closed: string }>({
  code: 'billing/period-closed',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `Nothing can be booked on ${d.date}: the books are closed (${d.closed}).`,
})

/** Both sides of a posting differ. Postings are made of parts that add up, so this is a fault of a program, or of a posting by hand. */
export const LedgerUnbalanced = defineError<{ field: string; difference: string }>({
  code: 'billing/unbalanced',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `Debit and credit differ by ${d.difference}.`,
})

export const LedgerIsFixed = defineError<{ doctype: string; field: string }>({
  code: 'billing/ledger-is-fixed',
  status: 403,
  excType: 'ValidationError',
  message: (d) => `A ${d.doctype} is written by what is submitted, and neither changed nor deleted.`,
})

export const OverAllocated = defineError<{ field: string; document: string; allocated: string; outstanding: string }>({
  code: 'billing/over-allocated',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.field}: ${d.allocated} is more than the ${d.outstanding} that ${d.document} has left.`,
})

export const NotOpenForPayment = defineError<{ field: string; document: string; reason: string }>({
  code: 'billing/not-open',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.field}: ${d.document} ${d.reason}`,
})

/** More is delivered, billed or returned than was ordered or sold. */
export const MoreThanThere = defineError<{ field: string; document: string; left: string; given: string }>({
  code: 'billing/more-than-there',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.field}: ${d.document} has ${d.left} left, not ${d.given}.`,
})

export const CreditLimitExceeded = defineError<{ field: string; customer: string; limit: string; owes: string }>({
  code: 'billing/credit-limit',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.customer} would owe ${d.owes}; the limit is ${d.limit}.`,
})

export const HoursOverlap = defineError<{ field: string; other: string }>({
  code: 'billing/hours-overlap',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.field}: these hours overlap with ${d.other}.`,
})

export const AlreadyBilled = defineError<{ field: string; document: string; by: string }>({
  code: 'billing/already-billed',
  status: 409,
  excType: 'ValidationError',
  message: (d) => `${d.field}: ${d.document} was charged with ${d.by} already.`,
})
