import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { textOfInstant } from '#kernel/context/time.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { find } from '#kernel/documents/load.ts'
import { demand } from '#kernel/permissions/grants.ts'
import { conditionSql } from '#kernel/query/columns.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { sagaDoctype, type SagaLog } from './saga-log.ts'

const dayMs = 86_400_000
const mostShown = 100

/** What a board of sagas shows: of those that the user may read. Percentages are whole; `null` where nothing ended. */
export interface SagaMonitor {
  readonly last_24_hours: Record<SagaLog['status'], number> & { readonly completed_percent: number | null }
  /** Failed, and nobody has put it right. The oldest first, at most a hundred. */
  readonly attention: readonly { name: string; saga_name: string; started_at: string; failed_at: string[]; error: string; told: string }[]
  readonly attention_count: number
  readonly by_saga_7_days: readonly { saga_name: string; started: number; completed: number; completed_percent: number | null }[]
}

/** @throws PermissionDenied */
export async function monitorSagas(ctx: Context): Promise<SagaMonitor> {
  const { rows: mayRead } = await demand(ctx, 'read', sagaDoctype)
  const since = (days: number) => and(mayRead, where('creation', '>=', textOfInstant(ctx.clock.now() - days * dayMs)))
  const day = await count(ctx, since(1))
  const statuses = { running: 0, completed: 0, failed: 0, compensated: 0 }
  for (const { status, n } of day) statuses[status] += n
  const week = new Map<string, { started: number; completed: number; ended: number }>()
  for (const { saga_name, status, n } of await count(ctx, since(7))) {
    const one = week.get(saga_name) ?? { started: 0, completed: 0, ended: 0 }
    one.started += n
    if (status !== 'running') one.ended += n
    if (status === 'completed') one.completed += n
    week.set(saga_name, one)
  }
  const open = and(mayRead, where('status', '=', 'failed'), where('resolved_at', 'not set'))
  return {
    last_24_hours: {
      ...statuses,
      completed_percent: percent(statuses.completed, statuses.completed + statuses.failed + statuses.compensated),
    },
    attention: await attention(ctx, open),
    attention_count: (await count(ctx, open)).reduce((sum, { n }) => sum + n, 0),
    by_saga_7_days: [...week]
      .map(([saga_name, { started, completed, ended }]) => ({
        saga_name,
        started,
        completed,
        completed_percent: percent(completed, ended),
      }))
      .sort((a, b) => (a.saga_name < b.saga_name ? -1 : 1)),
  }
}

type Condition = Parameters<typeof conditionSql>[3]

async function count(ctx: Context, condition: Condition): Promise<{ saga_name: string; status: SagaLog['status']; n: number }[]> {
  const meta = await ctx.site.meta.get(sagaDoctype)
  const rows = await ctx.db.query<{ saga_name: string; status: SagaLog['status']; n: number }>(
    ctx.db.dialect.compile(sql`select t.saga_name as saga_name, t.status as status, count(*) as n from ${ident(meta.table)} as t
      where ${await conditionSql(ctx, meta, 't', condition)} group by t.saga_name, t.status`),
  )
  return rows.map((row) => ({ ...row, n: Number(row.n) }))
}

async function attention(ctx: Context, open: Condition): Promise<SagaMonitor['attention']> {
  const meta = await ctx.site.meta.get(sagaDoctype)
  const rows = await findRows(ctx, meta, open, { fields: ['name'], orderBy: [['creation', 'asc']], limit: mostShown })
  const logs = await Promise.all(rows.map(async ({ name }) => (await find(ctx, meta, name)) as SagaLog))
  return logs.map((log) => ({
    name: log.name,
    saga_name: log.saga_name,
    started_at: log.creation,
    failed_at: log.steps.filter(({ status }) => status === 'failed' || status === 'compensation_failed').map((row) => row.step_name),
    error: log.error_message ?? '',
    told: log.told ?? '',
  }))
}

function percent(part: number, whole: number): number | null {
  return whole === 0 ? null : Math.round((part / whole) * 100)
}
