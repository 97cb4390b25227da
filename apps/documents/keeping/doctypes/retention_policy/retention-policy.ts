import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { recordDeeds } from '../../../audit.ts'
import { RetentionInvalid } from '../../../errors.ts'

interface PolicyFields {
  policy_name: string
  organization: string
  enabled: 0 | 1
  retain_for: number
  retain_unit: string
}

/** How long documents are kept. */
export default class RetentionPolicy extends Document<PolicyFields> {
  validate(): void {
    const most = this.retain_unit === 'Days' ? 365_000 : this.retain_unit === 'Months' ? 12_000 : 1000
    if (!Number.isInteger(this.retain_for) || this.retain_for < 1 || this.retain_for > most)
      throw new RetentionInvalid({ field: 'retain_for', reason: `give a whole number from 1 to ${most}.` })
  }

  async on_update(ctx: Context, { before }: { before?: PolicyFields } = {}): Promise<void> {
    const told = (one: PolicyFields) => `${one.retain_for} ${one.retain_unit}${one.enabled ? '' : ', not enabled'}`
    await recordDeeds(ctx, [
      {
        organization: this.organization,
        action: before ? 'Change' : 'Create',
        objectType: this.doctype,
        objectName: this.name,
        title: this.policy_name,
        oldValue: before ? told(before) : null,
        newValue: told(this),
      },
    ])
  }
}
