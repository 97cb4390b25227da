import { setTimeout as pause } from 'node:timers/promises'
import { Type } from 'typebox'
import { and, where } from '#client/rules/predicate.ts'
import { type RunResult, resultOf } from '#kernel/adapters/result.ts'
import { startRun } from '#kernel/adapters/run.ts'
import type { Context } from '#kernel/context/context.ts'
import { defineMethod, roles } from '#kernel/methods/method.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { ConnectionUnclear } from '../errors.ts'

/** Seconds for which a caller is kept waiting; a longer run goes on by itself. */
const mostWait = 20

/**
 * Takes over the clients of Kipu and answers with what came of it. The work is a job's; while it lasts longer than a caller should wait, the answer
 * says `Running`, with what there is so far, and `orchestrator.adapters.result` tells the rest.
 */
export const syncKipuClients = defineMethod({
  path: 'orchestrator.sync.sync_kipu_clients',
  summary: 'Takes over clients from Kipu, all or what is new, or only says what would change.',
  verbs: ['POST'],
  input: Type.Object({
    sync_type: Type.Optional(Type.Union([Type.Literal('full'), Type.Literal('incremental')])),
    dry_run: Type.Optional(Type.Boolean()),
    connection: Type.Optional(Type.String({ minLength: 1, maxLength: 140 })),
    /** Seconds, 0 to 20. */
    wait: Type.Optional(Type.Number({ minimum: 0, maximum: mostWait })),
  }),
  rule: roles('System Manager', 'Super Admin'),
  handler: async (ctx, { sync_type: mode = 'incremental', dry_run: isDry = false, connection, wait = mostWait }) => {
    const name = await connectionFor(ctx, connection)
    // A job sees what is committed, so the run begins in a unit of work of its own.
    const run = await ctx.site.asSystem(`${ctx.user.name} synchronises with Kipu`, (own) => startRun(own, name, mode, isDry))
    const until = Date.now() + wait * 1000
    for (;;) {
      const result = await ctx.site.asSystem('looks how the run goes', (own) => resultOf(own, run))
      if (result.status !== 'Running' || Date.now() >= until) return answer(run, result)
      await pause(Math.min(250, Math.max(0, until - Date.now())))
    }
  },
})

function answer(run: string, { imported, updated, skipped, errors, conflicts, status }: RunResult): object {
  return { imported, updated, skipped, errors, conflicts, run, status }
}

/** The connection that is meant, of the caller's organizations. @throws ConnectionUnclear */
async function connectionFor(ctx: Context, asked: string | undefined): Promise<string> {
  const system = ctx.asSystem('finds the connection to Kipu')
  const own = and(where('user', '=', ctx.user.name), where('allow', '=', 'Organization'))
  const organizations = ctx.user.unrestricted
    ? undefined
    : (await findRows(system, await ctx.site.meta.get('User Permission'), own, { fields: ['for_value'] })).map(({ for_value }) => String(for_value)) // biome-ignore format: one line
  const chosen = and(
    where('adapter', '=', 'kipu'),
    where('enabled', '=', 1),
    ...(organizations ? [where('organization', 'in', organizations)] : []),
    ...(asked ? [where('name', '=', asked)] : []),
  )
  const found = await findRows(system, await ctx.site.meta.get('Adapter Connection'), chosen, { fields: ['name'], limit: 2 })
  if (found.length === 1) return found[0]?.name as string
  const reason = found.length === 0 ? 'there is no enabled connection to Kipu.' : 'there are several; name one.'
  throw new ConnectionUnclear({ field: 'connection', reason })
}
