import { always, and, type Predicate } from '#client/rules/predicate.ts'
import type { PermissionHooks } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import { wireV1 } from '#kernel/methods/wire-v1.ts'
import { demandReading } from '#kernel/query/access.ts'
import { callerCondition } from '#kernel/query/conditions.ts'
import { Scope } from '#kernel/query/scope.ts'
import { ScriptFailed } from '#kernel/scripts/errors.ts'
import { activeScripts, type ServerScript } from './active-scripts.ts'
import { runServerScript } from './run-server-script.ts'

/** Milliseconds that a list may wait for the scripts that narrow it. */
const wallMs = 5_000

/** Rows that the site's Permission Query scripts leave to a user. A script narrows what roles give, and opens nothing. */
export const scriptPermissions: PermissionHooks = {
  concerns: (site, doctype) => {
    const active = activeScripts(site)
    return active instanceof Promise ? active.then(({ queries }) => queries.has(doctype)) : active.queries.has(doctype)
  },
  rows: async (ctx, action, doctype) => {
    // A document that is only being made has no row yet that a list could show.
    if (action === 'create') return undefined
    let rows: Predicate = always
    for (const script of (await activeScripts(ctx.site)).queries.get(doctype) ?? [])
      rows = and(rows, await conditionOf(ctx, script, doctype))
    return rows
  },
}

async function conditionOf(ctx: Context, script: ServerScript, doctype: string): Promise<Predicate> {
  const { value, conditions } = await runServerScript(ctx, script, { readOnly: true, wallMs })
  const filters = value ?? conditions
  if (filters === null) return always
  // Text would be SQL, as in Frappe: two engines, two meanings, and a hole. A fault must not open a door.
  if (typeof filters !== 'object')
    throw new ScriptFailed({
      script: script.name,
      line: 0,
      reason: 'it must return filters such as [["owner", "=", frappe.user]], and no text.',
    })
  const meta = await ctx.site.meta.get(doctype)
  const elevated = ctx.asSystem(`server script: ${script.name}`)
  const scope = new Scope(elevated, meta, await demandReading(elevated, meta))
  const condition = await callerCondition(scope, filters, undefined, wireV1(ctx))
  if (scope.tables.joins.size > 0)
    throw new ScriptFailed({ script: script.name, line: 0, reason: 'its filters may name fields of the DocType itself only.' })
  return condition
}
