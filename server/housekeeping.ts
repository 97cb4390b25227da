import { tookEntries } from '#kernel/audit/audit.ts'
import { sealAudit } from '#kernel/audit/seal.ts'
import type { OpenSite } from '#kernel/sites/open-site.ts'
import type { Runtime } from '#kernel/sites/runtime.ts'

/** How often open sites are looked at, in milliseconds. */
const lookEvery = 5_000

/**
 * What a serving process does beside answering and running jobs: it seals the audit entries that it wrote. A site in which nothing
 * happened costs a look at a flag.
 * @returns how to end it; sealing under way is finished first
 */
export function startHousekeeping(runtime: Runtime): () => Promise<void> {
  const known = new WeakSet<OpenSite>()
  let running: Promise<void> | undefined
  const look = async (): Promise<void> => {
    for (const site of await runtime.opened()) {
      try {
        const isNew = !known.has(site)
        known.add(site)
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
