import type { Logger } from 'pino'
import type { DatabaseWatch } from '#kernel/database/observed.ts'
import { counter, histogram } from '#kernel/metrics/metrics.ts'

const buckets = [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5]

/**
 * Times the statements of all sites, and names slow ones in the log: the text with its placeholders, never the values.
 * @param slowSeconds from when on a statement is slow; 0: none is
 */
export function databaseFigures(log: Logger, slowSeconds: number): (site: string) => DatabaseWatch {
  const durations = histogram({ name: 'px_db_query_duration_seconds', help: 'Time of statements', labels: ['op'] }, buckets)
  const waits = histogram({ name: 'px_db_pool_wait_seconds', help: 'Wait for the turn to write' }, buckets)
  const slow = counter({ name: 'px_db_slow_queries_total', help: 'Statements slower than ORC_SLOW_QUERY_MS' })
  const by = {
    read: durations.labels({ op: 'read' }),
    write: durations.labels({ op: 'write' }),
    commit: durations.labels({ op: 'commit' }),
  }
  return (site) => ({
    ran(operation, seconds, sql) {
      by[operation].observe(seconds)
      if (slowSeconds === 0 || seconds < slowSeconds) return
      slow.inc()
      log.warn({ site, ms: Math.round(seconds * 1000), statement: sql.slice(0, 2000) }, 'slow statement')
    },
    waited: (seconds) => waits.observe(seconds),
  })
}
