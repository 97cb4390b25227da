import { readConfig } from '#kernel/sites/open-site.ts'
import { writeConfig } from '#kernel/sites/config-file.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import { DatabaseQueue } from '#kernel/jobs/database-queue.ts'
import { type JobState, type QueueName, queueNames } from '#kernel/jobs/job.ts'
import { cancelJob, purgeJobs, readJobs, retryJob } from '#kernel/jobs/manage.ts'
import { queueDriver } from '#kernel/jobs/open-queue.ts'
import type { Runtime } from '#kernel/sites/runtime.ts'
import { isPaused } from '#kernel/schedule/scheduler.ts'
import { nextRunOf, schedulesOf, triggerSchedule } from '#kernel/schedule/schedules.ts'
import type { BackgroundOptions } from '#server/worker.ts'
import { type Call, type Command, list, one, type Outcome, word } from '../command.ts'
import { BadUsage } from '../errors.ts'

export const jobCommands: readonly Command[] = [
  {
    name: 'worker',
    summary: 'Run jobs of one site, or of every site in turn, until a signal comes',
    arguments: [],
    options: {
      queue: { value: 'QUEUE', many: true, summary: `only these of ${queueNames.join(', ')}` },
      burst: { summary: 'end when nothing is due any more' },
      site: { value: 'HOST', summary: 'only this site; default: every site' },
    },
    example: 'orc worker --queue short default',
    run: work,
  },
  {
    name: 'schedule',
    summary: 'Run the schedules of one site, or of every site, until a signal comes; of several such processes one leads',
    arguments: [],
    options: { site: { value: 'HOST', summary: 'only this site; default: every site' } },
    example: 'orc schedule',
    run: runSchedules,
  },
  {
    name: 'show-pending-jobs',
    summary: 'List the jobs that wait, run or have failed',
    arguments: [],
    options: {},
    onSite: true,
    example: 'orc show-pending-jobs --site crm.example.com',
    run: showPending,
  },
  {
    name: 'jobs retry',
    summary: 'Queue a failed or cancelled job once more',
    arguments: [{ name: 'ID', summary: 'of the job' }],
    options: {},
    onSite: true,
    example: 'orc jobs retry 01990e3c-8d1f-7a40-b2b3-0d4b9a6a5c11 --site crm.example.com',
    run: (call) => onJob(call, 'queued again', retryJob),
  },
  {
    name: 'jobs cancel',
    summary: 'Cancel a job that has not ended, and what waits for it',
    arguments: [{ name: 'ID', summary: 'of the job' }],
    options: {},
    onSite: true,
    example: 'orc jobs cancel 01990e3c-8d1f-7a40-b2b3-0d4b9a6a5c11 --site crm.example.com',
    run: (call) => onJob(call, 'cancelled', cancelJob),
  },
  {
    name: 'purge-jobs',
    summary: 'Forget jobs that have ended',
    arguments: [],
    options: {
      days: { value: 'N', summary: 'only those that ended so many days ago; default 0: all' },
      failed: { summary: 'failed ones too, which nobody can retry then' },
    },
    onSite: true,
    example: 'orc purge-jobs --days 7 --site crm.example.com',
    run: purge,
  },
  {
    name: 'scheduler status',
    summary: 'Tell whether schedules run, and when each comes round',
    arguments: [],
    options: {},
    onSite: true,
    example: 'orc scheduler status --site crm.example.com',
    run: status,
  },
  {
    name: 'scheduler enable',
    summary: 'Let the schedules of a site run',
    arguments: [],
    options: {},
    onSite: true,
    example: 'orc scheduler enable --site crm.example.com',
    run: (call) => pause(call, false),
  },
  {
    name: 'scheduler disable',
    summary: 'Pause the schedules of a site; when they go on, each makes up for one tick at most',
    arguments: [],
    options: {},
    onSite: true,
    example: 'orc scheduler disable --site crm.example.com',
    run: (call) => pause(call, true),
  },
  {
    name: 'scheduler trigger',
    summary: 'Queue the job of a schedule now',
    arguments: [{ name: 'JOB', summary: 'app.job, as "scheduler status" shows it' }],
    options: {},
    onSite: true,
    example: 'orc scheduler trigger core.tidy-up --site crm.example.com',
    run: trigger,
  },
]

async function work(call: Call): Promise<Outcome | undefined> {
  const queues = list(call, 'queue') as QueueName[]
  const unknown = queues.find((queue) => !queueNames.includes(queue))
  if (unknown !== undefined) throw new BadUsage({ reason: `There is no queue "${unknown}"; there are ${queueNames.join(', ')}.` })
  const runtime = await call.runtime()
  const host = one(call.options, 'site')
  if (host) await runtime.site(host)
  const options = { ...(queues.length > 0 ? { queues } : {}), ...(host ? { site: host } : {}) }
  const { drainJobs } = await import('#server/worker.ts')
  if (call.switches.has('burst')) {
    await drainJobs(runtime, options)
    return { value: { drained: true }, text: 'Nothing is due any more.' }
  }
  return runUntilSignal(
    call,
    runtime,
    { ...options, scheduler: false },
    `Working for ${host ?? 'every site'}. Stop with Ctrl+C; jobs under way get a moment to end.`,
  )
}

async function runSchedules(call: Call): Promise<undefined> {
  const runtime = await call.runtime()
  const host = one(call.options, 'site')
  if (host) await runtime.site(host)
  const options = { worker: false, ...(host ? { site: host } : {}) }
  return runUntilSignal(call, runtime, options, `Running the schedules of ${host ?? 'every site'}. Stop with Ctrl+C.`)
}

/** A process that does nothing but background work, and tells those who watch how it does. */
async function runUntilSignal(call: Call, runtime: Runtime, options: BackgroundOptions, greeting: string): Promise<undefined> {
  const { startBackground } = await import('#server/worker.ts')
  const { keepFigures, keepsFigures, readOpsSettings, startOps } = await import('#server/observability/operate.ts')
  const ops = readOpsSettings(call.terminal.env)
  if (keepsFigures(ops)) keepFigures(runtime, ops)
  let isEnding = false
  const endOps = await startOps(runtime.log, ops, async () => !isEnding)
  const end = startBackground(runtime, options)
  call.terminal.note(greeting)
  await new Promise<void>((done) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => done())
  })
  isEnding = true
  await end()
  await endOps()
  return undefined
}

const pendingStates: readonly JobState[] = ['waiting', 'queued', 'running', 'failed']
const shown = 200

async function showPending(call: Call): Promise<Outcome> {
  const site = await call.site()
  const counts = await new DatabaseQueue(site).counts()
  const rows = await readJobs(site, { states: pendingStates, limit: shown })
  const jobs = rows.map((row) => ({
    id: row.id,
    job: row.job_name,
    queue: row.queue,
    state: row.state,
    user: row.run_as || 'the platform',
    progress: Number(row.progress),
    run_at: new Date(Number(row.run_at)).toISOString(),
    error: row.error?.split('\n')[0] ?? null,
  }))
  const driver = queueDriver(site)
  const text = [
    `${pendingStates.map((state) => `${counts.get(state) ?? 0} ${state}`).join(', ')}${driver === 'redis' ? '; Redis hands them out' : ''}`,
    ...jobs.map((job) => `${job.id}  ${job.state.padEnd(7)}  ${job.queue.padEnd(7)}  ${job.job}  ${job.error ?? ''}`.trimEnd()),
  ]
  return { value: { site: site.host, driver, counts: Object.fromEntries(counts), jobs }, text: text.join('\n') }
}

async function onJob(call: Call, done: string, verb: typeof retryJob): Promise<Outcome> {
  const site = await call.site()
  const id = word(call, 'ID')
  await site.asSystem('command', (ctx) => verb(ctx, id))
  return { value: { site: site.host, job: id, done }, text: `Job ${id} is ${done}.` }
}

async function purge(call: Call): Promise<Outcome> {
  const site = await call.site()
  const given = one(call.options, 'days') ?? '0'
  if (!/^\d{1,5}$/.test(given)) throw new BadUsage({ reason: `--days takes a whole number, not "${given}".` })
  const states: JobState[] = ['finished', 'cancelled', ...(call.switches.has('failed') ? (['failed'] as const) : [])]
  const purged = await purgeJobs(site, site.clock.now() - Number(given) * 86_400_000 + 1, states)
  return { value: { site: site.host, purged }, text: `${purged} jobs forgotten.` }
}

async function status(call: Call): Promise<Outcome> {
  const site = await call.site()
  const schedules = (await schedulesOf(site)).map((schedule) => {
    const next = nextRunOf(site, schedule)
    return {
      job: schedule.job,
      every: schedule.every,
      stopped: schedule.isStopped,
      last: schedule.lastTick === undefined ? null : new Date(schedule.lastTick).toISOString(),
      next: Number.isFinite(next) ? new Date(next).toISOString() : null,
    }
  })
  const paused = isPaused(site)
  const text = [
    `Schedules of ${site.host} are ${paused ? 'paused' : 'enabled'}; times are in ${site.timeZone}, shown in UTC.`,
    ...schedules.map(
      ({ job, every, last, next, stopped }) => `${job}  ${every}  last ${last ?? 'never'}  next ${stopped ? 'stopped' : next}`,
    ),
  ]
  return { value: { site: site.host, paused, zone: site.timeZone, schedules }, text: text.join('\n') }
}

async function pause(call: Call, isPausing: boolean): Promise<Outcome> {
  const site = await call.site()
  const { pause_scheduler: _, ...rest } = readConfig(site.folder)
  await writeConfig(site.folder, (isPausing ? { ...rest, pause_scheduler: true } : rest) as typeof site.config)
  await site.asSystem(`scheduler ${isPausing ? 'disable' : 'enable'}`, (ctx) => bumpEpoch(ctx, 'config'))
  return { value: { site: site.host, paused: isPausing }, text: `Schedules of ${site.host} are ${isPausing ? 'paused' : 'enabled'}.` }
}

async function trigger(call: Call): Promise<Outcome> {
  const site = await call.site()
  const id = await site.asSystem('scheduler trigger', (ctx) => triggerSchedule(ctx, word(call, 'JOB')))
  return { value: { site: site.host, job: id }, text: `Queued as ${id}.` }
}
