import { tookEntries } from '#kernel/audit/audit.ts'
import { sealAudit } from '#kernel/audit/seal.ts'
import type { OpenSite } from '#kernel/sites/open-site.ts'
import type { Runtime } from '#kernel/sites/runtime.ts'

/** How often open sites are looked at, and how often daily jobs run, in milliseconds. */
const lookEvery = 5_000
const dailyEvery = 24 * 3_600_000

/**
 * What a serving process does beside answering: seals the audit entries that it wrote, and once a day runs what apps schedule daily.
 * A site in which nothing happened costs a look at a flag.
 * @returns how to end it; sealing under way is finished first
 */
export function startHousekeeping(runtime: Runtime): () => Promise<void> {
  const known = new WeakMap<OpenSite, number>()
  let running: Promise<void> | undefined
  const look = async (): Promise<void> => {
    for (const site of await runtime.opened()) {
      try {
        const isNew = !known.has(site)
        if (isNew || (known.get(site) ?? 0) + dailyEvery <= Date.now()) {
          known.set(site, Date.now())
          await runDaily(site)
        }
        if (tookEntries(site) || isNew) await sealAudit(site)
      } catch (error) {
        site.log.warn({ err: error }, 'housekeeping failed; it is tried again later')
      }
    }
  }
  const timer = setInterval(() => {
    running ??= look().finally(() => {
      running = undefined
    })
  }, lookEvery)
  timer.unref()
  return async () => {
    clearInterval(timer)
    await running
  }
}

/** The daily jobs of a site's apps, one after another; those of other rhythms wait for the scheduler. */
async function runDaily(site: OpenSite): Promise<void> {
  for (const app of site.apps.all)
    for (const schedule of app.schedules ?? []) {
      const job = schedule.every === 'daily' ? app.jobs?.[schedule.job] : undefined
      if (job) await site.asSystem(`daily job ${schedule.job} of ${app.name}`, (ctx) => job.run(ctx, {}))
    }
}
