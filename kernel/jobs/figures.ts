import { counter, gauge } from '#kernel/metrics/metrics.ts'

/** Runs of jobs in this process, by queue and how they ended: `finished`, `retried`, `failed`, `lost`. */
export const jobRuns = counter({ name: 'px_job_runs_total', help: 'Runs of jobs', labels: ['queue', 'outcome'] })

/** Workers of this process that take jobs of a queue. */
export const workers = gauge({ name: 'px_workers', help: 'Workers that run', labels: ['queue'] })
