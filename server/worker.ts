import { type QueueName, queueNames } from '#kernel/jobs/job.ts'
import { Worker, type WorkerOptions } from '#kernel/jobs/worker.ts'
import { Scheduler } from '#kernel/schedule/scheduler.ts'
import type { Runtime } from '#kernel/sites/runtime.ts'
import type { Site } from '#kernel/sites/site.ts'

export interface BackgroundOptions {
  readonly worker?: boolean
  readonly scheduler?: boolean
  readonly queues?: readonly QueueName[]
  /** Only this site; default: every site of the folder. */
  readonly site?: string
}

/** Runs jobs, schedules or both beside whatever else the process does. @returns how to end it; jobs under way may end first */
export function startBackground(
  runtime: Runtime,
  { worker = true, scheduler = true, queues = queueNames, site }: BackgroundOptions,
): () => Promise<void> {
  const sites = sitesOf(runtime, site)
  const running = [...(scheduler ? [new Scheduler({ sites }).start()] : []), ...(worker ? [new Worker({ sites, queues }).start()] : [])]
  return async () => {
    for (const one of running) await one.stop()
  }
}

/** A worker that ends when nothing is due any more. */
export function drainJobs(runtime: Runtime, options: Pick<WorkerOptions, 'queues'> & { site?: string }): Promise<void> {
  return new Worker({ ...(options.queues ? { queues: options.queues } : {}), sites: sitesOf(runtime, options.site) }).drain()
}

/** Opens the sites to work for. One that cannot be opened is left out, and tried again the next time. */
function sitesOf(runtime: Runtime, only: string | undefined): () => Promise<Site[]> {
  return async () => {
    const hosts = only ? [only] : runtime.hosts()
    const opened = await Promise.all(
      hosts.map((host) =>
        runtime.site(host).catch((error) => {
          runtime.log.warn({ err: error, site: host }, 'a site cannot be opened, so its jobs do not run')
          return undefined
        }),
      ),
    )
    return opened.filter((site) => site !== undefined)
  }
}
