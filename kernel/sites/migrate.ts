import { warmCaches } from '#kernel/cache/operate.ts'
import { sharedStoreOf } from '#kernel/cache/stores.ts'
import type { LoadedApp } from '#kernel/apps/app.ts'
import { partsOf } from '#kernel/apps/apps.ts'
import { appendOnlyTriggers, auditTriggers } from '#kernel/audit/triggers.ts'
import type { Context } from '#kernel/context/context.ts'
import { textOfInstant } from '#kernel/context/time.ts'
import type { Row } from '#kernel/database/database.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { assignValues, copyOf, documentForm } from '#kernel/documents/cast.ts'
import { changedFields } from '#kernel/documents/checks.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { find } from '#kernel/documents/load.ts'
import { buildMeta } from '#kernel/meta/build-meta.ts'
import type { DocTypeDefinition } from '#kernel/meta/definition.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { bootstrapDocTypes } from '#kernel/meta/store.ts'
import { definitionHash, writeDefinitions } from '#kernel/meta/write-definition.ts'
import { syncSchema } from '#kernel/schema/apply.ts'
import { pendingPatches, runPatches } from '#kernel/schema/patches.ts'
import { planSync } from '#kernel/schema/plan.ts'
import type { SyncPlan } from '#kernel/schema/sync-plan.ts'
import { searchTables } from '#kernel/search/tables.ts'
import { bumpEpoch } from './epoch.ts'
import type { OpenSite } from './open-site.ts'

export interface Migration {
  /** Names of DocTypes whose definition in an app's files differs from the site's. */
  definitions: string[]
  /** What happens to tables, a line each. */
  schema: string[]
  patches: string[]
}

export interface MigrateOptions {
  allowDataLoss?: boolean
}

/**
 * Brings a site to what its apps' code says: patches that come before, tables, definitions, roles, fixtures, patches that come after,
 * after-migrate. One process at a time; running it again changes nothing.
 */
export async function migrateSite(site: OpenSite, options: MigrateOptions = {}): Promise<Migration> {
  return site.database.exclusively('migrate', async () => {
    const schema = await prepareTables(site, options)
    await site.load()
    const before = await runPatches(site, 'before-sync')
    const definitions = await storeDefinitions(site)
    await announce(site, 'meta')
    const plan = await syncSchema(site.database, await site.meta.all(), { scopes: site.apps.scopes, ...options })
    schema.push(...plan.steps.map((step) => step.text))
    const engine = site.database.dialect.name
    const logs = site.apps.all.flatMap(partsOf).flatMap((part) => Object.entries(part.appendOnly ?? {}))
    const triggers = logs.flatMap(([doctype, fields]) => appendOnlyTriggers(engine, doctype, fields))
    await site.database.alter([...auditTriggers(engine), ...triggers, ...searchTables(site.database.dialect)])
    await announce(site, 'meta')
    for (const app of site.apps.all) await seedApp(site, app)
    const after = await runPatches(site, 'after-sync')
    for (const app of site.apps.all) if (app.afterMigrate) await site.asSystem(`after-migrate of ${app.name}`, app.afterMigrate)
    await announce(site, 'access')
    await announce(site, 'config')
    await site.freshen()
    // Of use to others only where they share: this process ends, or fills its own as it goes.
    if ((await sharedStoreOf(site)).name !== 'none') await warmCaches(site)
    return { definitions, schema, patches: [...before, ...after] }
  })
}

/** Whether the apps' files hold definitions or patches that the site does not know yet. A few quick reads. */
export async function needsMigration(site: OpenSite): Promise<boolean> {
  const known = await storedHashes(site)
  const differs = site.apps.all.some((app) => app.doctypes.some((definition) => known.get(definition.name) !== definitionHash(definition)))
  return differs || (await pendingPatches(site)).length > 0
}

/** What `migrateSite` would do; changes nothing. */
export async function planMigration(site: OpenSite, options: MigrateOptions = {}): Promise<Migration> {
  await site.load()
  const known = await storedHashes(site)
  const changed = site.apps.all.flatMap((app) => app.doctypes.filter((definition) => known.get(definition.name) !== definitionHash(definition)))
  const metas = new Map((await site.meta.all()).map((meta) => [meta.name, meta]))
  for (const definition of changed) metas.set(definition.name, buildMeta(definition, { app: site.apps.appOf(definition.name)?.name ?? '' }))
  const plan: SyncPlan = await planSync(site.database, [...metas.values()], { scopes: site.apps.scopes, ...options })
  return { definitions: changed.map((definition) => definition.name), schema: plan.steps.map((step) => step.text), patches: await pendingPatches(site) }
}

/** The kernel's own tables and those in which definitions are kept must be there before anything can be read. */
async function prepareTables(site: OpenSite, options: MigrateOptions): Promise<string[]> {
  const metas = bootstrapDocTypes.map((name) => buildMeta(site.apps.definition(name) as DocTypeDefinition, { app: 'core' }))
  const plan = await syncSchema(site.database, metas, { scopes: site.apps.scopes, ...options })
  const { dialect } = site.database
  await site.database.transaction(async (tx) => {
    const rows = await tx.query<{ name: string }>(dialect.compile(sql`select name from ${ident('__Epoch')}`))
    const known = new Set(rows.map((row) => row.name))
    for (const kind of ['meta', 'access', 'config'])
      if (!known.has(kind)) await tx.execute(dialect.compile(sql`insert into ${ident('__Epoch')} (name, value) values (${kind}, 1)`))
  })
  return plan.steps.map((step) => step.text)
}

async function storedHashes(site: OpenSite): Promise<Map<string, string>> {
  const rows = await site.database.query<Row>(site.database.dialect.compile(sql`select name, migration_hash from ${ident('tabDocType')}`))
  return new Map(rows.map((row) => [String(row.name), String(row.migration_hash ?? '')]))
}

async function storeDefinitions(site: OpenSite): Promise<string[]> {
  const known = await storedHashes(site)
  const now = textOfInstant(site.clock.now())
  const wanted = site.apps.all.flatMap((app) =>
    app.doctypes
      .filter((definition) => known.get(definition.name) !== definitionHash(definition))
      .map((definition) => ({ definition, app: app.name, isKnown: known.has(definition.name) })),
  )
  if (wanted.length > 0) await site.database.transaction((tx) => writeDefinitions(tx, site.meta, wanted, now))
  return wanted.map(({ definition }) => definition.name)
}

async function announce(site: OpenSite, kind: 'meta' | 'access' | 'config'): Promise<void> {
  await site.asSystem('migrate', (ctx) => bumpEpoch(ctx, kind))
  await site.freshen()
}

/** Modules, roles and fixtures of one app; what exists is brought up to date. */
async function seedApp(site: OpenSite, app: LoadedApp): Promise<void> {
  await site.asSystem(`modules and roles of ${app.name}`, async (ctx) => {
    const modules = new Set(app.doctypes.map((definition) => definition.module).filter((module) => module !== ''))
    await ensure(ctx, 'Module Def', [...modules].map((name) => ({ name, values: { module_name: name, app_name: app.name } })))
    const roles = (app.roles ?? []).map((role) => {
      const { name, desk } = typeof role === 'string' ? { name: role } : role
      return { name, values: { role_name: name, desk_access: desk === false ? 0 : 1 } }
    })
    await ensure(ctx, 'Role', roles)
  })
  // Each list in a unit of its own: a later one may need the Custom Fields that an earlier one brought.
  for (const fixture of app.fixtures ?? [])
    await site.asSystem(`fixtures of ${app.name}`, async (ctx) => {
      for (const document of fixture.documents) await applyFixture(ctx, fixture.doctype, document)
    })
}

/** Inserts those whose names are not there yet. */
async function ensure(ctx: Context, doctype: string, seeds: readonly { name: string; values: Record<string, unknown> }[]): Promise<void> {
  if (seeds.length === 0) return
  const { table } = await ctx.site.meta.get(doctype)
  const rows = await ctx.db.query(ctx.db.dialect.compile(sql`select name from ${ident(table)}`))
  const known = new Set(rows.map((row) => String(row.name)))
  for (const { name, values } of seeds) {
    if (known.has(name)) continue
    known.add(name)
    await insert(ctx, doctype, values, { naming: { given: name, honourGiven: true } })
  }
}

async function applyFixture(ctx: Context, doctype: string, values: Record<string, unknown>): Promise<void> {
  const meta = await ctx.site.meta.get(doctype)
  const name = meta.isSingle ? meta.name : fixtureName(meta, values)
  const stored = name === undefined ? undefined : await find(ctx, meta, name)
  if (!stored) {
    await insert(ctx, doctype, values, name === undefined ? {} : { naming: { given: name, honourGiven: true } })
    return
  }
  const wanted = copyOf(stored)
  const named = withRowNames(meta, stored, values)
  await assignValues(ctx, meta, wanted, named, documentForm)
  if (changedFields(meta, wanted, stored).length > 0) await save(ctx, await openForWrite(ctx, doctype, stored.name), named)
}

/** The name under which a fixture is found again: its own, or the field that names documents of its DocType. */
function fixtureName(meta: Meta, values: Record<string, unknown>): string | undefined {
  const namingField = /^field:(.+)$/i.exec(String(meta.definition.autoname ?? ''))?.[1]
  return (values.name ?? (namingField === undefined ? undefined : values[namingField])) as string | undefined
}

/** Rows of fixtures have no names; they are taken for the stored ones in the same places. */
function withRowNames(meta: Meta, stored: AnyDocument, values: Record<string, unknown>): Record<string, unknown> {
  const named = { ...values }
  for (const table of meta.tables) {
    const rows = values[table.fieldname]
    const present = (stored as Record<string, unknown>)[table.fieldname] as AnyDocument[] | undefined
    if (Array.isArray(rows)) named[table.fieldname] = rows.map((row: object, index) => ({ name: present?.[index]?.name, ...row }))
  }
  return named
}
