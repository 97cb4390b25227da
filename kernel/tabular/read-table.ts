import { type ByteSource, pieces } from './byte-source.ts'
import { readCsv } from './csv-read.ts'
import { TableUnreadable } from './errors.ts'
import type { ReadLimits, TableRow } from './table.ts'
import { readXlsx } from './xlsx-read.ts'

/** Whether a file's first bytes are those of a zip archive, which a workbook is. */
async function isWorkbook(source: ByteSource): Promise<boolean> {
  const head = await source.read(0, 4)
  return head[0] === 0x50 && head[1] === 0x4b && head[2] === 3 && head[3] === 4
}

/**
 * The rows of a CSV file or a workbook, told apart by their content and not by a name.
 * @throws TableUnreadable, TableTooLarge
 */
export async function* readTable(
  source: ByteSource,
  options: ReadLimits & { delimiter?: string; sheet?: string } = {},
): AsyncGenerator<TableRow> {
  const head = await source.read(0, 8)
  // Excel before 2007, and workbooks with a password.
  if (head[0] === 0xd0 && head[1] === 0xcf && head[2] === 0x11 && head[3] === 0xe0)
    throw new TableUnreadable({
      field: 'file',
      row: 0,
      reason: 'it is an old or protected Excel file. Save it as .xlsx without a password, or as CSV.',
    })
  if (await isWorkbook(source)) yield* readXlsx(source, options)
  else yield* readCsv(pieces(source), options)
}
