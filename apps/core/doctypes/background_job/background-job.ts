import { Type } from 'typebox'
import type { Context } from '#kernel/context/context.ts'
import { textOfInstant } from '#kernel/context/time.ts'
import { Document } from '#kernel/documents/document.ts'
import type { JobRow, JobState } from '#kernel/jobs/job.ts'
import { cancelJob, findJob, readJobs, retryJob } from '#kernel/jobs/manage.ts'
import { type DocumentMethod, defineDocumentMethod } from '#kernel/methods/method.ts'
import { pageOf } from '#kernel/query/page-of.ts'
import type { VirtualQuery } from '#kernel/query/virtual.ts'

const statuses: Readonly<Record<JobState, string>> = {
  waiting: 'Queued',
  queued: 'Queued',
  running: 'Running',
  finished: 'Finished',
  failed: 'Failed',
  cancelled: 'Cancelled',
}

/** What lists look through at most: the latest. */
const within = 10_000
const atOnce = 1000

/** A view of the table of jobs. */
export default class BackgroundJob extends Document<Record<string, unknown>> {
  static async load(ctx: Context, name: string): Promise<Record<string, unknown> | undefined> {
    const row = await findJob(ctx, name)
    return row && documentOf(row)
  }

  static async get_list(ctx: Context, query: VirtualQuery): Promise<object[]> {
    return pageOf(await ctx.site.meta.get('Background Job'), documents(ctx), query)
  }

  static async get_count(ctx: Context, { condition }: Pick<VirtualQuery, 'condition'>): Promise<number> {
    const all = { condition, orderBy: [], start: 0, limit: within }
    return (await pageOf(await ctx.site.meta.get('Background Job'), documents(ctx), all)).length
  }
}

export const documentMethods: DocumentMethod[] = [
  defineDocumentMethod({
    verb: 'retry',
    doctype: 'Background Job',
    summary: 'Queues a failed or cancelled job once more.',
    input: Type.Object({}),
    needs: 'write',
    handler: (ctx, document) => retryJob(ctx, document.name),
  }),
  defineDocumentMethod({
    verb: 'cancel',
    doctype: 'Background Job',
    summary: 'Cancels a job that has not ended; one that runs can write nothing any more.',
    input: Type.Object({}),
    needs: 'write',
    handler: (ctx, document) => cancelJob(ctx, document.name),
  }),
]

async function* documents(ctx: Context): AsyncGenerator<Record<string, unknown>> {
  let before: string | undefined
  for (let read = 0; read < within; read += atOnce) {
    const rows = await readJobs(ctx.site, { limit: atOnce, ...(before ? { before } : {}) })
    for (const row of rows) yield documentOf(row)
    if (rows.length < atOnce) return
    before = rows.at(-1)?.id
  }
}

function documentOf(row: JobRow): Record<string, unknown> {
  const latest = Math.max(...[row.created, row.started, row.ended].map(Number))
  return {
    name: row.id,
    owner: row.run_as || 'Administrator',
    creation: textOfInstant(Number(row.created)),
    modified: textOfInstant(latest),
    modified_by: row.run_as || 'Administrator',
    docstatus: 0,
    idx: 0,
    job: row.job_name,
    queue: row.queue,
    status: statuses[row.state],
    user: row.run_as || null,
    schedule: row.schedule || null,
    progress: String(row.progress),
    progress_text: row.progress_text,
    attempts: Number(row.attempts),
    max_attempts: Number(row.max_attempts),
    worker: row.worker,
    run_at: moment(row.run_at),
    started_at: moment(row.started),
    ended_at: moment(row.ended),
    arguments: row.input,
    result: row.result,
    error: row.error,
  }
}

function moment(instant: number): string | null {
  return Number(instant) === 0 ? null : textOfInstant(Number(instant))
}
