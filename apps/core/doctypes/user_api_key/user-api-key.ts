import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { Document } from '#kernel/documents/document.ts'
import { BadIdentityInput } from '#kernel/identity/errors.ts'
import { parseScopes } from '#kernel/identity/scopes.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'

interface UserApiKeyFields {
  user: string
  label: string
  scopes: string | null
  revoked: number
  revoked_at: string | null
}

/** A named key with which a program acts as a user. Made by `orchestrator.identity.create_key`, which alone ever knows the secret. */
export default class UserApiKey extends Document<UserApiKeyFields> {
  before_insert(ctx: Context): void {
    if (ctx.elevation === undefined) {
      throw new BadIdentityInput({ field: '', reason: 'Keys are made with orchestrator.identity.create_key, which shows the secret once.' })
    }
  }

  validate(ctx: Context): void {
    this.scopes = parseScopes(this.scopes).join('\n')
    if (!this.revoked) this.revoked_at = null
    else this.revoked_at ??= nowText(ctx)
  }

  async on_update(ctx: Context, { before }: { before?: UserApiKeyFields } = {}): Promise<void> {
    if (!before) return
    if (before.revoked && !this.revoked)
      throw new BadIdentityInput({ field: 'revoked', reason: 'A revoked key stays revoked. Make a new one.' })
    await bumpEpoch(ctx, 'access')
  }

  async on_trash(ctx: Context): Promise<void> {
    await bumpEpoch(ctx, 'access')
  }
}
