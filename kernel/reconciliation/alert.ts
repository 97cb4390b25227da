import type { Context } from '#kernel/context/context.ts'
import { peopleWithRoles } from '#kernel/automation/people.ts'
import { getValue } from '#kernel/documents/values.ts'
import { administratorName } from '#kernel/identity/principals.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { sendMail } from '#kernel/mail/send-mail.ts'
import { notify } from '#kernel/notifications/notify.ts'
import { publish } from '#kernel/realtime/publish.ts'

const logDoctype = 'Reconciliation Log'
const settings = 'Reconciliation Settings'
const mostPeople = 50

/**
 * Tells of a log by every channel there is: the System Managers who may read it, the address and the Slack channel of the settings, and
 * whoever looks at the logs now. A channel that fails keeps nobody from the others, nor the log from being written.
 */
export async function alert(ctx: Context, log: string, subject: string): Promise<void> {
  const about = { doctype: logDoctype, name: log }
  const chosen = await getValue(ctx, settings, settings, ['reconciliation_alert_email', 'slack_webhook_url'])
  const { reconciliation_alert_email: email, slack_webhook_url: slack } = chosen ?? {}
  const channels: Record<string, () => Promise<unknown>> = {
    notices: async () => {
      const people = await peopleWithRoles(ctx, ['System Manager'], mostPeople)
      const users = [administratorName, ...people.map(({ name }) => name)]
      await notify(ctx, { users, subject, type: 'Alert', about, channels: ['system'] })
    },
    mail: async () =>
      email && sendMail(ctx, { to: [String(email)], subject, text: `${subject}\n\n${log}`, about, automatic: 'auto-generated' }),
    slack: async () => slack && enqueue(ctx, 'core.slack-message', { webhook: String(slack), text: `:warning: ${subject}`, ...about }),
    realtime: async () => publish(ctx, 'reconciliation_alert', { subject, log }, { doctype: logDoctype }),
  }
  for (const [channel, tell] of Object.entries(channels))
    try {
      await ctx.db.savepoint(tell)
    } catch (error) {
      ctx.site.log.error({ err: error, log, channel }, 'an alert could not be given')
    }
}
