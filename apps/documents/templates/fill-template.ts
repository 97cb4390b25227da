import { Type } from 'typebox'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import type { JobRun } from '#kernel/jobs/job.ts'
import { checkedPerDocument, defineMethod } from '#kernel/methods/method.ts'
import { demand } from '#kernel/permissions/grants.ts'
import { htmlToPdf } from '#kernel/print/pdf.ts'
import { readCsv } from '#kernel/tabular/csv-read.ts'
import { escapeHtml } from '#kernel/templates/plain-text.ts'
import { renderTemplate } from '#kernel/templates/render.ts'
import { templateDataOf } from '#kernel/templates/template-data.ts'
import { TemplateUnusable } from '../errors.ts'
import { fileFromBytes } from '../filing/from-bytes.ts'

/** Rows of one table that a template is filled from. */
const mostRows = 500
const name = Type.String({ minLength: 1, maxLength: 140 })

interface Filling {
  readonly template: string
  /** The record that gives `doc`. */
  readonly record?: string | undefined
  /** What gives `row`. */
  readonly row?: Readonly<Record<string, string>> | undefined
  readonly folder?: string | undefined
}

/**
 * Fills a template with a record as the caller may read it and with values of a row, makes a PDF of it, and files that.
 * @throws TemplateUnusable, PermissionDenied, PdfUnavailable, TemplateTooLong
 */
export async function fillTemplate(ctx: Context, { template: wanted, record, row, folder }: Filling): Promise<AnyDocument> {
  const template = await getDocument(ctx, 'Document Template', wanted)
  if (template.disabled) throw new TemplateUnusable({ field: 'template', reason: `${template.template_name} is disabled.` })
  const doctype = typeof template.reference_doctype === 'string' ? template.reference_doctype : undefined
  if (doctype && !record) throw new TemplateUnusable({ field: 'record', reason: `say which ${doctype} it is filled from.` })
  if (doctype && record) await demand(ctx, 'print', doctype)
  const data = { doc: doctype && record ? await templateDataOf(ctx, doctype, record) : {}, row: { ...row } }
  const title =
    (await renderTemplate(ctx, String(template.title_template), data, { escape: 'none' })).trim().slice(0, 140) ||
    String(template.template_name)
  const body = await renderTemplate(ctx, String(template.body), data)
  const page = `<!doctype html><html><head><meta charset="utf-8"><title>${escapeHtml(title)}</title><style>@page{size:A4;margin:20mm}body{font:11pt "Open Sans",sans-serif}</style></head><body>${body}</body></html>`
  const pdf = await htmlToPdf(page, { made: ctx.clock.now() })
  const values = {
    title,
    organization: template.organization,
    folder: folder ?? template.folder,
    document_type: template.document_type,
    version_note: String(template.template_name),
    ...(doctype && record ? { reference_doctype: doctype, reference_name: record } : {}),
  }
  return fileFromBytes(ctx, values, pdf, `${title.replaceAll(/[\\/:*?"<>|]/g, '-')}.pdf`, 'template')
}

const fillOne = defineMethod({
  path: 'orchestrator.documents.fill_template',
  summary: 'Makes a PDF of a template and a record, and files it as a document.',
  verbs: ['POST'],
  input: Type.Object({
    template: name,
    record: Type.Optional(name),
    row: Type.Optional(Type.Record(Type.String(), Type.String({ maxLength: 10_000 }))),
    folder: Type.Optional(name),
  }),
  rule: checkedPerDocument('template and record are read, and the document is made, with the rights of the caller'),
  handler: async (ctx, given) => ({ document: (await fillTemplate(ctx, given)).name }),
})

const fillMany = defineMethod({
  path: 'orchestrator.documents.fill_template_from_csv',
  summary: 'Makes a PDF for each line of a CSV file, in a job; a column `record` names the record that a line is about.',
  verbs: ['POST'],
  input: Type.Object({ template: name, csv: Type.String({ minLength: 1, maxLength: 2_000_000 }), folder: Type.Optional(name) }),
  rule: checkedPerDocument('template and records are read, and the documents are made, with the rights of the caller'),
  async handler(ctx, { template, csv, folder }) {
    await getDocument(ctx, 'Document Template', template)
    await demand(ctx, 'create', 'Document')
    const rows = await rowsOf(csv)
    const job = await enqueue(ctx, 'documents.fill-template', { template, rows, folder: folder ?? null })
    return { job: job.id, rows: rows.length }
  },
})

async function rowsOf(csv: string): Promise<Record<string, string>[]> {
  const refuse = (reason: string): never => {
    throw new TemplateUnusable({ field: 'csv', reason })
  }
  let heads: readonly string[] | undefined
  const rows: Record<string, string>[] = []
  for await (const { row, cells } of readCsv([Buffer.from(csv)])) {
    if (!heads) {
      heads = cells.map((cell) => cell.trim())
      if (heads.some((head, index) => head === '' || heads?.indexOf(head) !== index)) refuse('each column needs a name of its own.')
      continue
    }
    if (rows.length === mostRows) refuse(`it has more than ${mostRows} lines.`)
    if (cells.length > heads.length) refuse(`line ${row} has more values than there are columns.`)
    rows.push(Object.fromEntries(heads.map((head, index) => [head, cells[index] ?? ''])))
  }
  if (rows.length === 0) refuse('it has no lines.')
  return rows
}

/** The job behind `fill_template_from_csv`: each line once, as the user who asked. */
export async function fillFromRows(ctx: Context, input: Record<string, unknown>, job: JobRun): Promise<{ documents: string[] }> {
  const { template, rows, folder } = input as { template: string; rows: Record<string, string>[]; folder: string | null }
  const documents: string[] = []
  for (const [index, row] of rows.entries()) {
    job.signal.throwIfAborted()
    const filling = { template, row, record: row.record || undefined, folder: folder ?? undefined }
    documents.push(await job.step(`line ${index + 1}`, async (unit) => (await fillTemplate(unit, filling)).name))
    await job.progress(((index + 1) / rows.length) * 100)
  }
  return { documents }
}

export const templateMethods = [fillOne, fillMany]
