import type { Context } from '#kernel/context/context.ts'
import { textOfInstant } from '#kernel/context/time.ts'
import { Document } from '#kernel/documents/document.ts'
import type { JobRow } from '#kernel/jobs/job.ts'
import { findJob, readJobs } from '#kernel/jobs/manage.ts'
import { pageOf } from '#kernel/query/page-of.ts'
import type { VirtualQuery } from '#kernel/query/virtual.ts'

/** What lists look through at most: the latest. */
const within = 2000

/** A view of those jobs that schedules made. */
export default class ScheduledJobLog extends Document<Record<string, unknown>> {
  static async load(ctx: Context, name: string): Promise<Record<string, unknown> | undefined> {
    const row = await findJob(ctx, name)
    return row?.schedule ? documentOf(row) : undefined
  }

  static async get_list(ctx: Context, query: VirtualQuery): Promise<object[]> {
    return pageOf(await ctx.site.meta.get('Scheduled Job Log'), await documents(ctx), query)
  }

  static async get_count(ctx: Context, { condition }: Pick<VirtualQuery, 'condition'>): Promise<number> {
    const query = { condition, orderBy: [], start: 0, limit: within }
    return (await pageOf(await ctx.site.meta.get('Scheduled Job Log'), await documents(ctx), query)).length
  }
}

async function documents(ctx: Context): Promise<Record<string, unknown>[]> {
  return (await readJobs(ctx.site, { scheduled: true, limit: within })).map(documentOf)
}

function documentOf(row: JobRow): Record<string, unknown> {
  return {
    name: row.id,
    owner: 'Administrator',
    creation: textOfInstant(Number(row.created)),
    modified: textOfInstant(Number(row.ended) || Number(row.created)),
    scheduled_job_type: row.schedule,
    status: row.state === 'finished' ? 'Complete' : row.state === 'failed' || row.state === 'cancelled' ? 'Failed' : 'Scheduled',
    details: row.error ?? row.result,
  }
}
