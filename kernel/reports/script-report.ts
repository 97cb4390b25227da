import type { Context } from '#kernel/context/context.ts'
import { wireV1 } from '#kernel/methods/wire-v1.ts'
import { count } from '#kernel/query/count.ts'
import { list } from '#kernel/query/list.ts'
import { ReportInvalid } from './errors.ts'
import type { ScriptedResult } from './report.ts'
import type { StoredReport } from './stored-report.ts'

/** Rows that one call of `list` gives to a script at most. */
const mostListed = 20_000
const memoryBytes = 64 * 1024 * 1024
const computingMs = 5_000

/**
 * Runs the script of a report that somebody wrote on the site. It finds `filters`, `user`, `list(doctype, options)` and `count(doctype,
 * options)`, which answer what the reader may see, and returns `{ columns, rows, chart, summary, message }`.
 * @throws ReportInvalid, and what the sandbox and lists throw
 */
export async function runScript(
  ctx: Context,
  report: StoredReport,
  filters: Readonly<Record<string, unknown>>,
  timeMs: number,
): Promise<ScriptedResult> {
  const { runSandboxed } = await import('#kernel/scripts/sandbox.ts')
  const made = await runSandboxed(report.script, {
    name: report.name,
    timeoutMs: computingMs,
    wallMs: timeMs,
    memoryBytes,
    globals: { filters: JSON.parse(JSON.stringify(filters)) as unknown, user: ctx.user.name },
    functions: {
      list: async (doctype, options) => (await list(ctx, String(doctype), { ...listOptions(options), wire: wireV1(ctx) })).rows,
      count: (doctype, options) => count(ctx, String(doctype), { filters: listOptions(options).filters, wire: wireV1(ctx) }),
    },
  })
  if (typeof made !== 'object' || made === null || Array.isArray(made))
    throw new ReportInvalid({ report: report.name, field: 'report_script', reason: 'it must return an object with columns and rows.' })
  return made as unknown as ScriptedResult
}

function listOptions(given: unknown) {
  const options = typeof given === 'object' && given !== null ? (given as Record<string, unknown>) : {}
  const limit = typeof options.limit === 'number' && options.limit > 0 ? Math.min(options.limit, mostListed) : mostListed
  return {
    fields: options.fields,
    filters: options.filters,
    orFilters: options.orFilters,
    orderBy: options.orderBy,
    groupBy: options.groupBy,
    limit,
    ...(typeof options.parent === 'string' && { parent: options.parent }),
  }
}
