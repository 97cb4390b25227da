import type { Context } from '#kernel/context/context.ts'
import { wireV1 } from '#kernel/methods/wire-v1.ts'
import { list } from '#kernel/query/list.ts'
import { columnOfField, distinct, fieldnameOf } from './columns.ts'
import type { ReportColumn, ReportResult } from './report.ts'

/** Names that one look at a linked DocType asks for. */
const atOnce = 1000

/**
 * Another report's result in an order and choice of columns of its own, with columns of documents that its links lead to. Settings:
 * `columns`, a list of fieldnames or of columns with a fieldname; a column with `doctype`, `link_field` and `fieldname` is looked up, and
 * shows what the reader may read there.
 */
export async function customise(ctx: Context, result: ReportResult, settings: Record<string, unknown>): Promise<ReportResult> {
  if (!Array.isArray(settings.columns) || settings.columns.length === 0) return result
  const known = new Map(result.columns.map((column) => [column.fieldname, column]))
  let { rows } = result
  const columns: ReportColumn[] = []
  for (const given of settings.columns.slice(0, 200) as unknown[]) {
    const wanted: Record<string, unknown> =
      typeof given === 'object' && given !== null ? (given as Record<string, unknown>) : { fieldname: given }
    const own = known.get(String(wanted.fieldname))
    const via = known.get(String(wanted.link_field ?? ''))
    if (via && typeof wanted.doctype === 'string') {
      const added = await linkedColumn(ctx, rows, via, wanted.doctype, String(wanted.fieldname))
      columns.push(added.column)
      rows = added.rows
    } else if (own) {
      columns.push({
        ...own,
        ...(typeof wanted.label === 'string' && { label: wanted.label }),
        ...(typeof wanted.width === 'number' && { width: wanted.width }),
      })
    }
  }
  return columns.length > 0 ? { ...result, columns: distinct(columns), rows } : result
}

async function linkedColumn(ctx: Context, rows: ReportResult['rows'], via: ReportColumn, doctype: string, fieldname: string) {
  const meta = await ctx.site.meta.get(doctype)
  const field = meta.column.get(fieldname)
  const key = fieldnameOf(`${doctype} ${fieldname}`, 0)
  const column = field ? columnOfField(field, key) : { fieldname: key, label: fieldname, fieldtype: 'Data' }
  const names = [...new Set(rows.map((row) => row[via.fieldname]).filter((name) => typeof name === 'string' && name !== ''))]
  const values = new Map<unknown, unknown>()
  for (let start = 0; start < names.length; start += atOnce) {
    const found = await list(ctx, doctype, {
      fields: ['name', fieldname],
      filters: { name: ['in', names.slice(start, start + atOnce)] },
      limit: atOnce,
      wire: wireV1(ctx),
    })
    for (const row of found.rows) values.set(row.name, row[fieldname])
  }
  return { column, rows: rows.map((row) => ({ ...row, [key]: values.get(row[via.fieldname]) ?? null })) }
}
