import { where } from '#client/rules/predicate.ts'
import { defineCache } from '#kernel/cache/cache.ts'
import type { Context } from '#kernel/context/context.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { setting } from '#kernel/sites/settings.ts'

/** How an organization works: its own settings, where empty the organization's facts, where empty the site's. */
export interface OrganizationWays {
  readonly organization: string
  readonly language: string
  readonly time_zone: string
  readonly date_format: string
  readonly first_day_of_the_week: string
  readonly currency: string
  readonly country: string
  readonly sender_name: string
  readonly reply_to: string
  readonly email_footer: string
  readonly brand_color: string
  readonly portal_title: string
  readonly portal_welcome: string
  readonly healthcare_mode: boolean
}

/** Kept for fifteen minutes, or until one of the documents behind it changes. Only who is let at the organization is served. */
export const settingsCache = defineCache<string, OrganizationWays>({
  name: 'company/organization-settings',
  scope: { tenant: 'Organization' },
  level: 'process',
  ttlMs: 900_000,
  dependsOn: ['config'],
  load: async (ctx, _, organization) => {
    const [own] = await findRows(ctx, await ctx.site.meta.get('Organization'), where('name', '=', organization), { limit: 1 })
    if (!own) return undefined
    const [ways] = await findRows(ctx, await ctx.site.meta.get('Organization Settings'), where('name', '=', organization), { limit: 1 })
    const text = (...given: unknown[]): string => String(given.find((value) => typeof value === 'string' && value !== '') ?? '')
    const site = (name: string): string => setting(ctx.site, name)
    return {
      organization,
      language: text(ways?.language, site('language')),
      time_zone: text(ways?.time_zone, own.time_zone, ctx.site.timeZone),
      date_format: text(ways?.date_format, site('date_format')),
      first_day_of_the_week: text(ways?.first_day_of_the_week, site('first_day_of_the_week')),
      currency: text(own.default_currency, site('currency')),
      country: text(own.country, site('country')),
      sender_name: text(ways?.sender_name, own.organization_name),
      reply_to: text(ways?.reply_to),
      email_footer: text(ways?.email_footer),
      brand_color: text(ways?.brand_color),
      portal_title: text(ways?.portal_title, own.organization_name),
      portal_welcome: text(ways?.portal_welcome),
      healthcare_mode: ways?.healthcare_mode === 1,
    }
  },
})

/** How an organization works; undefined where there is none of that name. @throws CacheDenied for one that the user is not let at */
export async function waysOf(ctx: Context, organization: string): Promise<OrganizationWays | undefined> {
  return settingsCache.get(ctx, 'ways', organization)
}
