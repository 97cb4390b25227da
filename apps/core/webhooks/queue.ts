import { where } from '#client/rules/predicate.ts'
import { rulesFor, type RuleKind } from '#kernel/automation/active-rules.ts'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument, DocumentListener, HookName } from '#kernel/documents/document.ts'
import { insert } from '#kernel/documents/save.ts'
import { administrator } from '#kernel/identity/principals.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import type { QueueName } from '#kernel/jobs/job.ts'
import { eyesOf, type Message, messageOf, type WebhookRule } from './message.ts'

const webhooks: RuleKind = { doctype: 'Webhook', target: 'webhook_doctype', active: where('enabled', '=', 1) }

/** What a webhook can tell of. */
export const webhookEvents = [
  'after_insert',
  'on_update',
  'on_submit',
  'on_cancel',
  'on_trash',
  'on_update_after_submit',
  'on_change',
] as const satisfies readonly HookName[]

/** Listeners for every DocType: without a webhook on it, a save pays for one look-up in memory. */
export const webhookListeners: Partial<Record<HookName, DocumentListener>> = Object.fromEntries(
  webhookEvents.map((event): [HookName, DocumentListener] => [
    event,
    (ctx, document) => {
      const rules = rulesFor(ctx, webhooks, document.doctype)
      if (rules instanceof Promise) return rules.then((read) => queueAll(ctx, read, document, event))
      return rules.length === 0 ? undefined : queueAll(ctx, rules, document, event)
    },
  ]),
)

async function queueAll(ctx: Context, rules: readonly AnyDocument[], document: AnyDocument, event: string): Promise<void> {
  for (const rule of rules) if ((rule as WebhookRule).webhook_docevent === event) await queue(ctx, rule, document, event)
}

/**
 * Writes the message down in the transaction of its cause, and the job that delivers it: neither exists without the other. A webhook that
 * cannot make its message keeps nobody from saving; the log tells why there is none.
 */
async function queue(ctx: Context, webhook: AnyDocument, document: AnyDocument, event: string): Promise<void> {
  const system = ctx.asSystem(`webhook ${webhook.name}`)
  const facts = {
    webhook: webhook.name,
    user: ctx.user.name,
    event,
    reference_doctype: document.doctype,
    reference_document: String(document.name),
    request_method: (webhook as WebhookRule).request_method,
  }
  let message: Message | undefined
  try {
    message = await messageOf(ctx, webhook, document, event)
  } catch (error) {
    ctx.site.log.warn({ err: error, webhook: webhook.name, eyes: eyesOf(webhook) }, 'a webhook could not make its message')
    await insert(system, 'Webhook Request Log', {
      ...facts,
      status: 'Failed',
      error: error instanceof Error ? error.message : String(error),
    })
    return
  }
  if (!message) return
  const log = await insert(system, 'Webhook Request Log', {
    ...facts,
    status: 'Queued',
    url: message.url,
    content_type: message.contentType,
    data: message.body,
  })
  await enqueueDelivery(ctx, String(log.name), (webhook as { background_jobs_queue?: string | null }).background_jobs_queue)
}

/** Has a message delivered; it is the log's own name that the receiver sees as the message's id. */
export async function enqueueDelivery(ctx: Context, log: string, queueName?: string | null): Promise<void> {
  // On nobody's behalf: the message is made, and whoever caused it may be gone by then.
  await enqueue(ctx.as(administrator()), 'core.deliver-webhook', { log }, { ...(queueName && { queue: queueName as QueueName }) })
}
