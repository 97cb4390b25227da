import type { HookDelivery, OutsideDeed } from './outside.ts'
import type { TakenMail } from './mailbox.ts'

/** What follows from an entry, beside its being there. */
export type Want = 'job' | 'mail' | 'saga' | 'hook'

/**
 * One thing that a client asked for. `ok`: a success was read in full. `fail`: refused for good. `unknown`: no answer, or one that does not
 * tell; asked again under the same key, unless the client gave up.
 */
export interface Operation {
  readonly ref: string
  readonly kind: 'insert' | 'post' | 'invalid' | 'raise'
  readonly amount: number
  readonly parts: readonly number[]
  readonly wants: readonly Want[]
  /** The counter that a `raise` is about. */
  readonly counter: string
  outcome: 'unknown' | 'ok' | 'fail'
  /** Names that answers gave; more than one is one too many. */
  readonly names: Set<string>
  tries: number
  /** The last answer that was not understood, for the report. */
  puzzle: string
}

/** An event that the stand-in provider told of. */
export interface SentEvent {
  readonly id: string
  readonly thing: string
  readonly sequence: number
  /** Whether any of its deliveries was acknowledged. */
  isTaken: boolean
  deliveries: number
}

export interface SeenEntry {
  readonly name: string
  readonly client_ref: string
  readonly docstatus: number
  readonly amount: number
  /** Of its rows, sorted. */
  readonly parts: readonly number[]
  /** Audit entries that tell of its being made. */
  readonly audited: number
}

export interface SeenJob {
  readonly id: string
  readonly job_name: string
  readonly state: string
  readonly schedule: string
  /** Milliseconds since 1970. */
  readonly created: number
  readonly lost: number
  readonly error: string
}

export interface SeenSaga {
  readonly name: string
  readonly ref: string
  readonly status: string
  readonly error_message: string
  readonly told: string
}

/** Everything there is to see when a run is over and the dust has settled. */
export interface World {
  readonly operations: readonly Operation[]
  readonly events: readonly SentEvent[]
  readonly entries: readonly SeenEntry[]
  readonly postings: readonly { readonly entry: string; readonly amount: number }[]
  readonly counters: readonly { readonly title: string; readonly total: number; readonly last_sequence: number }[]
  readonly effects: readonly { readonly kind: string; readonly source: string }[]
  readonly jobs: readonly SeenJob[]
  readonly sagas: readonly SeenSaga[]
  readonly deeds: readonly OutsideDeed[]
  readonly hooks: readonly HookDelivery[]
  readonly mails: readonly TakenMail[]
  /** Names of the entries that the search index knows. */
  readonly indexed: readonly string[]
  /** What is wrong with the audit log, in words. */
  readonly audit: readonly string[]
  /** Rows that say that work is under way, although nobody works any more, in words. */
  readonly stuck: readonly string[]
  /** Processes that ended though nobody ended them, and those that do not answer, in words. */
  readonly ailing: readonly string[]
  /** Milliseconds since 1970: the newest full minute whose ticks must have come by now, in time or made up for; 0: none was due yet. */
  readonly dueTick: number
}
