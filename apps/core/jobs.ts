import type { JobDefinition, ScheduleDefinition } from '#kernel/apps/app.ts'
import { deleteAbandonedUploads } from '#kernel/files/chunks.ts'
import { tidyIdentity } from '#kernel/identity/tidy.ts'
import { deleteOldAnswers } from '#kernel/methods/stored-answers.ts'

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
}

export const coreSchedules: readonly ScheduleDefinition[] = [{ every: 'daily', job: 'tidy-up' }]
