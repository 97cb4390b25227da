import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { KnownAlready, ValueRefused } from '../../../errors.ts'

interface PractitionerFields {
  organization: string
  user_id: string | null
  practitioner_schedules: { from_time: string; to_time: string }[]
}

/** Somebody who treats patients: one for each user of an organization. */
export default class HealthcarePractitioner extends Document<PractitionerFields> {
  async validate(ctx: Context): Promise<void> {
    for (const [index, { from_time, to_time }] of (this.practitioner_schedules ?? []).entries())
      if (from_time && to_time && to_time <= from_time)
        throw new ValueRefused({ field: `practitioner_schedules[${index}].to_time`, reason: 'must be after the begin.' })
    if (!this.user_id) return
    const same = and(
      where('user_id', '=', this.user_id),
      where('organization', '=', this.organization ?? ''),
      where('name', '!=', this.name ?? ''),
    )
    const found = await findRows(ctx, await ctx.site.meta.get('Healthcare Practitioner'), same, { fields: ['name'], limit: 1 })
    if (found.length > 0) throw new KnownAlready({ field: 'user_id' })
  }
}
