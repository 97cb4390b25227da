import type { Predicate } from '#client/rules/predicate.ts'
import type { AnyCache } from '#kernel/cache/cache.ts'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument, Controller, DocumentListener, HookName } from '#kernel/documents/document.ts'
import type { JobRun } from '#kernel/jobs/job.ts'
import type { Service } from '#kernel/external/service.ts'
import type { DocTypeDefinition } from '#kernel/meta/definition.ts'
import type { DocumentMethod, Method } from '#kernel/methods/method.ts'
import type { ChannelDriver, OutsideChannel } from '#kernel/notifications/channel.ts'
import type { Action } from '#kernel/permissions/grant.ts'
import type { ReadListener } from '#kernel/permissions/reads.ts'
import type { Embedder } from '#kernel/search/embedder.ts'
import type { ChartSourceDefinition, ReportDefinition } from '#kernel/reports/report.ts'
import type { Adapter } from '#kernel/adapters/adapter.ts'
import type { Reconciliation } from '#kernel/reconciliation/reconciliation.ts'
import type { Saga } from '#kernel/saga/saga.ts'
import type { Site } from '#kernel/sites/site.ts'
import type { WebhookProvider } from '#kernel/webhooks/provider.ts'

/** What an app, or one part of it, adds to the platform. */
export interface AppPart {
  /** Roles it brings. */
  roles?: readonly (string | RoleSeed)[]
  /** Listeners by DocType (`*` for all) and event. */
  events?: Readonly<Record<string, Partial<Record<HookName, DocumentListener>>>>
  methods?: readonly Method[]
  documentMethods?: readonly DocumentMethod[]
  /** Row conditions and document checks by DocType (`*` for all). */
  permissions?: Readonly<Record<string, PermissionHooks>>
  /** Logs, by DocType, with the fields that never change: the engine itself refuses to change them, and to delete rows. */
  appendOnly?: Readonly<Record<string, readonly string[]>>
  /** Hear, by DocType, which documents reached whom on any path. */
  onRead?: Readonly<Record<string, ReadListener>>
  /** Background jobs by name. */
  jobs?: Readonly<Record<string, JobDefinition>>
  schedules?: readonly ScheduleDefinition[]
  /** Services through which people are reached outside the platform; the first that an installed app brings is used. */
  channels?: Readonly<Partial<Record<OutsideChannel, ChannelDriver>>>
  /** Schedules that a site's own documents add. Asked often: remember what was read until a setting changes. */
  siteSchedules?: (site: Site) => Promise<readonly ScheduleDefinition[]> | readonly ScheduleDefinition[]
  /** Methods that a site's own documents add, for paths that no app declares. Likewise. */
  siteMethod?: (site: Site, path: string) => Promise<Method | undefined> | Method | undefined
  /** Services outside that it calls, made with `defineService`. */
  services?: readonly Service[]
  /** Steps that belong together and reach beyond the site, made with `defineSaga`. */
  sagas?: readonly Saga[]
  /** Checks of what should agree and may have drifted apart, made with `defineReconciliation`. */
  reconciliations?: readonly Reconciliation[]
  /** Other systems whose records it takes over, made with `defineAdapter`. */
  adapters?: readonly Adapter[]
  /** Text beside its fields by which a document is found, by DocType: what a file holds, say. Asked whenever the document is indexed. */
  searchTexts?: Readonly<Record<string, (ctx: Context, document: AnyDocument) => Promise<string | undefined> | string | undefined>>
  /** Makers of vectors, by the name that `search_embeddings` in a site's configuration gives. */
  embedders?: Readonly<Record<string, (site: Site) => Embedder>>
  /** Reports that are code; each is kept as a Report document, too. */
  reports?: readonly ReportDefinition[]
  /** Code that makes the numbers of charts; each is kept as a Dashboard Chart Source, too. */
  chartSources?: readonly ChartSourceDefinition[]
  /** Others whose webhooks it takes. */
  webhooks?: readonly WebhookProvider[]
  /** Caches, made with `defineCache`: operators see them, and those with a `warm` are filled after a migration. */
  caches?: readonly AnyCache[]
  /** Documents that the app owns and keeps up to date at each migrate, e.g. `{ doctype: 'Role', documents: [...] }`. */
  fixtures?: readonly Fixture[]
  /** Custom Fields and Property Setters on other apps' DocTypes belong into `fixtures`. */
  patches?: readonly Patch[]
}

/** An app's table of contents: everything it adds to the platform, declared in its `app.ts`. */
export interface AppDefinition extends AppPart {
  /** Folder name under apps/: lower case, digits, hyphens. */
  name: string
  title: string
  description?: string
  version: string
  /** Apps that must be installed before this one; `core` is implied. */
  requires?: readonly string[]
  /** What its folders add, one per area of a large app; an area keeps its DocTypes in `<area>/doctypes/`. */
  parts?: readonly AppPart[]
  /** Classes that extend another app's DocType: each hook runs after the original's. */
  extends?: Readonly<Record<string, Controller>>
  /** DocTypes (such as a tenant) whose linked documents confine every row that links to them; see permissions/confinement.ts. */
  scopes?: readonly string[]
  afterInstall?: (ctx: Context) => Promise<void>
  beforeUninstall?: (ctx: Context) => Promise<void>
  afterMigrate?: (ctx: Context) => Promise<void>
}

export interface RoleSeed {
  name: string
  /** Whether holders may use the desk (default true). */
  desk?: boolean
}

export interface PermissionHooks {
  /** A condition that every row must meet for this user; `undefined`: no opinion. */
  rows?: (ctx: Context, action: Action, doctype: string) => Promise<Predicate | undefined> | Predicate | undefined
  /** Rows that the user gets beside what roles give, e.g. documents assigned to them. Needs a role row of the DocType for the action. */
  alsoRows?: (ctx: Context, action: Action) => Promise<Predicate | undefined> | Predicate | undefined
  /**
   * A condition that a document must meet for this user to point a link at it. Links ask for no role on their target, so `rows` does not
   * reach them: without this, who is hidden could still be guessed.
   */
  linkRows?: (ctx: Context) => Promise<Predicate | undefined> | Predicate | undefined
  /** Hooks of `*` that look at some DocTypes only: for others nothing is asked. What it depends on must raise the epoch `access`. */
  concerns?: (site: Site, doctype: string) => Promise<boolean> | boolean
  /** A document that somebody may not read is answered like one that does not exist (people, say, whom a guess must not find). */
  hidesExistence?: boolean
  /** A check on one document; anything but `true` refuses. */
  check?: (ctx: Context, document: AnyDocument, action: Action) => Promise<boolean> | boolean
}

export interface JobDefinition {
  queue?: 'short' | 'default' | 'long'
  /** Seconds until a run counts as hung; default by queue. */
  timeout?: number
  /** Runs that may fail before a person must look; default 3. */
  attempts?: number
  /** Seconds to wait after the first failure, doubled after each further one; default 5. */
  backoff?: number
  /** Why the job runs without permission checks; absent: it may do what the user who asked for it may. Goes to the audit log. */
  asSystem?: string
  /**
   * The work. What it writes through `ctx` is committed together with the job's end, or not at all; long jobs commit parts with
   * `job.step`. The result is kept as JSON.
   */
  run: (ctx: Context, input: Record<string, unknown>, job: JobRun) => Promise<unknown>
}

export interface ScheduleDefinition {
  /** `all` (every four minutes), `hourly`, `daily`, `weekly`, `monthly`, `yearly`, or five cron fields; in the site's time zone. */
  every: string
  job: string
  /** Tells schedules of one job and rhythm apart; the job finds it as `of` in its input. */
  of?: string
}

export interface Fixture {
  doctype: string
  documents: readonly Record<string, unknown>[]
}

export interface Patch {
  /** Dated and unique in the app: `2026-11-20-country-of-invoice`. */
  id: string
  /** Before or after the tables follow the definitions. */
  when: 'before-sync' | 'after-sync'
  run: (ctx: Context) => Promise<void>
}

/** Declares an app; the loader checks the rest. */
export function defineApp(definition: AppDefinition): AppDefinition {
  return definition
}

/** An app as loaded from its folder: its lists hold what its parts bring, too; listeners and permission hooks stay with their part. */
export interface LoadedApp extends AppDefinition {
  readonly folder: string
  readonly doctypes: readonly DocTypeDefinition[]
  readonly controllers: ReadonlyMap<string, Controller>
}
