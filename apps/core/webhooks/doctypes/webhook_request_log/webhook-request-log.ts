import { Type } from 'typebox'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { type DocumentMethod, defineDocumentMethod } from '#kernel/methods/method.ts'
import { DeliveryNotWaiting } from '../../errors.ts'
import { enqueueDelivery } from '../../queue.ts'

export const documentMethods: DocumentMethod[] = [
  defineDocumentMethod({
    verb: 'retry',
    doctype: 'Webhook Request Log',
    summary: 'Sends a message again that could not be delivered, with the same content and the same id.',
    input: Type.Object({}),
    needs: 'write',
    handler: (ctx, log) => retry(ctx, log as AnyDocument & { status: string; url: string | null }),
  }),
]

async function retry(ctx: Context, log: AnyDocument & { status: string; url: string | null }): Promise<{ status: string }> {
  if ((log.status !== 'Failed' && log.status !== 'Cancelled') || !log.url)
    throw new DeliveryNotWaiting({ log: log.name, status: log.status })
  await writeThrough(
    ctx.asSystem('send a webhook message again'),
    'Webhook Request Log',
    log.name,
    { status: 'Queued', error: null },
    { touch: true },
  )
  await enqueueDelivery(ctx, log.name)
  return { status: 'Queued' }
}
