import type { Context } from '#kernel/context/context.ts'
import { ident, type Sql, sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { hashName } from '#kernel/documents/naming.ts'
import { insertRows } from '#kernel/documents/rows.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import type { TestSite } from '#testing/site.ts'
import { switches } from './apps/oracle/app.ts'
import { type DocumentFact, permissionRows, valuesOf, type World, worldDocTypes } from './world.ts'

/** Makes the site hold exactly this world. Written as rows, so that no rule of the pipeline colours what is tested. */
export async function settle(site: TestSite, world: World): Promise<void> {
  Object.assign(switches, world.hooks)
  await site.asSystem(async (ctx) => {
    const meta = (doctype: string) => ctx.site.meta.get(doctype)
    for (const doctype of ['Custom DocPerm', 'User Permission']) await empty(ctx, doctype)
    await writeDocuments(ctx, world)
    // One custom row puts the DocType's own rows aside.
    for (const doctype of worldDocTypes)
      for (const row of [{ role: 'Nobody' }, ...permissionRows(world, doctype)])
        await addRow(ctx, await meta('Custom DocPerm'), { name: hashName(), parent: doctype, ...row })
    for (const { user, allow, value, applicableFor, hideDescendants } of world.permissions)
      await addRow(ctx, await meta('User Permission'), {
        name: hashName(),
        user,
        allow,
        for_value: value,
        apply_to_all_doctypes: applicableFor ? 0 : 1,
        applicable_for: applicableFor ?? null,
        hide_descendants: hideDescendants ? 1 : 0,
      })
    const setting = { doctype: 'System Settings', field: 'apply_strict_user_permissions' }
    await run(ctx, sql`delete from ${ident('tabSingles')} where doctype = ${setting.doctype} and field = ${setting.field}`)
    await run(
      ctx,
      sql`insert into ${ident('tabSingles')} (doctype, field, value) values (${setting.doctype}, ${setting.field}, ${world.strictLinks ? '1' : '0'})`,
    )
    for (const kind of ['meta', 'access', 'config'] as const) await bumpEpoch(ctx, kind)
  })
}

/** The world's documents, and what was shared of them, as at its beginning; rights stay as they are. */
export async function writeDocuments(ctx: Context, world: World): Promise<void> {
  for (const doctype of [...worldDocTypes, 'Case Visit', 'DocShare']) await empty(ctx, doctype)
  for (const fact of world.documents) await addDocument(ctx, await ctx.site.meta.get(fact.doctype), fact)
  for (const { user, doctype, name, rights } of world.shares)
    await addRow(ctx, await ctx.site.meta.get('DocShare'), {
      name: hashName(),
      user: user ?? null,
      everyone: user ? 0 : 1,
      share_doctype: doctype,
      share_name: name,
      ...Object.fromEntries(rights.map((right) => [right, 1])),
    })
}

/** Runs a statement as it is. */
export async function run(ctx: Context, statement: Sql): Promise<void> {
  await ctx.db.execute(ctx.db.dialect.compile(statement))
}

async function empty(ctx: Context, doctype: string): Promise<void> {
  await run(ctx, sql`delete from ${ident((await ctx.site.meta.get(doctype)).table)}`)
}

async function addDocument(ctx: Context, meta: Meta, fact: DocumentFact): Promise<void> {
  const values = valuesOf(fact)
  if (meta.name === 'Organization') values.organization_name = fact.name
  await addRow(ctx, meta, values)
  for (const [at, child] of ((values.visits ?? []) as Record<string, unknown>[]).entries())
    await addRow(ctx, await ctx.site.meta.get('Case Visit'), {
      name: `${fact.name}-${at}`,
      parent: fact.name,
      parenttype: 'Case',
      parentfield: 'visits',
      idx: at + 1,
      ...child,
    })
}

/** Stores one row; numbers that are not given are 0, times are those of an hour long ago. */
export async function addRow(ctx: Context, meta: Meta, values: Record<string, unknown>): Promise<void> {
  const time = '2026-11-20 10:00:00.000000'
  const row: Record<string, unknown> = {
    doctype: meta.name,
    owner: 'Administrator',
    modified_by: 'Administrator',
    creation: time,
    modified: time,
  }
  for (const column of meta.columns) if (column.type.kind === 'number' || column.type.kind === 'decimal') row[column.fieldname] = 0
  await insertRows(ctx.db, meta, [{ ...row, ...values } as AnyDocument])
}
