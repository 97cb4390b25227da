import { and, always, type Predicate, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { load } from '#kernel/documents/load.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import type { Site } from '#kernel/sites/site.ts'

/** A DocType whose documents are rules for others: Notification, Webhook, Workflow … Its changes must `bumpEpoch(ctx, 'config')`. */
export interface RuleKind {
  readonly doctype: string
  /** Its field that names the DocType a rule is for. */
  readonly target: string
  /** Which rules are in force; default: all. */
  readonly active?: Predicate
}

type RulesByTarget = ReadonlyMap<string, readonly AnyDocument[]>
const none: readonly AnyDocument[] = []

/**
 * The rules in force for a DocType, in the order of their names: whole documents, shared and not to be changed. Remembered until a
 * setting changes, so that a save on which no rule looks costs one look-up in memory. A rule counts once it is committed.
 */
export function rulesFor(ctx: Context, kind: RuleKind, doctype: string): readonly AnyDocument[] | Promise<readonly AnyDocument[]> {
  const known = ctx.site.cache.config.get(keyOf(kind)) as RulesByTarget | undefined
  if (known) return known.get(doctype) ?? none
  return readRules(ctx.site, kind).then((rules) => rules.get(doctype) ?? none)
}

/** Every rule in force, by DocType; for schedules that go through them all. */
export async function allRules(site: Site, kind: RuleKind): Promise<RulesByTarget> {
  return (site.cache.config.get(keyOf(kind)) as RulesByTarget | undefined) ?? (await readRules(site, kind))
}

function keyOf(kind: RuleKind): string {
  return `rules:${kind.doctype}`
}

async function readRules(site: Site, kind: RuleKind): Promise<RulesByTarget> {
  const epoch = site.epoch.config
  if (!(await site.meta.exists(kind.doctype))) return new Map()
  const meta = await site.meta.get(kind.doctype)
  // While a site is made or migrated, the table may be yet to come.
  if ((await site.database.describe([meta.table])).length === 0) return new Map()
  const rules = await site.asSystem(`read the rules of ${kind.doctype}`, async (ctx) => {
    const rows = await findRows(ctx, meta, and(kind.active ?? always, where(kind.target, 'set')), { fields: ['name'] })
    const documents: AnyDocument[] = []
    for (const { name } of rows) documents.push(Object.freeze(await load(ctx, meta, name)))
    return documents
  })
  const byTarget = Map.groupBy(rules, (rule) => String(rule[kind.target]))
  // Never keep what may be older than a change that this process has learnt of meanwhile.
  if (site.epoch.config === epoch) site.cache.config.set(keyOf(kind), byTarget)
  return byTarget
}
