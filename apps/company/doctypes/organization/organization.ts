import { isTimeZone } from '#client/rules/time-zone.ts'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { exists } from '#kernel/documents/load.ts'
import { remove } from '#kernel/documents/remove.ts'
import { ValueRefused } from '../../errors.ts'
import { settingsCache } from '../../settings/organization-settings.ts'

interface OrganizationFields {
  organization_name: string
  time_zone: string | null
  linked_doctype: string | null
  linked_name: string | null
}

/** A tenant. */
export default class Organization extends Document<OrganizationFields> {
  validate(): void {
    const { time_zone: zone } = this
    if (zone && !isTimeZone(zone))
      throw new ValueRefused({ doctype: 'Organization', field: 'time_zone', reason: `"${zone}" is no time zone.` })
    if (!this.linked_doctype) this.linked_name = null
  }

  async on_change(ctx: Context): Promise<void> {
    await settingsCache.invalidateAll(ctx)
  }

  /** What an organization does its own way goes with it. */
  async on_trash(ctx: Context): Promise<void> {
    const system = ctx.asSystem('an organization takes its settings along')
    if (await exists(system, 'Organization Settings', this.name)) await remove(system, 'Organization Settings', this.name)
  }
}
