import type { Context } from '#kernel/context/context.ts'
import { incomingFolder } from '#kernel/files/received-file.ts'
import { FileAnswer } from '#kernel/methods/file-answer.ts'
import { numberFormat } from '#client/rules/number-format.ts'
import { setting } from '#kernel/sites/settings.ts'
import { type CsvOptions, writeCsv } from '#kernel/tabular/csv-write.ts'
import { spooled } from '#kernel/tabular/spool.ts'
import type { Column, OutputRow } from '#kernel/tabular/table.ts'
import { writeXlsx } from '#kernel/tabular/xlsx-write.ts'

type Rows = Iterable<OutputRow> | AsyncIterable<OutputRow>

/** Frappe's names of the formats. */
export const tableFormats = ['CSV', 'Excel'] as const
export type TableFormat = (typeof tableFormats)[number]

const types: Readonly<Record<TableFormat, [ending: string, type: string]>> = {
  CSV: ['csv', 'text/csv; charset=utf-8'],
  Excel: ['xlsx', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'],
}

/** A table as a file to download, whatever its length; made before the answer begins, so that what is refused is refused in words. */
export async function tableFile(
  ctx: Context,
  title: string,
  format: TableFormat,
  columns: readonly Column[],
  rows: Rows,
  csv: CsvOptions = {},
): Promise<FileAnswer> {
  const [ending, type] = types[format]
  const parts = format === 'Excel' ? writeXlsx(columns, rows, { sheet: title }) : writeCsv(columns, rows, csv)
  return new FileAnswer(`${title}.${ending}`, type, await spooled(incomingFolder(ctx.site), parts))
}

/** CSV as the spreadsheets of the site's country expect it; an import reads it back so. */
export function localCsv(ctx: Context): CsvOptions {
  const { decimal } = numberFormat(setting(ctx.site, 'number_format', '#,###.##'))
  return decimal === ',' ? { decimalSeparator: ',', delimiter: ';' } : {}
}
