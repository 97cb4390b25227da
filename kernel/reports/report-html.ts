import { escapeHtml } from '#kernel/templates/plain-text.ts'
import type { ReportResult } from './report.ts'
import { isNumeric } from './columns.ts'
import { totalCells } from './totals.ts'

/** Rows that a page or mail shows; files hold all of them. */
const mostRows = 1000

/**
 * A report as a table for mails. Every value is text, whatever it looks like.
 * @param note HTML that was sanitised when it was stored, put above the table
 */
export function reportHtml(title: string, { columns, rows, total }: ReportResult, note = ''): string {
  const cell = (tag: 'td' | 'th', value: unknown, isRight: boolean): string => {
    const style = `padding:4px 8px;border:1px solid #d1d8dd;text-align:${isRight ? 'right' : 'left'}`
    return `<${tag} style="${style}">${escapeHtml(value === null || value === undefined ? '' : String(value))}</${tag}>`
  }
  const right = columns.map(isNumeric)
  const line = (tag: 'td' | 'th', values: readonly unknown[]): string =>
    `<tr>${values.map((value, at) => cell(tag, value, right[at] === true)).join('')}</tr>`
  const shown = rows.slice(0, mostRows)
  const body = shown.map((row) =>
    line(
      'td',
      columns.map((column) => row[column.fieldname]),
    ),
  )
  if (total) body.push(line('th', totalCells(columns, total)))
  const head =
    columns.length > 0
      ? line(
          'th',
          columns.map((column) => column.label),
        )
      : ''
  const table = head ? `<table style="border-collapse:collapse;font-size:13px">${head}${body.join('')}</table>` : ''
  const rest = rows.length > shown.length ? `<p>The first ${mostRows} of ${rows.length} rows.</p>` : ''
  return `<h3>${escapeHtml(title)}</h3>${note}${table}${rest}`
}
