import { defineError } from '#client/rules/errors.ts'

/** The report's own roles leave the user out, or there is no right to report on the DocType it is about. */
export const ReportNotPermitted = defineError<{ report: string }>({
  code: 'report/not-permitted',
  status: 403,
  excType: 'PermissionError',
  message: (d) => `You do not have permission to run the report ${d.report}.`,
})

export const ReportDisabled = defineError<{ report: string }>({
  code: 'report/disabled',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `The report ${d.report} is disabled.`,
})

/** What the report says of itself cannot be. `field` is the place in its document. */
export const ReportInvalid = defineError<{ report: string; field: string; reason: string }>({
  code: 'report/invalid',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.report ? `Report ${d.report}: ` : ''}${d.reason}`,
})

/** `field` is the filter's name. */
export const BadReportFilter = defineError<{ report: string; field: string; reason: string }>({
  code: 'report/bad-filter',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `The filter “${d.field}” of ${d.report} ${d.reason}.`,
})

/** The text of a query report cannot be read; `line` counts from one. */
export const ReportQueryInvalid = defineError<{ field: string; line: number; reason: string }>({
  code: 'report/query-invalid',
  status: 417,
  excType: 'DataError',
  message: (d) => `Line ${d.line} of the query cannot be used: ${d.reason}.`,
})

/** The database could not run a query that reads well, such as one that compares a text with a number. */
export const ReportQueryFailed = defineError<{ reason: string }>({
  code: 'report/query-failed',
  status: 417,
  excType: 'DataError',
  message: (d) => `The database could not run the query${d.reason ? `: ${d.reason}` : ''}.`,
})

export const ReportTooLong = defineError<{ seconds: number }>({
  code: 'report/too-long',
  status: 417,
  excType: 'QueryTimeoutError',
  message: (d) => `The report took longer than ${d.seconds} s. Narrow its filters, or prepare it in the background.`,
})

export const ReportTooLarge = defineError<{ rows: number }>({
  code: 'report/too-large',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `The report has more than ${d.rows} rows. Narrow its filters.`,
})

/** Charts and cards: `field` is the field of the document that is wrong. */
export const ChartInvalid = defineError<{ chart: string; field: string; reason: string }>({
  code: 'report/chart-invalid',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.chart ? `${d.chart}: ` : ''}${d.reason}`,
})
