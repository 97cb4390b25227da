import type { JobDefinition, ScheduleDefinition } from '#kernel/apps/app.ts'
import type { Site } from '#kernel/sites/site.ts'
import { activeScripts, type ServerScript } from './active-scripts.ts'
import { runServerScript } from './run-server-script.ts'

/** The rhythm of a Scheduler Event script: a word or cron fields. */
export function rhythmOf({ event_frequency: frequency, cron_format: cron }: Readonly<Record<string, unknown>>): string {
  if (frequency === 'Cron') return String(cron ?? '').trim()
  return String(frequency ?? '')
    .replace(/ Long$/, '')
    .toLowerCase()
}

function isLong({ document }: ServerScript): boolean {
  return String(document.event_frequency).endsWith(' Long')
}

/** When the site's scripts come round. */
export async function scriptSchedules(site: Site): Promise<ScheduleDefinition[]> {
  const { scheduled } = await activeScripts(site)
  return scheduled.map((script) => ({
    job: isLong(script) ? 'run-long-script' : 'run-script',
    every: rhythmOf(script.document),
    of: script.name,
  }))
}

function runScript(cpuMs: number, wallMs: number): JobDefinition['run'] {
  return async (ctx, { of }) => {
    const script = (await activeScripts(ctx.site)).scheduled.find((one) => one.name === of)
    // Disabled or deleted since its time came.
    if (!script) return undefined
    const { value } = await runServerScript(ctx, script, { cpuMs, wallMs })
    return value
  }
}

/** A failed script waits for its next time: what it wrote was undone. */
export const scriptJobs: Readonly<Record<string, JobDefinition>> = {
  'run-script': { attempts: 1, timeout: 120, run: runScript(5_000, 100_000) },
  'run-long-script': { queue: 'long', attempts: 1, timeout: 1200, run: runScript(60_000, 1_100_000) },
}
