import { partsOf } from '#kernel/apps/apps.ts'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import type { Service } from '#kernel/external/service.ts'
import type { RateRule } from '#kernel/limits/rate-limiter.ts'
import type { Site } from '#kernel/sites/site.ts'
import { AdapterUnknown } from './errors.ts'

/** How records of another system become documents of one DocType: an app declares it with `defineAdapter` under `adapters`. */
export interface Adapter {
  /** Lower case, digits, `-`, `_`; unique on the site. */
  readonly name: string
  readonly title: string
  /** The DocType that its records become. */
  readonly doctype: string
  /** Through which it is called: time, repeating, circuit. */
  readonly service: Service
  /** Fetches one page. Called without a transaction, repeated as the service says; throws what `demandSuccess` throws. */
  readonly pull?: (ctx: Context, connection: Connection, request: PullRequest) => Promise<PulledPage>
  /** The record's own id at the other side, which never changes. */
  readonly id: (record: ExternalRecord) => string
  /** When it changed last at the other side: an ISO time, or another text that sorts. Older ones than known are left out. */
  readonly version?: (record: ExternalRecord) => string
  /** The fields that the other side knows of; undefined: not for us. */
  readonly transform: (ctx: Context, record: ExternalRecord, connection: Connection) => Promise<Values | undefined> | Values | undefined
  /** Why a record cannot be taken; undefined: it can. The DocType's own rules are checked in any case. */
  readonly validate?: (values: Values, record: ExternalRecord) => string | undefined
  /** Fields by which a document is found that was here before the other side was known, e.g. `['email']`. */
  readonly matchBy: readonly string[]
  /** Who wins a field that was changed on both sides; `manual`: a person decides (Sync Conflict), and the other fields are taken. */
  readonly conflict: ConflictRule
  /** What a document gets that was deleted there; absent: it is only noted. Documents are never deleted here. */
  readonly onDeleted?: (ctx: Context, document: AnyDocument) => Values
  /** True: what a full run does not meet was deleted there. */
  readonly findsVanished: boolean
  /** Pages per time and connection. */
  readonly rate?: RateRule
  /** When enabled connections pull what is new: as for schedules. */
  readonly every?: string
}

/** `newest` compares `version`, an ISO time, with the document's last change. */
export type ConflictRule = 'theirs' | 'ours' | 'newest' | 'manual'

/** A record as the other side sends it. */
export type ExternalRecord = Readonly<Record<string, unknown>>

/** Values of fields, as `insert` and `save` take them. */
export type Values = Readonly<Record<string, unknown>>

/** One account at the other side: a document of Adapter Connection. */
export interface Connection {
  readonly name: string
  readonly adapter: string
  /** Whose records they are, whatever they say. */
  readonly organization: string | null
  readonly address: string
  readonly account: string
  readonly secret: () => Promise<string | undefined>
}

export interface PullRequest {
  /** `next` of the page before; empty for the first. */
  readonly cursor: string
  /** `highWater` as of the last run; empty: everything is wanted. */
  readonly since: string
  readonly signal: AbortSignal
}

export interface PulledPage {
  readonly records: readonly ExternalRecord[]
  /** Ids of records that the other side says it has deleted. */
  readonly deleted?: readonly string[]
  /** Absent: this was the last page. */
  readonly next?: string
  /** Up to where everything has come: only where pages are in the order of changes may one before the last say so. */
  readonly highWater?: string
}

/** What `defineAdapter` is told. */
export type AdapterDeclaration = Omit<Adapter, 'matchBy' | 'findsVanished'> & Partial<Pick<Adapter, 'matchBy' | 'findsVanished'>>

/** Declares an adapter. @throws Error where the declaration cannot be meant: it is code, not input */
export function defineAdapter(declaration: AdapterDeclaration): Adapter {
  const adapter: Adapter = { matchBy: [], findsVanished: false, ...declaration }
  if (!/^[a-z][a-z0-9_-]{0,69}$/.test(adapter.name)) throw new Error(`"${adapter.name}" cannot be the name of an adapter.`)
  if (adapter.conflict === 'newest' && !adapter.version)
    throw new Error(`The adapter ${adapter.name} cannot tell which side is the newest: it has no version.`)
  if (adapter.every && !adapter.pull) throw new Error(`The adapter ${adapter.name} has a schedule, and nothing to pull.`)
  return Object.freeze(adapter)
}

/** The adapter of that name among the site's apps. @throws AdapterUnknown */
export function adapterNamed(site: Site, name: string): Adapter {
  const found = adaptersOf(site).find((one) => one.name === name)
  if (!found) throw new AdapterUnknown({ field: 'adapter', adapter: name.slice(0, 140) })
  return found
}

export function adaptersOf(site: Site): Adapter[] {
  return site.apps.all.flatMap(partsOf).flatMap((part) => part.adapters ?? [])
}
