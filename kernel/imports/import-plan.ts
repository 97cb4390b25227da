import { dateFormat } from '#client/rules/date-format.ts'
import type { Context } from '#kernel/context/context.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { demand } from '#kernel/permissions/grants.ts'
import { setting } from '#kernel/sites/settings.ts'
import type { ByteSource } from '#kernel/tabular/byte-source.ts'
import { readTable } from '#kernel/tabular/read-table.ts'
import type { TableRow } from '#kernel/tabular/table.ts'
import { ImportNotAllowed, ImportRefused } from './errors.ts'
import { type ColumnMapping, type ImportColumn, importTargets, mapColumns } from './import-columns.ts'
import type { StyledColumn } from './import-documents.ts'
import { type LocalFormats, styleOf } from './read-cell.ts'

/** What is done with the documents of a file. */
export type ImportMode = 'insert' | 'update' | 'upsert'

/** What a person wants of an import. */
export interface ImportRequest {
  readonly doctype: string
  readonly mode: ImportMode
  /** The field by which stored documents are found: `name`, or one whose values are unique. */
  readonly matchBy?: string
  readonly mapping?: ColumnMapping
  readonly delimiter?: string
}

/** How a file will be imported. */
export interface ImportPlan {
  readonly meta: Meta
  readonly mode: ImportMode
  readonly matchBy: string
  readonly headers: readonly string[]
  readonly columns: readonly ImportColumn[]
  /** Those of `columns` that are imported. */
  readonly imported: readonly StyledColumn[]
  /** The first rows after the heading. */
  readonly sample: readonly TableRow[]
  /** Rows after the heading. */
  readonly total: number
  readonly warnings: readonly PlanWarning[]
  /** The rows once more, from the first. */
  rows(): AsyncGenerator<TableRow>
}

/** What a person should know before the import. */
export interface PlanWarning {
  readonly message: string
  /** Number of the column from 1, where it concerns one; see Frappe's `col`. */
  readonly col?: number
}

/** Rows by which a column's way of writing is judged. */
const sampleRows = 1000

/**
 * Reads a file's heading and counts its rows.
 * @throws PermissionDenied, ImportNotAllowed, ImportRefused, TableUnreadable, TableTooLarge
 */
export async function planImport(ctx: Context, request: ImportRequest, source: ByteSource): Promise<ImportPlan> {
  const meta = await demandImport(ctx, request.doctype)
  const matchBy = checkMatchBy(meta, request)
  const sample: TableRow[] = []
  let headers: readonly string[] | undefined
  let total = 0
  const options = request.delimiter ? { delimiter: request.delimiter } : {}
  for await (const row of readTable(source, options)) {
    if (!headers) headers = row.cells
    else if (++total <= sampleRows) sample.push(row)
  }
  if (!headers) throw new ImportRefused({ field: 'import_file', reason: 'the file is empty.' })
  const targets = await importTargets(ctx, meta)
  const columns = mapColumns(headers, targets, request.mapping)
  const warnings: PlanWarning[] = columns.flatMap(({ warning, index }) => (warning ? [{ message: warning, col: index + 1 }] : []))
  const imported = styledColumns(ctx, columns, sample, await isWorkbook(source), warnings)
  checkColumns(meta, request.mode, matchBy, imported, warnings)
  return {
    meta,
    mode: request.mode,
    matchBy,
    headers,
    columns,
    imported,
    sample,
    total,
    warnings,
    async *rows() {
      let isHeading = true
      for await (const row of readTable(source, options)) {
        if (!isHeading) yield row
        isHeading = false
      }
    },
  }
}

/** @throws PermissionDenied, ImportNotAllowed */
export async function demandImport(ctx: Context, doctype: string): Promise<Meta> {
  const meta = await ctx.site.meta.get(doctype)
  await demand(ctx, 'import', meta.name)
  if (meta.isTable || meta.isSingle || meta.isVirtual || !meta.definition.allow_import) throw new ImportNotAllowed({ doctype: meta.name })
  return meta
}

function checkMatchBy(meta: Meta, { mode, matchBy }: ImportRequest): string {
  if (mode === 'insert' || !matchBy || matchBy === 'name') return 'name'
  const field = meta.column.get(matchBy)
  if (mode === 'update' || !field?.unique)
    throw new ImportRefused({
      field: 'match_by',
      reason: mode === 'update' ? 'documents are updated by their ID.' : `${matchBy.slice(0, 140)} is no field whose values are unique.`,
    })
  return matchBy
}

async function isWorkbook(source: ByteSource): Promise<boolean> {
  return Buffer.from(await source.read(0, 2)).toString('latin1') === 'PK'
}

function styledColumns(
  ctx: Context,
  columns: readonly ImportColumn[],
  sample: readonly TableRow[],
  isPlain: boolean,
  warnings: PlanWarning[],
): StyledColumn[] {
  const local: LocalFormats = { number: setting(ctx.site, 'number_format', '#,###.##'), date: dateFormat(setting(ctx.site, 'date_format')) }
  return columns.flatMap((column) => {
    const { target, index, header } = column
    if (!target) return []
    const cells = sample.map((row) => row.cells[index] ?? '')
    const style = styleOf(target.field, cells, local, isPlain)
    if (!style) warnings.push({ message: `Some cells of "${header}" cannot be read as ${target.field.fieldtype}.`, col: index + 1 })
    return [{ ...column, target, style: style ?? fallbackStyle(target.field, local, isPlain) }]
  })
}

function fallbackStyle(field: StyledColumn['target']['field'], local: LocalFormats, isPlain: boolean): StyledColumn['style'] {
  return styleOf(field, [], local, isPlain) ?? { date: local.date }
}

function checkColumns(meta: Meta, mode: ImportMode, matchBy: string, columns: readonly StyledColumn[], warnings: PlanWarning[]): void {
  const keys = new Set(columns.map(({ target }) => target.key))
  if (!columns.some(({ target }) => !target.table))
    throw new ImportRefused({ field: 'import_file', reason: `no column belongs to a field of ${meta.name} itself.` })
  if (mode !== 'insert' && !keys.has(matchBy))
    throw new ImportRefused({
      field: 'import_file',
      reason: `there is no column for ${matchBy === 'name' ? 'the ID' : matchBy}, by which stored documents are found.`,
    })
  if (mode === 'update') return
  const missing = meta.fields.filter(
    (field) => field.reqd && !keys.has(field.fieldname) && !field.default && field.type.kind !== 'table' && !field.fetch_from,
  )
  for (const field of missing) warnings.push({ message: `${field.label || field.fieldname} must be filled in, and no column does.` })
}
