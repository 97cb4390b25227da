import { type AnyDocument, Document } from '#kernel/documents/document.ts'
import type { Context } from '#kernel/context/context.ts'
import { PolicyUnusable } from '../../../errors.ts'
import { readPolicy } from '../../policies.ts'

/** When tickets are to be answered and resolved. */
export default class SlaPolicy extends Document<Record<string, unknown>> {
  /** @throws PolicyUnusable, BadCalendar */
  async validate(ctx: Context): Promise<void> {
    const { policy } = await readPolicy(ctx, this as unknown as AnyDocument)
    for (const [priority, { response_minutes, resolution_minutes }] of Object.entries(policy.targets)) {
      if ((response_minutes ?? 0) < 0)
        throw new PolicyUnusable({ field: `response_time_${priority.toLowerCase()}`, reason: 'A time is 0 or more.' })
      if ((resolution_minutes ?? 0) < 0)
        throw new PolicyUnusable({ field: `resolution_time_${priority.toLowerCase()}`, reason: 'A time is 0 or more.' })
    }
    for (const field of ['warning_percent', 'at_risk_percent'] as const)
      if (!(Number(this[field]) > 0 && Number(this[field]) <= 100))
        throw new PolicyUnusable({ field, reason: 'A share lies above 0 and up to 100.' })
  }
}
