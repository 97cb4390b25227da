import { decideFeature, type FeatureAnswer, type FeatureAsker, type FeatureFlag } from '#client/rules/feature-flags.ts'
import { always, where } from '#client/rules/predicate.ts'
import { defineCache } from '#kernel/cache/cache.ts'
import type { Context } from '#kernel/context/context.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { accessOf } from '#kernel/permissions/access.ts'
import { valuesFor } from '#kernel/permissions/permitted.ts'

/** All flags of the site with their rules. */
export const flagsCache = defineCache<string, readonly FeatureFlag[]>({
  name: 'company/feature-flags',
  scope: 'site',
  level: 'process',
  ttlMs: 600_000,
  load: async (ctx) => {
    const flags = await findRows(ctx, await ctx.site.meta.get('Feature Flag'), always, { orderBy: [['name', 'asc']] })
    const ofFlags = where('parenttype', '=', 'Feature Flag')
    const rules = await findRows(ctx, await ctx.site.meta.get('Feature Flag Rule'), ofFlags, { orderBy: [['idx', 'asc']] })
    return flags.map((flag) => ({
      name: flag.name,
      enabled: flag.enabled === 1,
      onByDefault: flag.on_by_default === 1,
      spreadBy: flag.spread_by === 'Organization' ? ('Organization' as const) : ('User' as const),
      rules: rules
        .filter((rule) => rule.parent === flag.name)
        .map((rule) => ({
          organization: String(rule.organization ?? ''),
          role: String(rule.role ?? ''),
          percentage: Number(rule.percentage ?? 0),
        })),
    }))
  },
})

/**
 * Whether a feature is on for the acting user, in one organization where it is named, in any of theirs otherwise. A feature that nobody
 * declared is off. The platform itself (`asSystem`) is asked as a user of no organization.
 */
export async function isEnabled(ctx: Context, flag: string, organization?: string): Promise<boolean> {
  const found = (await allFlags(ctx)).find((one) => one.name === flag)
  return found !== undefined && decideFeature(found, await askerOf(ctx, organization)).on
}

/** What each flag means for the acting user. */
export async function answers(ctx: Context, organization?: string): Promise<Map<string, FeatureAnswer>> {
  const asker = await askerOf(ctx, organization)
  return new Map((await allFlags(ctx)).map((flag) => [flag.name, decideFeature(flag, asker)]))
}

async function allFlags(ctx: Context): Promise<readonly FeatureFlag[]> {
  return (await flagsCache.get(ctx, 'all')) ?? []
}

/** An organization that is not the user's counts as none: nobody learns what is on elsewhere. */
async function askerOf(ctx: Context, organization: string | undefined): Promise<FeatureAsker> {
  const { name: user, roles } = ctx.user
  const own = valuesFor((await accessOf(ctx)).permitted, 'Organization', 'Feature Flag')
  return { user, roles, organizations: organization === undefined ? own : own.filter((one) => one === organization) }
}
