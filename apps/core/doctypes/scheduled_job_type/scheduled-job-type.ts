import { Type } from 'typebox'
import type { Context } from '#kernel/context/context.ts'
import { textOfInstant } from '#kernel/context/time.ts'
import { type AnyDocument, Document } from '#kernel/documents/document.ts'
import { type DocumentMethod, defineDocumentMethod } from '#kernel/methods/method.ts'
import { pageOf } from '#kernel/query/page-of.ts'
import type { VirtualQuery } from '#kernel/query/virtual.ts'
import { cronFields } from '#kernel/schedule/rhythm.ts'
import { nextRunOf, type Schedule, schedulesOf, stopSchedule, triggerSchedule } from '#kernel/schedule/schedules.ts'
import type { Site } from '#kernel/sites/site.ts'

/** A view of the schedules that apps declare. */
export default class ScheduledJobType extends Document<{ stopped: number }> {
  static async load(ctx: Context, name: string): Promise<Record<string, unknown> | undefined> {
    const schedule = (await schedulesOf(ctx.site, ctx.db)).find((one) => one.name === name)
    return schedule && documentOf(ctx.site, schedule)
  }

  static async update(ctx: Context, document: AnyDocument): Promise<void> {
    await stopSchedule(ctx, document.name, document.stopped === 1)
  }

  static async get_list(ctx: Context, query: VirtualQuery): Promise<object[]> {
    return pageOf(await ctx.site.meta.get('Scheduled Job Type'), await documents(ctx), query)
  }

  static async get_count(ctx: Context, { condition }: Pick<VirtualQuery, 'condition'>): Promise<number> {
    const all = await documents(ctx)
    const query = { condition, orderBy: [], start: 0, limit: all.length }
    return (await pageOf(await ctx.site.meta.get('Scheduled Job Type'), all, query)).length
  }
}

export const documentMethods: DocumentMethod[] = [
  defineDocumentMethod({
    verb: 'execute_event',
    doctype: 'Scheduled Job Type',
    summary: 'Runs the job now, beside its ticks; answers with the id of the Background Job.',
    input: Type.Object({}),
    needs: 'write',
    handler: (ctx, document) => triggerSchedule(ctx, document.name),
  }),
]

async function documents(ctx: Context): Promise<Record<string, unknown>[]> {
  return (await schedulesOf(ctx.site, ctx.db)).map((schedule) => documentOf(ctx.site, schedule))
}

function documentOf(site: Site, schedule: Schedule): Record<string, unknown> {
  const next = nextRunOf(site, schedule)
  return {
    name: schedule.name,
    owner: 'Administrator',
    creation: null,
    modified: null,
    method: schedule.job,
    frequency: schedule.every,
    cron_format: cronFields(schedule.every),
    stopped: schedule.isStopped ? 1 : 0,
    last_execution: schedule.lastTick === undefined ? null : textOfInstant(schedule.lastTick),
    next_execution: Number.isFinite(next) ? textOfInstant(next) : null,
  }
}
