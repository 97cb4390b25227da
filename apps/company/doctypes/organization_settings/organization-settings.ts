import { isTimeZone } from '#client/rules/time-zone.ts'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { ValueRefused } from '../../errors.ts'
import { settingsCache } from '../../settings/organization-settings.ts'

/** What one organization does its own way. */
export default class OrganizationSettings extends Document<{ organization: string; time_zone: string | null }> {
  validate(): void {
    const { time_zone: zone } = this
    if (zone && !isTimeZone(zone))
      throw new ValueRefused({ doctype: 'Organization Settings', field: 'time_zone', reason: `"${zone}" is no time zone.` })
  }

  async on_change(ctx: Context): Promise<void> {
    await settingsCache.invalidateAll(ctx)
  }
}
