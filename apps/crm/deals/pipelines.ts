import { and, where } from '#client/rules/predicate.ts'
import type { DealStatus } from '#client/rules/crm-forecast.ts'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { insert } from '#kernel/documents/save.ts'
import { findRows, type FoundRow } from '#kernel/query/find-rows.ts'

/** The stages with which an organization begins; it changes them as it likes. Percentages are those that sellers start from. */
const firstStages: readonly [name: string, type: DealStatus, probability: number, color: string][] = [
  ['Qualification', 'Open', 10, '#6b7280'],
  ['Needs and demo', 'Ongoing', 25, '#f59e0b'],
  ['Proposal', 'Ongoing', 50, '#3b82f6'],
  ['Negotiation', 'Ongoing', 70, '#8b5cf6'],
  ['Ready to close', 'Ongoing', 90, '#14b8a6'],
  ['On hold', 'On Hold', 10, '#a3a3a3'],
  ['Won', 'Won', 100, '#22c55e'],
  ['Lost', 'Lost', 0, '#ef4444'],
]

/** The pipeline of new deals; an organization that has none is given one. */
export async function defaultPipeline(ctx: Context, organization: string): Promise<string> {
  const known = await findDefault(ctx, organization)
  if (known) return known
  // Two first deals at once must not make two pipelines.
  await ctx.db.begin()
  await ctx.db.query(
    ctx.db.dialect.compile(
      sql`select name from ${ident('tabOrganization')} where name = ${organization}${sql.raw(ctx.db.dialect.forUpdate)}`,
    ),
  )
  const meanwhile = await findDefault(ctx, organization)
  if (meanwhile) return meanwhile
  const elevated = ctx.asSystem('the first deal of an organization needs a pipeline')
  const pipeline = await insert(elevated, 'Deal Pipeline', { pipeline_name: 'Sales', organization, is_default: 1 })
  for (const [index, [stage_name, type, probability, color]] of firstStages.entries())
    await insert(elevated, 'Deal Stage', {
      stage_name,
      type,
      probability,
      color,
      organization,
      pipeline: pipeline.name,
      position: index + 1,
    })
  return String(pipeline.name)
}

async function findDefault(ctx: Context, organization: string): Promise<string | undefined> {
  const rows = await findRows(
    ctx,
    await ctx.site.meta.get('Deal Pipeline'),
    and(where('organization', '=', organization), where('disabled', '=', 0)),
    {
      fields: ['name'],
      orderBy: [
        ['is_default', 'desc'],
        ['creation', 'asc'],
      ],
      limit: 1,
    },
  )
  return rows[0]?.name
}

/** The stages of a pipeline in their order. */
export async function stagesOf(ctx: Context, pipeline: string): Promise<FoundRow[]> {
  return findRows(ctx, await ctx.site.meta.get('Deal Stage'), and(where('pipeline', '=', pipeline), where('disabled', '=', 0)), {
    orderBy: [['position', 'asc']],
  })
}

/** One stage; undefined where there is none of that name. */
export async function stageNamed(ctx: Context, name: string): Promise<FoundRow | undefined> {
  const [stage] = await findRows(ctx, await ctx.site.meta.get('Deal Stage'), where('name', '=', name), { limit: 1 })
  return stage
}
