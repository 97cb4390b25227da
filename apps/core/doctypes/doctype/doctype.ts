import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { type AnyDocument, Document } from '#kernel/documents/document.ts'
import { holdLock } from '#kernel/documents/counters.ts'
import { remove } from '#kernel/documents/remove.ts'
import { readRows } from '#kernel/documents/rows.ts'
import { demandSound } from '#kernel/meta/check-definition.ts'
import { definitionFromDocument } from '#kernel/meta/stored-definition.ts'
import { bootstrapDocTypes } from '#kernel/meta/store.ts'
import { metaWithin } from '#kernel/meta/within.ts'
import { syncSchema } from '#kernel/schema/apply.ts'
import { columnRecordTable } from '#kernel/schema/system-tables.ts'
import { syncWithin } from '#kernel/schema/within.ts'
import { DocTypeHasDocuments, DocTypeOfApp } from './errors.ts'

interface DocTypeFields {
  module: string | null
  app: string | null
  custom: 0 | 1
  istable: 0 | 1
  issingle: 0 | 1
  is_virtual: 0 | 1
}

/** A DocType made or changed while the site runs: checked, and its table follows in the same transaction. */
export default class DocType extends Document<DocTypeFields> {
  before_insert(): void {
    // Those of apps come with a migration and never pass here.
    this.custom = 1
    this.app = null
    this.module ||= 'Custom'
  }

  async validate(ctx: Context): Promise<void> {
    if (this.app) throw new DocTypeOfApp({ doctype: this.name, app: this.app })
    demandSound(definitionFromDocument(this as unknown as AnyDocument), { strict: true })
    await holdLock(ctx, 'schema')
  }

  async on_update(ctx: Context): Promise<void> {
    const meta = await metaWithin(ctx, this.name)
    await syncWithin(ctx.site.database, await ctx.db.begin(), [meta], { scopes: ctx.site.apps.scopes })
  }

  async on_trash(ctx: Context): Promise<void> {
    if (this.app || (bootstrapDocTypes as readonly string[]).includes(this.name))
      throw new DocTypeOfApp({ doctype: this.name, app: this.app ?? 'core' })
    await removeCustomisations(ctx, this.name)
    if (this.issingle || this.is_virtual) return
    await holdLock(ctx, 'schema')
    const table = ident(`tab${this.name}`)
    // Whoever is writing a document at this moment finishes first, and is counted.
    if (ctx.db.dialect.name === 'postgres') await ctx.db.execute(ctx.db.dialect.compile(sql`lock table ${table} in access exclusive mode`))
    const [row] = await ctx.db.query(ctx.db.dialect.compile(sql`select name from ${table} limit 1`))
    if (row) throw new DocTypeHasDocuments({ doctype: this.name })
  }

  async after_delete(ctx: Context): Promise<void> {
    if (this.issingle) await ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${ident('tabSingles')} where doctype = ${this.name}`))
    else if (!this.is_virtual) {
      const statement = `drop table ${ctx.db.dialect.quote(`tab${this.name}`)}`
      // MariaDB would end the transaction at a change of schema; there the empty table goes once the definition is gone for good.
      if (ctx.db.dialect.name === 'mariadb') ctx.afterCommit(() => ctx.site.database.alter([statement]))
      else await ctx.db.execute({ sql: statement, parameters: [] })
      if (ctx.db.dialect.name === 'sqlite')
        await ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${ident(columnRecordTable)} where table_name = ${`tab${this.name}`}`))
    }
  }

  before_rename(): void {
    if (this.app) throw new DocTypeOfApp({ doctype: this.name, app: this.app })
  }

  async after_rename(ctx: Context, { old, new: renamed }: { old: string; new: string }): Promise<void> {
    const { dialect } = ctx.db
    for (const table of ['tabDocField', 'tabCustom Field'])
      await ctx.db.execute(
        dialect.compile(
          sql`update ${ident(table)} set options = ${renamed} where options = ${old} and fieldtype in ('Link', 'Table', 'Table MultiSelect')`,
        ),
      )
    for (const child of await ctx.site.meta.all())
      if (child.isTable && child.name !== old)
        await ctx.db.execute(dialect.compile(sql`update ${ident(child.table)} set parenttype = ${renamed} where parenttype = ${old}`))
    for (const table of ['tabSingles', '__Auth'])
      await ctx.db.execute(dialect.compile(sql`update ${ident(table)} set doctype = ${renamed} where doctype = ${old}`))
    if (this.issingle || this.is_virtual) return
    const { database, apps } = ctx.site
    const meta = await metaWithin(ctx, renamed)
    const statement = `alter table ${dialect.quote(`tab${old}`)} rename to ${dialect.quote(`tab${renamed}`)}`
    // MariaDB would end the transaction here, and waits for whoever has read the table: this very transaction, maybe.
    if (dialect.name === 'mariadb') {
      ctx.afterCommit(async () => {
        await database.alter([statement])
        await syncSchema(database, [meta], { scopes: apps.scopes })
      })
      return
    }
    await ctx.db.execute({ sql: statement, parameters: [] })
    if (dialect.name === 'sqlite') {
      const record = ident(columnRecordTable)
      await ctx.db.execute(dialect.compile(sql`update ${record} set table_name = ${meta.table} where table_name = ${`tab${old}`}`))
    }
    // Indexes are named after their table.
    await syncWithin(database, await ctx.db.begin(), [meta], { scopes: apps.scopes })
  }
}

/** What a site added to a DocType is nothing without it. */
async function removeCustomisations(ctx: Context, doctype: string): Promise<void> {
  for (const [records, column] of [
    ['Custom Field', 'dt'],
    ['Property Setter', 'doc_type'],
    ['Custom DocPerm', 'parent'],
  ] as const) {
    const meta = await ctx.site.meta.get(records)
    for (const record of await readRows(ctx.db, ctx.site.meta, meta, sql`${ident(column)} = ${doctype}`))
      await remove(ctx, records, record.name)
  }
}
