import { gauge } from '#kernel/metrics/metrics.ts'

/** Sites that this process leads. */
export const ledSites = gauge({ name: 'px_scheduler_leader', help: 'Sites whose schedules this process leads' })

/** When a scheduler of this process last went over its sites. */
export const lastLook = gauge({ name: 'px_scheduler_last_tick_timestamp_seconds', help: 'When the scheduler last looked at its sites' })
