import type { Patch } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import { textOfInstant } from '#kernel/context/time.ts'
import { ident, join, sql } from '#kernel/database/sql.ts'
import type { Site } from '#kernel/sites/site.ts'
import { PatchFailed } from './errors.ts'

type PatchedSite = Pick<Site, 'apps' | 'database' | 'asSystem'>

const table = '__Patch'
/** Stands in the record for the app itself. */
const appItself = ''

/**
 * Runs the patches of all apps that have not run on the site, in the order of the apps and of their lists. Each is one transaction
 * together with its record, so that a crash leaves it done or not begun. An app that the site has never had brings nothing old:
 * its patches are recorded as skipped. The caller keeps other processes out (see `Database.exclusively`).
 * @returns  what ran, as `app: patch`
 * @throws   PatchFailed; the patches before it stay done
 */
export async function runPatches(site: PatchedSite, when: Patch['when']): Promise<string[]> {
  await welcomeNewApps(site)
  const ran: string[] = []
  for (const { app, patch } of (await pending(site)).filter((one) => one.patch.when === when)) {
    await site
      .asSystem(`patch ${patch.id} of ${app}`, async (ctx) => {
        await patch.run(ctx)
        await record(ctx, app, [patch.id], false)
      })
      .catch((cause: unknown) => {
        throw new PatchFailed({ app, patch: patch.id, reason: cause instanceof Error ? cause.message : String(cause) }, { cause })
      })
    ran.push(`${app}: ${patch.id}`)
  }
  return ran
}

/** Patches that the next migration will run, as `app: patch`. */
export async function pendingPatches(site: PatchedSite): Promise<string[]> {
  const known = await knownPatches(site)
  const waiting = await pending(site)
  return waiting.filter(({ app }) => known.get(app)?.has(appItself)).map(({ app, patch }) => `${app}: ${patch.id}`)
}

async function welcomeNewApps(site: PatchedSite): Promise<void> {
  const known = await knownPatches(site)
  for (const { name, patches = [] } of site.apps.all) {
    const done = known.get(name) ?? new Set()
    if (done.has(appItself)) continue
    const fresh = patches.map((patch) => patch.id).filter((id) => !done.has(id))
    await site.asSystem(`app ${name} is new to the site`, (ctx) => record(ctx, name, [appItself, ...fresh], true))
  }
}

async function pending(site: PatchedSite): Promise<{ app: string; patch: Patch }[]> {
  const known = await knownPatches(site)
  return site.apps.all.flatMap(({ name, patches = [] }) =>
    patches.filter((patch) => !known.get(name)?.has(patch.id)).map((patch) => ({ app: name, patch })),
  )
}

async function knownPatches({ database }: PatchedSite): Promise<Map<string, Set<string>>> {
  const rows = await database.query<{ app: string; patch: string }>(database.dialect.compile(sql`select app, patch from ${ident(table)}`))
  const known = new Map<string, Set<string>>()
  for (const { app, patch } of rows) known.set(app, (known.get(app) ?? new Set<string>()).add(patch))
  return known
}

async function record(ctx: Context, app: string, ids: readonly string[], isSkipped: boolean): Promise<void> {
  const now = textOfInstant(ctx.clock.now())
  const rows = join(ids.map((id) => sql`(${app}, ${id}, ${now}, ${isSkipped ? 1 : 0})`))
  await ctx.db.execute(ctx.db.dialect.compile(sql`insert into ${ident(table)} (app, patch, creation, skipped) values ${rows}`))
}
