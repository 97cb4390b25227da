import { counter, gauge } from '#kernel/metrics/metrics.ts'

/** Sockets that are connected to this process. */
export const connections = gauge({ name: 'px_realtime_connections', help: 'Sockets that are connected' })

/** Frames to sockets: `delivered`, or `dropped` because more waited than may. */
export const frames = counter({ name: 'px_realtime_events_total', help: 'Live events', labels: ['result'] })
