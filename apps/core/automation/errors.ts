import { defineError } from '#client/rules/errors.ts'

export const SlackRefused = defineError<{ webhook: string; status: number }>({
  code: 'automation/slack-refused',
  status: 502,
  excType: 'ValidationError',
  message: (d) => (d.status ? `Slack answered the webhook ${d.webhook} with ${d.status}.` : `There is no webhook ${d.webhook} of Slack.`),
})
