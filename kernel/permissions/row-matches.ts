import { type ColumnKind, matches } from '#client/rules/evaluate-predicate.ts'
import { isAlways, isNever, type Predicate, type SharedCondition } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { readRows } from '#kernel/documents/rows.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import type { Grant } from './grant.ts'
import { isShared } from './shares.ts'

/**
 * Decides in memory whether a grant's rows include a document; the same answer as the SQL made of the grant. App checks are not
 * part of it: see `can`.
 */
export async function rowMatches(ctx: Context, grant: Grant, document: AnyDocument): Promise<boolean> {
  if (!grant.allowed) return false
  if (isAlways(grant.rows)) return true
  return predicateMatches(ctx, await ctx.site.meta.get(grant.doctype), grant.rows, document)
}

/**
 * Evaluates a condition on a document. Shares are looked up only when the answer depends on them; child rows that the document does
 * not carry are read.
 */
export async function predicateMatches(ctx: Context, meta: Meta, predicate: Predicate, document: AnyDocument): Promise<boolean> {
  if (isAlways(predicate)) return true
  if (isNever(predicate)) return false
  const needs: Needs = { tables: new Set(), shares: [], isShareNegated: false }
  collect(predicate, false, needs)
  const children = await childRows(ctx, meta, needs.tables, document)
  const evaluate = (shared: (condition: SharedCondition) => boolean) =>
    matches(predicate, document, {
      kindOf: (field) => kindOf(meta, field),
      children: (table) => children.get(table)?.rows ?? unknownTable(meta, table),
      childKind: (table, field) => kindOf(children.get(table)?.meta ?? unknownTable(meta, table), field),
      shared: (right, user) => shared({ shared: right, user }),
    })
  const unshared = evaluate(() => false)
  if (needs.shares.length === 0) return unshared
  if (!needs.isShareNegated && (unshared || !evaluate(() => true))) return unshared
  const found = new Map<string, boolean>()
  for (const share of needs.shares) found.set(shareKey(share), await isShared(ctx, meta.name, String(document.name), share))
  return evaluate((share) => found.get(shareKey(share)) === true)
}

interface Needs {
  readonly tables: Set<string>
  readonly shares: SharedCondition[]
  isShareNegated: boolean
}

function collect(predicate: Predicate, isNegated: boolean, needs: Needs): void {
  if ('field' in predicate) return
  if ('all' in predicate) for (const part of predicate.all) collect(part, isNegated, needs)
  else if ('any' in predicate) for (const part of predicate.any) collect(part, isNegated, needs)
  else if ('not' in predicate) collect(predicate.not, !isNegated, needs)
  else if ('child' in predicate) {
    needs.tables.add(predicate.child)
    collect(predicate.where, isNegated !== (predicate.none === true), needs)
  } else {
    needs.shares.push(predicate)
    needs.isShareNegated ||= isNegated
  }
}

function shareKey(share: SharedCondition): string {
  return `${share.shared} ${share.user}`
}

interface ChildRows {
  readonly meta: Meta
  readonly rows: readonly object[]
}

async function childRows(ctx: Context, meta: Meta, tables: ReadonlySet<string>, document: AnyDocument): Promise<Map<string, ChildRows>> {
  const found = new Map<string, ChildRows>()
  for (const fieldname of tables) {
    const field = meta.tables.find((table) => table.fieldname === fieldname) ?? unknownTable(meta, fieldname)
    const child = await ctx.site.meta.get(field.options ?? '')
    const carried = document[fieldname]
    const rows = Array.isArray(carried)
      ? (carried as object[])
      : await readRows(
          ctx.db,
          ctx.site.meta,
          child,
          sql`parent = ${String(document.name)} and parenttype = ${meta.name} and parentfield = ${fieldname}`,
        )
    found.set(fieldname, { meta: child, rows })
  }
  return found
}

function kindOf(meta: Meta, fieldname: string): ColumnKind {
  const kind = meta.column.get(fieldname)?.type.kind
  if (kind === undefined || kind === 'table' || kind === 'none')
    throw new Error(`A permission rule names ${fieldname}, which ${meta.name} does not store.`)
  return kind
}

function unknownTable(meta: Meta, fieldname: string): never {
  throw new Error(`A permission rule names ${fieldname}, which is no table of ${meta.name}.`)
}
