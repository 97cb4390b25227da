import { defineApp, type JobDefinition } from '#kernel/apps/app.ts'
import { insert } from '#kernel/documents/save.ts'
import type { WebhookProvider } from '#kernel/webhooks/provider.ts'
import { readWebhook } from '#kernel/webhooks/receive.ts'
import {
  hmacOfBody,
  metaHandshake,
  slackHandshake,
  verifyHubSignature,
  verifySlack,
  verifyStandard,
  verifyStripe,
  verifyTelegram,
  verifyTwilio,
} from '#kernel/webhooks/verify.ts'

/** Leaves a ToDo behind, so that a test can count what took effect. */
const take: JobDefinition = {
  asSystem: 'the sender was verified',
  run: async (ctx, { event }) => {
    const { provider, organization, json, body, endpoint } = await readWebhook(ctx, String(event))
    await insert(ctx, 'ToDo', { description: JSON.stringify({ provider, organization, endpoint, json, text: body.toString('utf8') }) })
  },
}

const idOf = (json: unknown): string | undefined => {
  const id = (json as { id?: unknown } | undefined)?.id
  return typeof id === 'string' ? id : undefined
}

const providers: readonly Omit<WebhookProvider, 'job'>[] = [
  { name: 'stripe', verify: verifyStripe, key: ({ json }) => idOf(json) },
  { name: 'meta', verify: verifyHubSignature, handshake: metaHandshake },
  { name: 'twilio', verify: verifyTwilio, method: 'inbox.webhook.twilio' },
  { name: 'slack', verify: verifySlack, handshake: slackHandshake },
  { name: 'telegram', verify: verifyTelegram, key: ({ json }) => String((json as { update_id?: unknown })?.update_id ?? '') },
  { name: 'github', verify: verifyHubSignature },
  { name: 'standard', verify: verifyStandard, key: ({ headers }) => headers['webhook-id'], maxBytes: 2000 },
  { name: 'plain', verify: hmacOfBody({ header: 'x-signature' }) },
]

/** The app of the tests of webhooks: takes those of every kind of sender. */
export default defineApp({
  name: 'hooked',
  title: 'Hooked',
  version: '1.0.0',
  jobs: { take },
  webhooks: providers.map((provider) => ({ ...provider, job: 'take' })),
})
