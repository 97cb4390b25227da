import { where } from '#client/rules/predicate.ts'
import type { JobDefinition, ScheduleDefinition } from '#kernel/apps/app.ts'
import { deliverMail } from '#kernel/mail/deliver.ts'
import { MailboxFailed } from '#kernel/mail/errors.ts'
import { forgetReceived, markPulled, pullMail } from '#kernel/mail/pull.ts'
import { forgetOldMail, sweepMailQueue } from '#kernel/mail/sweep.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import type { Site } from '#kernel/sites/site.ts'

/** Sending and reading mail. */
export const mailJobs: Readonly<Record<string, JobDefinition>> = {
  'send-mail': {
    timeout: 900,
    attempts: 5,
    backoff: 30,
    asSystem: 'sends a mail of the queue',
    run: async (ctx, { queue }, job) => deliverMail(ctx, String(queue), job),
  },
  'sweep-mail': {
    run: async (ctx) => ({ mails: await sweepMailQueue(ctx), removed: await forgetOldMail(ctx), forgotten: await forgetReceived(ctx) }),
  },
  // One failure is no dead letter: the next minute tries again, and the account says how it went.
  'pull-mail': {
    timeout: 600,
    attempts: 1,
    asSystem: 'reads the mail of an account',
    run: async (ctx, { of: account }, job) => {
      try {
        const pulled = await pullMail(ctx, String(account), job)
        await markPulled(ctx, String(account), null)
        return pulled
      } catch (error) {
        if (!MailboxFailed.is(error)) throw error
        ctx.site.log.warn({ err: error, account }, 'a mailbox could not be read')
        await markPulled(ctx, String(account), error.message)
        return { failed: error.message }
      }
    },
  },
}

export const mailSchedules: readonly ScheduleDefinition[] = [{ every: 'hourly', job: 'sweep-mail' }]

/** Each account that reads mail does so each minute. */
export async function accountSchedules(site: Site): Promise<readonly ScheduleDefinition[]> {
  const known = site.cache.config.get('mail:schedules') as readonly ScheduleDefinition[] | undefined
  if (known) return known
  const epoch = site.epoch.config
  const schedules = await site.asSystem('finds the accounts that read mail', async (ctx) => {
    if (!(await site.meta.exists('Email Account'))) return []
    const meta = await site.meta.get('Email Account')
    const rows = await findRows(ctx, meta, where('enable_incoming', '=', 1), { fields: ['name'] })
    return rows.map(({ name }) => ({ every: '* * * * *', job: 'pull-mail', of: name }))
  })
  if (site.epoch.config === epoch) site.cache.config.set('mail:schedules', schedules)
  return schedules
}
