import type { Context } from '#kernel/context/context.ts'
import type { SqlValue } from '#kernel/database/database.ts'
import { ident, type Sql, sql } from '#kernel/database/sql.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { LinkNotFound } from '#kernel/permissions/errors.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import { holdLock } from './counters.ts'
import type { AnyDocument } from './document.ts'
import { TreeLoop, TreeNotLeaf } from './errors.ts'

interface Place {
  lft: number
  rgt: number
}

/** Changes of one tree wait for each other until the transaction ends. Taken before any row of the tree is locked. */
export async function lockTree(ctx: Context, meta: Meta): Promise<void> {
  await holdLock(ctx, `tree:${meta.name}`)
}

/**
 * Keeps the nested set of a tree DocType: every node spans the numbers of what lies below it. Changes of one tree wait for each
 * other (`lockTree`), because each shifts the numbers of others.
 * @throws TreeLoop, LinkNotFound when the parent went away meanwhile
 */
export async function placeInTree(ctx: Context, meta: Meta, document: AnyDocument, before: AnyDocument | undefined): Promise<void> {
  if (!meta.isTree) return
  const parentField = meta.parentField
  const fields = document as Record<string, unknown>
  const parent = (fields[parentField] as string | null) || null
  const earlier = ((before as Record<string, unknown> | undefined)?.[parentField] as string | null | undefined) || null
  if (before && parent === earlier) return
  await lockTree(ctx, meta)
  if (!before) await openSpan(ctx, meta, document, parent)
  else await moveSpan(ctx, meta, document, parent)
  fields.old_parent = parent
  if (meta.column.has('old_parent'))
    await run(ctx, sql`update ${ident(meta.table)} set old_parent = ${parent} where name = ${document.name}`)
  const place = await placeOf(ctx, meta, document.name)
  fields.lft = place.lft
  fields.rgt = place.rgt
  // Rights may cover descendants; who derived the old ones must look again.
  await bumpEpoch(ctx, 'access')
}

/** @throws TreeNotLeaf when something lies below the document */
export async function removeFromTree(ctx: Context, meta: Meta, document: AnyDocument): Promise<void> {
  if (!meta.isTree) return
  await lockTree(ctx, meta)
  const { lft, rgt } = await placeOf(ctx, meta, document.name)
  if (rgt - lft > 1) throw new TreeNotLeaf({ doctype: meta.name, name: String(document.name) })
  await run(ctx, sql`update ${ident(meta.table)} set lft = 0, rgt = 0 where name = ${document.name}`)
  await shift(ctx, meta, rgt, -(rgt - lft + 1))
  await bumpEpoch(ctx, 'access')
}

async function openSpan(ctx: Context, meta: Meta, document: AnyDocument, parent: string | null): Promise<void> {
  const at = parent === null ? (await lastNumber(ctx, meta)) + 1 : (await placeOfParent(ctx, meta, parent)).rgt
  if (parent !== null) {
    if (parent === document.name) throw new TreeLoop({ doctype: meta.name, name: String(document.name), field: meta.parentField })
    await shift(ctx, meta, at - 1, 2)
  }
  await run(ctx, sql`update ${ident(meta.table)} set lft = ${at}, rgt = ${at + 1} where name = ${document.name}`)
}

async function moveSpan(ctx: Context, meta: Meta, document: AnyDocument, parent: string | null): Promise<void> {
  const own = await placeOf(ctx, meta, document.name)
  const width = own.rgt - own.lft + 1
  if (parent !== null) {
    const target = await placeOfParent(ctx, meta, parent)
    if (target.lft >= own.lft && target.rgt <= own.rgt)
      throw new TreeLoop({ doctype: meta.name, name: String(document.name), field: meta.parentField })
  }
  // Step aside into negative numbers, close the gap, open one at the new place, step in.
  await run(ctx, sql`update ${ident(meta.table)} set lft = -lft, rgt = -rgt where lft >= ${own.lft} and rgt <= ${own.rgt}`)
  await shift(ctx, meta, own.rgt, -width)
  const at = parent === null ? (await lastNumber(ctx, meta)) + 1 : (await placeOf(ctx, meta, parent)).rgt
  if (parent !== null) await shift(ctx, meta, at - 1, width)
  const by = at - own.lft
  await run(ctx, sql`update ${ident(meta.table)} set lft = -lft + ${by}, rgt = -rgt + ${by} where lft < 0`)
}

/** Moves every number greater than `after` by `by`. */
async function shift(ctx: Context, meta: Meta, after: number, by: number): Promise<void> {
  await run(ctx, sql`update ${ident(meta.table)} set lft = lft + ${by} where lft > ${after}`)
  await run(ctx, sql`update ${ident(meta.table)} set rgt = rgt + ${by} where rgt > ${after}`)
}

async function placeOf(ctx: Context, meta: Meta, name: SqlValue): Promise<Place> {
  const [row] = await ctx.db.query<{ lft: number; rgt: number }>(
    ctx.db.dialect.compile(sql`select lft, rgt from ${ident(meta.table)} where name = ${name}`),
  )
  return { lft: Number(row?.lft ?? 0), rgt: Number(row?.rgt ?? 0) }
}

async function placeOfParent(ctx: Context, meta: Meta, name: string): Promise<Place> {
  const place = await placeOf(ctx, meta, name)
  if (place.rgt > 0) return place
  throw new LinkNotFound({ doctype: meta.name, field: meta.parentField, target: meta.name, value: name })
}

/** Hangs everything directly below one node below another. */
export async function moveBranches(ctx: Context, meta: Meta, from: AnyDocument, to: AnyDocument): Promise<void> {
  const parentField = ident(meta.parentField)
  const children = await ctx.db.query<{ name: string | number }>(
    ctx.db.dialect.compile(sql`select name from ${ident(meta.table)} where ${parentField} = ${String(from.name)} order by lft`),
  )
  for (const { name } of children) {
    await moveSpan(ctx, meta, { doctype: meta.name, name } as AnyDocument, String(to.name))
    await run(
      ctx,
      sql`update ${ident(meta.table)} set ${parentField} = ${String(to.name)}, old_parent = ${String(to.name)} where name = ${name}`,
    )
  }
}

async function lastNumber(ctx: Context, meta: Meta): Promise<number> {
  const [row] = await ctx.db.query<{ last: number | null }>(ctx.db.dialect.compile(sql`select max(rgt) as last from ${ident(meta.table)}`))
  return Number(row?.last ?? 0)
}

async function run(ctx: Context, statement: Sql): Promise<void> {
  await ctx.db.execute(ctx.db.dialect.compile(statement))
}
