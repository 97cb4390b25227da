import { Type } from 'typebox'
import type { Context } from '#kernel/context/context.ts'
import { type AnyDocument, Document } from '#kernel/documents/document.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { ImportRefused } from '#kernel/imports/errors.ts'
import { demandImport } from '#kernel/imports/import-plan.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { cancelJob, findJob } from '#kernel/jobs/manage.ts'
import { type DocumentMethod, defineDocumentMethod } from '#kernel/methods/method.ts'
import { mappingOf } from '../../import-file.ts'
import { forgetOutcomes } from '../../import-log.ts'

interface DataImportFields {
  reference_doctype: string
  import_file: string | null
  template_options: string | null
  job: string | null
  status: string
}

/** A file to be imported. */
export default class DataImport extends Document<DataImportFields> {
  async validate(ctx: Context, extra?: { before?: AnyDocument }): Promise<void> {
    await demandImport(ctx, this.reference_doctype)
    mappingOf(this.template_options)
    const before = extra?.before
    if (!before || before.import_file === this.import_file) return
    await demandIdle(ctx, this.job)
    // Rows of one file say nothing about those of another.
    await forgetOutcomes(ctx, String(this.name), true)
    this.status = 'Pending'
  }

  async on_trash(ctx: Context): Promise<void> {
    await demandIdle(ctx, this.job)
    await forgetOutcomes(ctx, String(this.name), true)
  }
}

/** @throws ImportRefused while a job of the import has not ended */
async function demandIdle(ctx: Context, job: string | null): Promise<void> {
  if (await isRunning(ctx, job)) throw new ImportRefused({ field: 'job', reason: 'it is running; cancel it first.' })
}

async function isRunning(ctx: Context, job: string | null): Promise<boolean> {
  const row = job ? await findJob(ctx, job) : undefined
  return row !== undefined && ['waiting', 'queued', 'running'].includes(row.state)
}

/**
 * Starts the job of a Data Import, with the rights of the acting user. Rows that an earlier run stored are passed over.
 * @param isTrial stores everything and takes it back
 * @returns the job's id
 * @throws ImportRefused, PermissionDenied
 */
export async function startImport(ctx: Context, document: AnyDocument, isTrial: boolean): Promise<string> {
  await demandImport(ctx, String(document.reference_doctype))
  if (!document.import_file) throw new ImportRefused({ field: 'import_file', reason: 'no file is attached.' })
  await demandIdle(ctx, document.job as string | null)
  const { id } = await enqueue(ctx, 'core.import-data', { data_import: String(document.name), trial: isTrial })
  await writeThrough(ctx.asSystem('notes the job of an import'), 'Data Import', document.name, {
    job: id,
    ...(!isTrial && { status: 'Pending' }),
  })
  return id
}

export const documentMethods: DocumentMethod[] = [
  defineDocumentMethod({
    verb: 'try_out',
    doctype: 'Data Import',
    summary: 'Stores every row and takes it back: the log tells what an import would refuse. Answers the id of the job.',
    input: Type.Object({}),
    needs: 'write',
    handler: (ctx, document) => startImport(ctx, document, true),
  }),
  defineDocumentMethod({
    verb: 'cancel_import',
    doctype: 'Data Import',
    summary: 'Ends an import that is under way. What it has stored stays; started again, it goes on after it.',
    input: Type.Object({}),
    needs: 'write',
    handler: async (ctx, document) => {
      const job = document.job as string | null
      if (!job || !(await isRunning(ctx, job))) throw new ImportRefused({ field: 'job', reason: 'it is not running.' })
      await cancelJob(ctx, job)
      await writeThrough(ctx.asSystem('notes that an import was cancelled'), 'Data Import', document.name, {
        status: 'Cancelled',
        job: null,
      })
    },
  }),
]
