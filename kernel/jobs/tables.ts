import type { Storage } from '#kernel/database/database.ts'

const short: Storage = { kind: 'text', length: 140 }
const long: Storage = { kind: 'text' }
const number: Storage = { kind: 'bigint' }
const flag: Storage = { kind: 'boolean' }

/**
 * Tables of jobs and schedules, in the form of kernel/schema/system-tables.ts. Times are milliseconds since 1970, UTC; 0 means not yet.
 */
export const jobTables = {
  __Job: {
    key: ['id'],
    columns: {
      id: short,
      job_name: short,
      queue: short,
      state: short,
      input: long,
      /** User on whose behalf it runs; empty: the platform itself (schedules). */
      run_as: short,
      /** Limits of the API key with which it was asked for, as JSON. */
      scopes: long,
      /** The schedule that made it; empty for others. */
      schedule: { kind: 'text', length: 300 },
      /** Smaller is sooner: the priority with its sign turned, so that an index in rising order serves. */
      precedence: number,
      run_at: number,
      created: number,
      started: number,
      ended: number,
      timeout_ms: number,
      max_attempts: number,
      attempts: number,
      /** Times its worker vanished. */
      lost: number,
      worker: short,
      lease_until: number,
      /** Grows with each claim: whoever holds an older number may write nothing more. */
      fence: number,
      progress: number,
      progress_text: { kind: 'text', length: 500 },
      result: long,
      error: long,
      /** Only while it waits. */
      unique_key: short,
      idempotency_key: short,
      /** Id of the request that asked for it, and where that stood in a trace. */
      cause: short,
      trace: short,
    },
    indexes: [
      ['state', 'queue', 'precedence', 'run_at', 'id'],
      ['state', 'queue', 'run_at'],
      // One for two questions, since each costs every change of a row: jobs that have ended hold no lease.
      ['state', 'lease_until', 'ended'],
      ['schedule', 'id'],
    ],
    unique: [['unique_key'], ['idempotency_key']],
  },
  /** What a job waits for. */
  __Job_After: { key: ['job', 'needs'], columns: { job: short, needs: short }, indexes: [['needs']] },
  /** Steps that a job has done: they are not done again. */
  __Job_Step: { key: ['job', 'step'], columns: { job: short, step: short, result: long, done: number } },
  /** Who leads what (the scheduler of the site), until when. */
  __Lease: { key: ['name'], columns: { name: short, holder: short, until: number, fence: number } },
  /** When each schedule ran last; `stopped` by a person. */
  __Schedule: { key: ['name'], columns: { name: { kind: 'text', length: 300 }, last_tick: number, stopped: flag } },
} as const satisfies Record<
  string,
  {
    key: readonly string[]
    columns: Record<string, Storage>
    indexes?: readonly (readonly string[])[]
    unique?: readonly (readonly string[])[]
  }
>
