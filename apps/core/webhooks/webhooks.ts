import type { AppPart } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import { textOfInstant } from '#kernel/context/time.ts'
import { sql, tableOf } from '#kernel/database/sql.ts'
import { forgetWebhooks } from '#kernel/webhooks/receive.ts'
import { deliverWebhook, webhookService } from './deliver.ts'
import { webhookListeners } from './queue.ts'

/** Milliseconds for which webhooks are remembered, those that came in and those that went out; senders give up long before. */
const remembered = 30 * 86_400_000

/** Webhooks out (Webhook, Webhook Request Log) and in (Incoming Webhook). */
export const webhooksPart: AppPart = {
  events: { '*': webhookListeners },
  services: [webhookService],
  jobs: {
    'deliver-webhook': deliverWebhook,
    'forget-webhooks': {
      queue: 'long',
      run: async (ctx) => {
        const before = ctx.clock.now() - remembered
        return { events: await forgetWebhooks(ctx, before), messages: await forgetMessages(ctx, before) }
      },
    },
  },
  schedules: [{ every: 'daily', job: 'forget-webhooks' }],
}

/** Deletes the log of messages that need nobody any more; what failed stays until a person deals with it. @returns how many */
async function forgetMessages(ctx: Context, before: number): Promise<number> {
  const done = sql`status in (${'Delivered'}, ${'Cancelled'}) and modified < ${textOfInstant(before)}`
  const { changes } = await ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${sql.id(tableOf('Webhook Request Log'))} where ${done}`))
  return changes
}
