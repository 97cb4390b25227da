import type { Context, Clock, Principal, RequestFacts } from '#kernel/context/context.ts'
import type { Database, DatabaseAddress } from '#kernel/database/database.ts'
import type { Apps } from '#kernel/apps/apps.ts'
import type { MetaStore } from '#kernel/meta/store.ts'
import type { Logger } from 'pino'

/** What `sites/<host>/site_config.json` holds. Unknown keys are kept for apps. */
export interface SiteConfig {
  db_type: 'sqlite' | 'postgres' | 'mariadb'
  db_url?: string
  db_name?: string
  /** 32 random bytes, base64: encrypts stored secrets, signs links. */
  encryption_key: string
  installed_apps?: string[]
  [key: string]: unknown
}

/**
 * A tenant: its database, its files, its definitions. Many live in one process; an idle one holds no connection.
 */
export interface Site {
  readonly host: string
  /** sites/<host> */
  readonly folder: string
  readonly config: Readonly<SiteConfig>
  readonly address: DatabaseAddress
  readonly database: Database
  readonly apps: Apps // the installed ones, in load order
  readonly meta: MetaStore
  readonly clock: Clock
  readonly log: Logger
  /** IANA time zone from System Settings; `UTC` by default. */
  readonly timeZone: string
  /** System Settings as last read, by fieldname, in column text form; see settings.ts for typed access. */
  readonly settings: ReadonlyMap<string, string | null>
  /** Counters that grow when definitions (`meta`), users, roles, rights or sessions (`access`), or settings (`config`) change, in any process. */
  readonly epoch: Readonly<Epoch>
  /** Counters of narrower areas, raised with `bumpArea`; what is missing has never changed. */
  readonly areas: ReadonlyMap<string, number>
  /** Values derived from metadata or access rules; emptied when the epoch of their kind moves. */
  readonly cache: { readonly meta: Map<string, unknown>; readonly access: Map<string, unknown>; readonly config: Map<string, unknown> }
  /** Resolves once this process has seen every change committed before the call; undefined when there is nothing to wait for. */
  freshen(): Promise<void> | undefined
  /**
   * One unit of work: opens a context, runs `work`, commits once at the end, rolls everything back when it throws, then runs the
   * after-commit effects. Retried when the engine reports a deadlock.
   * @param facts `isFresh`: the caller has just awaited `freshen()`, once for several units of work that begin together
   */
  run<T>(
    who: Principal,
    work: (ctx: Context) => Promise<T>,
    facts?: Partial<RequestFacts> & { readOnly?: boolean; isFresh?: boolean },
  ): Promise<T>
  /** A unit of work with full rights, for the platform itself. @param why goes to the audit log */
  asSystem<T>(why: string, work: (ctx: Context) => Promise<T>): Promise<T>
  close(): Promise<void>
}

export interface Epoch {
  meta: number
  access: number
  config: number
}
export type EpochKind = keyof Epoch
