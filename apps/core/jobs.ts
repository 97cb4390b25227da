import type { JobDefinition, ScheduleDefinition } from '#kernel/apps/app.ts'
import { deleteAbandonedUploads } from '#kernel/files/chunks.ts'
import { purgeJobs } from '#kernel/jobs/manage.ts'
import { tidyIdentity } from '#kernel/identity/tidy.ts'
import { deleteOldAnswers } from '#kernel/methods/stored-answers.ts'

/** Milliseconds for which finished and cancelled jobs can be looked up; failed ones stay until a person deals with them. */
const jobsKept = 7 * 86_400_000

/** What the platform does by itself. */
export const coreJobs: Readonly<Record<string, JobDefinition>> = {
  'tidy-up': {
    queue: 'long',
    run: async (ctx) => ({
      sessions: await tidyIdentity(ctx),
      answers: await deleteOldAnswers(ctx),
      uploads: await deleteAbandonedUploads(ctx.site),
    }),
  },
  'forget-old-jobs': {
    queue: 'long',
    run: async (ctx) => ({ jobs: await purgeJobs(ctx.site, ctx.clock.now() - jobsKept) }),
  },
}

export const coreSchedules: readonly ScheduleDefinition[] = [
  { every: 'daily', job: 'tidy-up' },
  { every: 'daily', job: 'forget-old-jobs' },
]
