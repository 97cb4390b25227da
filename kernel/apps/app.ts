import type { Predicate } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument, Controller, DocumentListener, HookName } from '#kernel/documents/document.ts'
import type { JobRun } from '#kernel/jobs/job.ts'
import type { DocTypeDefinition } from '#kernel/meta/definition.ts'
import type { DocumentMethod, Method } from '#kernel/methods/method.ts'
import type { Action } from '#kernel/permissions/grant.ts'

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
  /** Background jobs by name. */
  jobs?: Readonly<Record<string, JobDefinition>>
  schedules?: readonly ScheduleDefinition[]
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
  rows?: (ctx: Context, action: Action) => Promise<Predicate | undefined> | Predicate | undefined
  /** Rows that the user gets beside what roles give, e.g. documents assigned to them. Needs a role row of the DocType for the action. */
  alsoRows?: (ctx: Context, action: Action) => Promise<Predicate | undefined> | Predicate | undefined
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
