import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { type AdapterRun, recordDoctype, runDoctype } from './run.ts'

/** What a run came to. */
export interface RunResult {
  readonly status: string
  readonly imported: number
  readonly updated: number
  /** Not for us, late, or not changed. */
  readonly skipped: number
  readonly conflicts: number
  readonly deleted: number
  /** At most a hundred. */
  readonly errors: readonly { external_id: string; error: string }[]
}

/** @throws DocumentNotFound, PermissionDenied */
export async function resultOf(ctx: Context, name: string): Promise<RunResult> {
  const run = (await getDocument(ctx, runDoctype, name)) as AdapterRun
  const failed = and(where('run', '=', name), where('outcome', '=', 'failed'))
  const fields = ['external_id', 'error']
  const rows = await findRows(ctx, await ctx.site.meta.get(recordDoctype), failed, { fields, orderBy: [['place', 'asc']], limit: 100 })
  return {
    status: run.status,
    imported: run.created,
    updated: run.updated,
    skipped: run.skipped + run.unchanged,
    conflicts: run.conflict,
    deleted: run.deleted,
    errors: rows.map((row) => ({ external_id: String(row.external_id), error: String(row.error ?? '') })),
  }
}
