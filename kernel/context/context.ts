import type { Site } from '#kernel/sites/site.ts'
import type { RequestDatabase } from './request-database.ts'

/** Who acts. Built by identity from a session or key, or by a job from its stored user; never from a caller's words. */
export interface Principal {
  /** Name of the User document: an e-mail address, `Administrator` or `Guest`. */
  readonly name: string
  readonly fullName: string
  /** Every role the user holds, the automatic ones (Guest, All, Desk User) included. */
  readonly roles: ReadonlySet<string>
  readonly userType: 'System User' | 'Website User'
  readonly language: string
  /** Bypasses permissions: the Administrator, and contexts made by `asSystem`. */
  readonly unrestricted: boolean
  /** Limits of the API key that signed in, such as `read`, `doctype:Lead`, `method:ping`; undefined: none. */
  readonly scopes?: readonly string[]
  /** The session or API key in use, for revocation and audit; empty for Guest and jobs. */
  readonly credential?: string
}

/** Facts about the request that caused the work, for audit and logs. */
export interface RequestFacts {
  readonly id: string
  readonly ip: string
  /** `http`, `cli`, `job`, `test` … */
  readonly via: string
  /** Of a job: the request that asked for it. */
  readonly cause?: string
  /** Where the request stands in a trace that spans systems: a W3C `traceparent`. */
  readonly trace?: string
}

/** The time. Tests choose it. */
export interface Clock {
  /** Milliseconds since 1970, UTC. */
  now(): number
}

/** Something to tell the user beside the answer (`_server_messages` on the wire). */
export interface UserMessage {
  message: string
  title?: string
  indicator?: 'blue' | 'green' | 'orange' | 'red' | 'yellow'
  alert?: boolean
}

/**
 * What every piece of server code receives: who acts, on which site, in which transaction, at what time. There is no ambient
 * state; more rights mean another context with a stated reason.
 */
export interface Context {
  readonly site: Site
  readonly user: Principal
  /** Reads, and the one write transaction of this request or job, opened at the first write. */
  readonly db: RequestDatabase
  readonly clock: Clock
  readonly request: RequestFacts
  /** Why this context is elevated; written to the audit log with each change. */
  readonly elevation: string | undefined
  /** Values remembered for this request only; keys are `area:…`. */
  readonly memo: Map<string, unknown>
  readonly messages: UserMessage[]
  /** Extra top-level keys of the answer (`docs`, `docinfo`, `_link_titles` …). */
  readonly answer: Record<string, unknown>
  /** The same unit of work on behalf of another user. */
  as(user: Principal): Context
  /** The same unit of work without permission checks. Owner and modifier stay the acting user's. @param why ends up in the audit log */
  asSystem(why: string): Context
  /** Runs when the transaction is durable; never when it rolled back. Errors are logged, not thrown. */
  afterCommit(effect: () => Promise<void> | void): void
}
