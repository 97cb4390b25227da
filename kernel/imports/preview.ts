import { AppError } from '#client/rules/errors.ts'
import type { Context } from '#kernel/context/context.ts'
import { wireV1 } from '#kernel/methods/wire-v1.ts'
import type { ImportPlan, PlanWarning } from './import-plan.ts'
import { readCell } from './read-cell.ts'

/** A column as the preview shows it. */
export interface PreviewColumn {
  readonly header_title: string
  readonly index: number
  readonly skip_import: boolean
  readonly map_to_field: string | null
  readonly fieldtype: string | null
  readonly label: string | null
}

/** What a file would bring, in the shape of Frappe's preview: the first rows as they are read, and what to know beforehand. */
export interface ImportPreview {
  readonly columns: readonly PreviewColumn[]
  /** The row of the file, then its cells. */
  readonly data: readonly (readonly (string | number | null)[])[]
  readonly warnings: readonly (PlanWarning & { row?: number })[]
  readonly total_number_of_rows: number
  readonly max_rows_exceeded: boolean
  readonly max_rows_in_preview: number
}

/** Rows that are shown. */
const shownRows = 10
/** Complaints about single cells; a person who sees so many looks at the column. */
const mostComplaints = 50

/** Reads the first thousand rows as an import would, without storing anything; the kernel's other checks are those of a trial run. */
export function previewImport(ctx: Context, plan: ImportPlan): ImportPreview {
  const warnings: (PlanWarning & { row?: number })[] = [...plan.warnings]
  const wire = wireV1(ctx)
  let complaints = 0
  for (const { row, cells } of plan.sample)
    for (const { index, header, target, style } of plan.imported) {
      if (complaints >= mostComplaints) break
      try {
        const value = readCell(cells[index] ?? '', target.field, style, target.key)
        if (value === undefined) continue
        const cast = target.field.type.cast(value, target.field, wire, target.key)
        target.field.type.check(cast, target.field, target.key)
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        complaints++
        warnings.push({ row, col: index + 1, message: `Row ${row}, ${header}: ${error.message}` })
      }
    }
  return {
    columns: plan.columns.map(({ header, index, target }) => ({
      header_title: header,
      index,
      skip_import: target === undefined,
      map_to_field: target?.key ?? null,
      fieldtype: target?.field.fieldtype ?? null,
      label: target?.label ?? null,
    })),
    data: plan.sample.slice(0, shownRows).map(({ row, cells }) => [row, ...plan.headers.map((_, index) => cells[index] || null)]),
    warnings,
    total_number_of_rows: plan.total,
    max_rows_exceeded: plan.total > shownRows,
    max_rows_in_preview: shownRows,
  }
}
