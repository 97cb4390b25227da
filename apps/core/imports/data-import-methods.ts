import { Type } from 'typebox'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { openForWrite } from '#kernel/documents/save.ts'
import { exportColumns, exportDocuments, type ExportField, exportFields } from '#kernel/imports/export-documents.ts'
import { importTargets } from '#kernel/imports/import-columns.ts'
import { demandImport } from '#kernel/imports/import-plan.ts'
import { previewImport } from '#kernel/imports/preview.ts'
import { findJob } from '#kernel/jobs/manage.ts'
import { BadInput } from '#kernel/methods/errors.ts'
import { checkedPerDocument, defineMethod, type Method, type Verb } from '#kernel/methods/method.ts'
import { parseJson } from '#kernel/methods/strict-json.ts'
import { demand } from '#kernel/permissions/grants.ts'
import { readsFor } from '#kernel/permissions/reads.ts'
import type { OutputRow, TableRow } from '#kernel/tabular/table.ts'
import { startImport } from './doctypes/data_import/data-import.ts'
import { withPlan } from './import-file.ts'
import { countOutcomes, type LogLine, readOutcomes } from './import-log.ts'
import { localCsv, tableFile, tableFormats } from './table-file.ts'

const any = Type.Optional(Type.Unknown())
const name = Type.String({ minLength: 1, maxLength: 140 })
const reading: readonly Verb[] = ['GET', 'POST']
const writing: readonly Verb[] = ['POST', 'PUT']
const path = 'frappe.core.doctype.data_import.data_import'
/** Lines of the log that one answer holds, as in Frappe. */
const mostLines = 5000

const getPreview = defineMethod({
  path: `${path}.get_preview_from_template`,
  summary: 'The first rows of the attached file, the fields its columns fill, and what to know before the import.',
  verbs: reading,
  input: Type.Object({ data_import: name, import_file: Type.Optional(Type.String()), google_sheets_url: any }),
  rule: checkedPerDocument('the Data Import and its file are read as the caller, who needs the right to import'),
  handler: async (ctx, given) => {
    const document = await getDocument(ctx, 'Data Import', given.data_import)
    const of = given.import_file ? { ...document, import_file: given.import_file } : document
    return withPlan(ctx, of as AnyDocument, async (plan) => previewImport(ctx, plan))
  },
})

const start = defineMethod({
  path: `${path}.form_start_import`,
  summary: 'Starts the import as a job with the rights of the caller.',
  verbs: writing,
  input: Type.Object({ data_import: name }),
  rule: checkedPerDocument('the Data Import is opened for writing as the caller, who needs the right to import'),
  handler: async (ctx, given) => {
    await startImport(ctx, await openForWrite(ctx, 'Data Import', given.data_import), false)
    return true
  },
})

const getStatus = defineMethod({
  path: `${path}.get_import_status`,
  summary: 'How far an import is: its status, how many documents were stored and refused, and how many rows there are.',
  verbs: reading,
  input: Type.Object({ data_import_name: name }),
  rule: checkedPerDocument('the Data Import is read as the caller'),
  handler: async (ctx, given) => {
    const document = await getDocument(ctx, 'Data Import', given.data_import_name)
    const job = document.job ? await findJob(ctx, String(document.job)) : undefined
    return {
      ...(await countOutcomes(ctx, document.name)),
      status: job?.state === 'failed' ? 'Error' : document.status,
      is_running: job !== undefined && ['waiting', 'queued', 'running'].includes(job.state),
      total_records: document.payload_count,
    }
  },
})

function shownLine({ log_index, row_indexes, success, docname, messages }: LogLine): Record<string, unknown> {
  const exception = messages.map(({ code }) => code).join('\n') || null
  return {
    log_index,
    row_indexes: JSON.stringify(row_indexes),
    success: success ? 1 : 0,
    docname,
    messages: JSON.stringify(messages),
    exception,
  }
}

const getLogs = defineMethod({
  path: `${path}.get_import_logs`,
  summary: `What became of each document of the file, in its order; the first ${mostLines}.`,
  verbs: reading,
  input: Type.Object({ data_import: name }),
  rule: checkedPerDocument('the Data Import is read as the caller'),
  handler: async (ctx, given) => {
    const document = await getDocument(ctx, 'Data Import', given.data_import)
    const lines: Record<string, unknown>[] = []
    for await (const line of readOutcomes(ctx, document.name, Boolean(document.show_failed_logs))) {
      if (lines.push(shownLine(line)) >= mostLines) break
    }
    return lines
  },
})

const downloadLog = defineMethod({
  path: `${path}.download_import_log`,
  summary: 'The whole log as CSV.',
  verbs: reading,
  input: Type.Object({ data_import_name: name }),
  rule: checkedPerDocument('the Data Import is read as the caller'),
  handler: async (ctx, given) => {
    const document = await getDocument(ctx, 'Data Import', given.data_import_name)
    const columns = ['Row', 'Imported', 'ID', 'Column', 'Message'].map((label) => ({ label }))
    async function* rows(): AsyncGenerator<OutputRow> {
      for await (const { log_index, success, docname, messages } of readOutcomes(ctx, document.name)) {
        if (messages.length === 0) yield [log_index, success, docname, null, null]
        for (const { row, column, message } of messages) yield [row, success, docname, column, message]
      }
    }
    return tableFile(ctx, `${document.name} log`, 'CSV', columns, rows(), localCsv(ctx))
  },
})

const downloadErrors = defineMethod({
  path: `${path}.download_errored_template`,
  summary: 'The rows that were refused, as they stand in the file, each with the reason: to be corrected and imported again.',
  verbs: reading,
  input: Type.Object({ data_import_name: name }),
  rule: checkedPerDocument('the Data Import and its file are read as the caller, who needs the right to import'),
  handler: async (ctx, given) => {
    const document = await getDocument(ctx, 'Data Import', given.data_import_name)
    return withPlan(ctx, document, (plan) => {
      const columns = [...plan.headers, 'Error'].map((label) => ({ label, kind: 'text' as const }))
      return tableFile(ctx, `${document.name} errors`, 'CSV', columns, refusedRows(ctx, document.name, plan.rows(), plan.headers.length))
    })
  },
})

/** The log and the file are both in the order of rows: neither is held in memory. */
async function* refusedRows(ctx: Context, dataImport: string, rows: AsyncGenerator<TableRow>, width: number): AsyncGenerator<OutputRow> {
  for await (const { row_indexes, messages } of readOutcomes(ctx, dataImport, true)) {
    const wanted = new Set(row_indexes)
    const last = Math.max(...row_indexes)
    for (let next = await rows.next(); !next.done; next = await rows.next()) {
      const { row, cells } = next.value
      if (wanted.has(row)) {
        const reasons = messages.filter((one) => one.row === row).map(({ column, message }) => (column ? `${column}: ${message}` : message))
        yield [...Array.from({ length: width }, (_, index) => cells[index] ?? ''), reasons.join(' ')]
      }
      if (row >= last) break
    }
  }
}

const recordChoices = ['all', 'by_filter', '5_records', 'blank_template'] as const

const downloadTemplate = defineMethod({
  path: `${path}.download_template`,
  summary: 'A file with the columns that an import of the DocType reads, empty or with documents.',
  verbs: reading,
  input: Type.Object({
    doctype: name,
    export_fields: any,
    export_records: Type.Optional(Type.Union(recordChoices.map((choice) => Type.Literal(choice)))),
    export_filters: any,
    file_type: Type.Optional(Type.Union(tableFormats.map((format) => Type.Literal(format)))),
  }),
  rule: checkedPerDocument(
    'the right to import is demanded for an empty file, the right to export for documents; lists answer what the caller may read',
  ),
  handler: async (ctx, given) => {
    const records = given.export_records ?? 'blank_template'
    const format = given.file_type ?? 'CSV'
    const wanted = wantedFields(given.doctype, given.export_fields)
    if (records === 'blank_template') {
      const fields = await blankFields(ctx, given.doctype, wanted)
      return tableFile(ctx, given.doctype, format, exportColumns(fields), [], localCsv(ctx))
    }
    readsFor(ctx, 'export')
    const { rows: within } = await demand(ctx, 'export', given.doctype)
    const meta = await ctx.site.meta.get(given.doctype)
    const fields = await exportFields(ctx, meta, wanted)
    const selection = {
      within,
      ...(records === 'by_filter' && { filters: given.export_filters }),
      ...(records === '5_records' && { limit: 5 }),
    }
    return tableFile(ctx, meta.name, format, exportColumns(fields), exportDocuments(ctx, meta, fields, selection), localCsv(ctx))
  },
})

/** The fields that an import may fill, those chosen or those that a new document must or usually does have. */
async function blankFields(
  ctx: Context,
  doctype: string,
  wanted: Readonly<Record<string, readonly string[]>> | undefined,
): Promise<ExportField[]> {
  const targets = await importTargets(ctx, await demandImport(ctx, doctype))
  return targets.filter(({ field, table }) => {
    const chosen = wanted?.[table?.fieldname ?? '']
    return wanted ? chosen?.includes(field.fieldname) : field.fieldname !== 'name' && !field.read_only && !field.hidden
  })
}

/** `{"Lead": ["name", "title"], "items": ["qty"]}`: the DocType's name stands for the document itself. */
function wantedFields(doctype: string, given: unknown): Record<string, string[]> | undefined {
  if (given === undefined || given === null || given === '' || given === 'All') return undefined
  const value = typeof given === 'string' ? parseJson(given, 'export_fields') : given
  const wrong = (): never => {
    throw new BadInput({ method: `${path}.download_template`, field: 'export_fields', reason: 'must be an object of lists of fieldnames' })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return wrong()
  const wanted: [string, string[]][] = Object.entries(value).map(([key, names]) => {
    if (!Array.isArray(names) || names.some((one) => typeof one !== 'string')) return wrong()
    return [key === doctype ? '' : key, names as string[]]
  })
  return Object.fromEntries(wanted.filter(([key]) => key !== '__proto__'))
}

/** What the screen of Data Import asks for. */
export const dataImportMethods: readonly Method[] = [getPreview, start, getStatus, getLogs, downloadLog, downloadErrors, downloadTemplate]
