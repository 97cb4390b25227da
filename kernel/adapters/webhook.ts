import type { AppPart, JobDefinition } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import { save } from '#kernel/documents/save.ts'
import type { WebhookProvider } from '#kernel/webhooks/provider.ts'
import { readWebhook, type WebhookEvent } from '#kernel/webhooks/receive.ts'
import type { Adapter, ExternalRecord } from './adapter.ts'
import { connectionFor } from './connection.ts'
import { endRun, makeRun, takeAll } from './run.ts'

/** How the other side tells by itself: as for `webhooks` of an app, and what an event says. */
export type AdapterWebhook = Pick<WebhookProvider, 'verify' | 'key' | 'handshake' | 'method' | 'maxBytes'> & {
  /** The records that an event holds, and the ids of those that were deleted. */
  readonly read: (event: WebhookEvent) => { readonly records: readonly ExternalRecord[]; readonly deleted?: readonly string[] }
}

/**
 * What an app's part needs to take an adapter's webhooks: `{ adapters: [adapter], ...adapterWebhook(adapter, …) }`. Each event is a small run of its
 * own, in one transaction, for the connection of the address at which it came.
 */
export function adapterWebhook(adapter: Adapter, { read, ...provider }: AdapterWebhook): Required<Pick<AppPart, 'webhooks' | 'jobs'>> {
  const job = `take-${adapter.name}`
  const take: JobDefinition = {
    asSystem: `takes what ${adapter.title} sent, after it was verified`,
    attempts: 6,
    run: (ctx, { event }) => takeEvent(ctx, adapter, String(event), read),
  }
  return { webhooks: [{ name: adapter.name, job, ...provider }], jobs: { [job]: take } }
}

async function takeEvent(ctx: Context, adapter: Adapter, name: string, read: AdapterWebhook['read']): Promise<string> {
  const event = await readWebhook(ctx, name)
  const connection = await connectionFor(ctx, adapter.name, event.organization, event.account)
  const run = await makeRun(ctx, connection, 'webhook', { dry_run: 0 })
  const taken = await takeAll(ctx, run.name, read(event))
  await save(ctx, taken)
  await endRun(ctx, run.name, taken.failed > 0 ? 'Partly' : 'Completed', null)
  return run.name
}
