import { defineError } from '#client/rules/errors.ts'

export const RequestClosed = defineError<{ request: string; status: string }>({
  code: 'sample/request-closed',
  status: 409,
  excType: 'ValidationError',
  message: (d) => `${d.request} is ${d.status.toLowerCase()} already.`,
})

export const RequestHasOpenVisits = defineError<{ request: string; visits: number }>({
  code: 'sample/request-has-open-visits',
  status: 409,
  excType: 'ValidationError',
  message: (d) => `${d.request} still has ${d.visits} planned ${d.visits === 1 ? 'visit' : 'visits'}.`,
})
