import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { AppError, DefinedError } from '#client/rules/errors.ts'
import type { Context } from '#kernel/context/context.ts'
import type { DialectName, Row } from '#kernel/database/database.ts'
import { sql } from '#kernel/database/sql.ts'
import type { AnyDocument, HookName } from '#kernel/documents/document.ts'
import { load } from '#kernel/documents/load.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { type Recorder, recorderOf } from '#testing/apps/lifecycle/recorder.ts'
import type { SmallDocType } from './permission-site.ts'
import { type TestSite, testSite } from './site.ts'

export { field, row } from './permission-site.ts'

/** Folder of the apps that exist for tests only. */
export const testApps = join(import.meta.dirname, 'apps')

/** The site of a documents contract, and what its tests say often. */
export interface DocumentsWorld extends TestSite {
  readonly engine: DialectName
  readonly recorder: Recorder
  /** Makes DocTypes at run time, as a site's own. */
  define(...doctypes: SmallDocType[]): Promise<void>
  add(doctype: string, values?: Record<string, unknown>): Promise<AnyDocument>
  /** Loads, changes and saves. */
  change(doctype: string, name: string, values: Record<string, unknown>): Promise<AnyDocument>
  read(doctype: string, name: string): Promise<AnyDocument>
  /** Rows of a table as the engine holds them. */
  rows(table: string, column?: string, value?: string): Promise<Row[]>
  /** Everything the site's database holds, as sorted text by table. */
  snapshot(): Promise<Map<string, string>>
  /** Which hooks `work` called, as `who:event`. */
  trace(work: () => Promise<unknown>): Promise<string[]>
}

export async function openWorld(engine: DialectName): Promise<DocumentsWorld> {
  const site = await testSite({ database: engine, apps: ['lifecycle'], appFolders: [testApps], closedByCaller: true })
  const recorder = recorderOf(site.site.host)
  const { dialect } = site.site.database
  const rows: DocumentsWorld['rows'] = (table, column, value) =>
    site.site.database.query(
      dialect.compile(
        column ? sql`select * from ${sql.id(table)} where ${sql.id(column)} = ${value ?? ''}` : sql`select * from ${sql.id(table)}`,
      ),
    )
  return {
    ...site,
    engine,
    recorder,
    rows,
    async define(...doctypes) {
      for (const doctype of doctypes)
        await site.make('DocType', {
          module: 'Custom',
          permissions: [{ role: 'Clerk', read: 1, write: 1, create: 1, delete: 1 }],
          ...doctype,
        })
    },
    add: (doctype, values = {}) => site.asSystem((ctx) => insert(ctx, doctype, values)),
    change: (doctype, name, values) => site.asSystem(async (ctx) => save(ctx, await openForWrite(ctx, doctype, name), values)),
    read: (doctype, name) => site.asSystem(async (ctx) => load(ctx, await ctx.site.meta.get(doctype), name)),
    async snapshot() {
      const found = new Map<string, string>()
      for (const { name } of await site.site.database.describe())
        found.set(
          name,
          (await rows(name))
            .map((row) => JSON.stringify(row))
            .sort()
            .join('\n'),
        )
      return found
    },
    async trace(work) {
      recorder.calls.length = 0
      await work()
      return [...recorder.calls]
    },
  }
}

/** The events that the controller heard, of those a trace holds. */
export function events(trace: readonly string[], who = 'controller'): string[] {
  return trace.filter((call) => call.startsWith(`${who}:`)).map((call) => call.slice(who.length + 1))
}

/** Asserts that the work is refused with that error, and where; returns the error. */
export async function refuses(
  work: Promise<unknown> | (() => Promise<unknown>),
  expected: DefinedError<never>,
  field?: string,
): Promise<AppError> {
  const error = await (typeof work === 'function' ? work() : work).then(
    () => assert.fail(`expected ${expected.definition.code}, and it went through`),
    (thrown: unknown) => thrown as AppError,
  )
  if (!expected.is(error))
    throw new assert.AssertionError({ message: `expected ${expected.definition.code}, got ${(error as Error).stack}` })
  if (field !== undefined) assert.equal((error as AppError).field, field)
  return error as AppError
}

/** Runs `during` inside the controller's hook for one piece of work. */
export async function inHook(
  world: DocumentsWorld,
  event: HookName,
  during: (ctx: Context, document: AnyDocument, extra: Record<string, unknown>) => unknown,
  work: () => Promise<unknown>,
): Promise<void> {
  world.recorder.during.set(event, during)
  try {
    await work()
  } finally {
    world.recorder.during.delete(event)
  }
}
