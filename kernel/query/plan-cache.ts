import { isDeepStrictEqual } from 'node:util'
import type { Context, Principal } from '#kernel/context/context.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import type { Grant } from '#kernel/permissions/grant.ts'
import { bypasses } from '#kernel/permissions/grants.ts'
import type { Epoch } from '#kernel/sites/site.ts'
import { readingGrant } from './access.ts'
import type { ListOptions } from './options.ts'
import { makePlan, type Plan } from './plan.ts'

interface Kept {
  readonly plan: Plan
  readonly epoch: Readonly<Epoch>
}

/** One for all users of a site, so that many users do not keep many plans each; the one used longest ago leaves first. */
interface PlanCache {
  readonly plans: Map<string, Kept>
  /** A principal is known by its object: its roles never change, and another object may have others. */
  readonly numbers: WeakMap<Principal, number>
  lastNumber: number
}

const plansKept = 300
const longestKey = 2000
const cacheKey = 'query:plans'

/**
 * The plan of a list: the one made for the same question before, when definitions and rights are still the same, or a new one. Rights
 * are asked for each time; only the statement made from them is kept.
 */
export async function planFor(ctx: Context, meta: Meta, options: ListOptions): Promise<Plan> {
  const cache = cacheOf(ctx)
  const { plans } = cache
  const key = keyOf(ctx, cache, meta, options)
  if (key === undefined) return makePlan(ctx, meta, options)
  const kept = plans.get(key)
  if (kept && (await isCurrent(ctx, meta, kept, options))) {
    plans.delete(key)
    plans.set(key, kept)
    return kept.plan
  }
  const epoch = { ...ctx.site.epoch }
  const plan = await makePlan(ctx, meta, options)
  plans.set(key, { plan, epoch })
  if (plans.size > plansKept) plans.delete(plans.keys().next().value as string)
  return plan
}

function cacheOf(ctx: Context): PlanCache {
  let cache = ctx.site.cache.access.get(cacheKey) as PlanCache | undefined
  if (!cache) {
    cache = { plans: new Map(), numbers: new WeakMap(), lastNumber: 0 }
    ctx.site.cache.access.set(cacheKey, cache)
  }
  return cache
}

function numberOf(cache: PlanCache, user: Principal): number {
  let number = cache.numbers.get(user)
  if (number === undefined) {
    number = ++cache.lastNumber
    cache.numbers.set(user, number)
  }
  return number
}

/** Undefined for questions too long to be asked twice. */
function keyOf(ctx: Context, cache: PlanCache, meta: Meta, options: ListOptions): string | undefined {
  const { fields, orderBy, groupBy, expand, distinct, parent, withLinkTitles, within, wire } = options
  // Conditions of other rights change as rights do; lists that have one are long, and seldom asked for.
  if (within) return undefined
  // With full rights the plan is the same whoever asks.
  const who = bypasses(ctx) ? 0 : numberOf(cache, ctx.user)
  const parts = [who, meta.name, fields, orderBy, groupBy, expand, distinct, parent, withLinkTitles, wire.zone]
  let key: string
  try {
    key = JSON.stringify(parts)
  } catch {
    return undefined
  }
  return key.length > longestKey ? undefined : key
}

async function isCurrent(ctx: Context, meta: Meta, { plan, epoch }: Kept, options: ListOptions): Promise<boolean> {
  const now = ctx.site.epoch
  if (plan.meta !== meta || epoch.meta !== now.meta || epoch.access !== now.access || epoch.config !== now.config) return false
  if (bypasses(ctx)) return true
  const holder = meta.isTable && options.parent ? await ctx.site.meta.get(options.parent) : meta
  if (!isSame(plan.access.grant, await readingGrant(ctx, holder))) return false
  for (const join of plan.tables.joins.values()) {
    if (join.kind === 'link' && !isSame(join.access.grant, await readingGrant(ctx, join.meta))) return false
  }
  for (const { meta: linked, grant } of plan.titles) {
    const now = await readingGrant(ctx, linked)
    if (grant === undefined ? now !== undefined : !isSame(grant, now)) return false
  }
  return true
}

/**
 * Grants that apps have a say in are made anew for each request, mostly with the same content. Which fields are open follows from the
 * principal, by whom plans are kept, and from the grant.
 */
function isSame(a: Grant, b: Grant | undefined): boolean {
  return a === b || (b !== undefined && a.action === b.action && isDeepStrictEqual(a.rows, b.rows) && isDeepStrictEqual(a.levels, b.levels))
}
