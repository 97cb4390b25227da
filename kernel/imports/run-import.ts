import type { Context } from '#kernel/context/context.ts'
import type { JobRun } from '#kernel/jobs/job.ts'
import { type ImportOutcome, storeBatch } from './import-batch.ts'
import { type ImportedDocument, importedDocuments } from './import-documents.ts'
import type { ImportPlan } from './import-plan.ts'
import { muteMails } from './muted.ts'

/** How an import runs. */
export interface RunOptions {
  readonly submit: boolean
  readonly muteMails: boolean
  /** Stores everything and takes it back again: what would be refused is known, nothing has happened. */
  readonly trial: boolean
  /** First rows of documents that an earlier run has stored; they are passed over. Must stay the same while the job lives. */
  readonly done: ReadonlySet<number>
  /** Notes what became of a batch, in the transaction that stored it. */
  note(ctx: Context, outcomes: readonly ImportOutcome[]): Promise<void>
  /** Tells how many rows of the file have been dealt with. */
  tell(ctx: Context, rows: number): Promise<void>
}

/** How many documents were stored and refused. */
export interface ImportCounts {
  readonly stored: number
  readonly refused: number
}

/** Documents of one transaction: few enough that nobody else waits long, enough that commits do not count. */
const batchSize = 500
/** Rows of one, however many documents that makes. */
const batchRows = 5000
/** In a trial a batch is also how far one row sees another; see docs/kernel/imports.md. */
const trialSize = 5000

/**
 * Imports a file batch by batch, each a step of the job: a worker that is killed loses one batch at most, and the next one goes on after it
 * without storing anything twice. Memory does not grow with the file.
 */
export async function runImport(plan: ImportPlan, job: JobRun, options: RunOptions): Promise<ImportCounts> {
  const counts = { stored: 0, refused: 0 }
  let batch: ImportedDocument[] = []
  let number = 0
  let rows = 0
  let rowsInBatch = 0
  const flush = async (): Promise<void> => {
    const documents = batch
    batch = []
    rows += rowsInBatch
    rowsInBatch = 0
    const sofar = rows
    const done = await job.step(`rows-${++number}`, async (own) => {
      const outcomes = await (options.trial ? tryOut(own, plan, documents, options) : storing(own, plan, documents, options))
      await options.note(own, outcomes)
      await options.tell(own, sofar)
      const stored = outcomes.filter(({ problems }) => problems.length === 0).length
      return { stored, refused: outcomes.length - stored }
    })
    counts.stored += done.stored
    counts.refused += done.refused
    await job.progress(plan.total === 0 ? 100 : Math.floor((rows / plan.total) * 100), `${rows} of ${plan.total} rows`)
  }
  for await (const document of importedDocuments(plan.rows(), plan.imported)) {
    rowsInBatch += document.rows.length
    if (options.done.has(document.rows[0] as number)) continue
    batch.push(document)
    if (batch.length >= (options.trial ? trialSize : batchSize) || rowsInBatch >= batchRows) await flush()
  }
  if (batch.length > 0) await flush()
  return counts
}

async function storing(
  ctx: Context,
  plan: ImportPlan,
  documents: readonly ImportedDocument[],
  options: RunOptions,
): Promise<ImportOutcome[]> {
  if (options.muteMails) muteMails(ctx)
  return storeBatch(ctx, plan, documents, options)
}

/** Ends a savepoint that is not to be kept. */
const takenBack = Symbol('taken back')

async function tryOut(
  ctx: Context,
  plan: ImportPlan,
  documents: readonly ImportedDocument[],
  options: RunOptions,
): Promise<ImportOutcome[]> {
  let outcomes: ImportOutcome[] = []
  try {
    await ctx.db.savepoint(async () => {
      outcomes = await storeBatch(ctx, plan, documents, options)
      throw takenBack
    })
  } catch (error) {
    if (error !== takenBack) throw error
  }
  return outcomes
}
