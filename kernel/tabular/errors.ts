import { defineError } from '#client/rules/errors.ts'

/** A file that is no table, or a broken one. `row` is the line or row of the file, 0 where it concerns the whole. */
export const TableUnreadable = defineError<{ field: string; row: number; reason: string }>({
  code: 'tabular/unreadable',
  status: 417,
  excType: 'ValidationError',
  message: (d) => (d.row > 0 ? `The file cannot be read at row ${d.row}: ${d.reason}` : `The file cannot be read: ${d.reason}`),
})

/** A file that holds more than is read, packed or not. */
export const TableTooLarge = defineError<{ field: string; row: number; reason: string }>({
  code: 'tabular/too-large',
  status: 413,
  excType: 'ValidationError',
  message: (d) => (d.row > 0 ? `The file is too large at row ${d.row}: ${d.reason}` : `The file is too large: ${d.reason}`),
})

/** What a workbook has no room for; CSV has. */
export const NotForWorkbooks = defineError<{ row: number; reason: string }>({
  code: 'tabular/not-for-workbooks',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `Row ${d.row} does not fit an Excel file: ${d.reason} Choose CSV.`,
})
