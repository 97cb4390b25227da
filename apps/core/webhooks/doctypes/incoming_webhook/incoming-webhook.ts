import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { siteAddress } from '#kernel/identity/users.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import { webhookProviders } from '#kernel/webhooks/receive.ts'
import { WebhookInvalid } from '../../errors.ts'

interface IncomingWebhookFields {
  provider: string
  address: string | null
}

/** An address at which another system tells of its events; kernel/webhooks/receive.ts takes them. */
export default class IncomingWebhook extends Document<IncomingWebhookFields> {
  validate(ctx: Context): void {
    const providers = webhookProviders(ctx.site)
    if (!providers.has(this.provider)) {
      const known = [...providers.keys()].sort().join(', ')
      throw new WebhookInvalid({
        field: 'provider',
        reason: `no app handles webhooks of "${this.provider}". ${known ? `There are: ${known}.` : 'There are none.'}`,
      })
    }
    this.address = `${siteAddress(ctx)}/api/webhook/${this.provider}/${this.name}`
  }

  on_change(ctx: Context): Promise<void> {
    return bumpEpoch(ctx, 'config')
  }

  after_rename(ctx: Context): Promise<void> {
    return bumpEpoch(ctx, 'config')
  }

  after_delete(ctx: Context): Promise<void> {
    return bumpEpoch(ctx, 'config')
  }
}
