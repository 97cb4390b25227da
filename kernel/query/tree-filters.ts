import type { FilterLeaf } from '#client/rules/filters.ts'
import { and, always, never, type Predicate, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { readingAccess } from './access.ts'
import { conditionSql } from './columns.ts'
import { FieldNotPermitted, QueryMalformed, TooCostly } from './errors.ts'
import type { FilterTarget, TreeOperator } from './filter-values.ts'

const treeOperators: ReadonlySet<string> = new Set<TreeOperator>([
  'descendants of',
  'descendants of (inclusive)',
  'not descendants of',
  'ancestors of',
  'not ancestors of',
])
const maxNodes = 10_000

export function isTreeCondition(leaf: FilterLeaf): boolean {
  return treeOperators.has(leaf.operator)
}

/**
 * A condition on the place in a tree, as a list of the nodes' names. The field is a link to a tree DocType, or the name of a document that
 * is itself a node. Nodes that the user may not see are left out of the list.
 * @throws QueryMalformed, FieldNotPermitted, TooCostly
 */
export async function treeCondition(ctx: Context, target: FilterTarget, meta: Meta, leaf: FilterLeaf): Promise<Predicate> {
  const isName = target.field.fieldname === 'name'
  if (!isName && target.field.fieldtype !== 'Link')
    throw new QueryMalformed({ field: leaf.path, reason: `${target.field.fieldname} is no link to a tree` })
  const tree = isName ? meta : await ctx.site.meta.get(target.field.options ?? '')
  if (!tree.isTree) throw new QueryMalformed({ field: leaf.path, reason: `${tree.name} is no tree` })
  const names = await nodes(ctx, tree, leaf)
  const isNot = leaf.operator.startsWith('not ')
  if (names.length === 0) return isNot ? always : never
  return where(target.key, isNot ? 'not in' : 'in', names)
}

async function nodes(ctx: Context, tree: Meta, leaf: FilterLeaf): Promise<unknown[]> {
  const access = await readingAccess(ctx, tree)
  if (!access) throw new FieldNotPermitted({ field: leaf.path, doctype: tree.name, name: 'name' })
  const { dialect } = ctx.db
  const [node] = await ctx.db.query<{ lft: number; rgt: number }>(
    dialect.compile(sql`select lft, rgt from ${ident(tree.table)} where name = ${String(leaf.value)}`),
  )
  if (!node) return []
  const bounds = {
    up: and(where('lft', '<', node.lft), where('rgt', '>', node.rgt)),
    down: and(where('lft', '>', node.lft), where('rgt', '<', node.rgt)),
    downFromHere: and(where('lft', '>=', node.lft), where('rgt', '<=', node.rgt)),
  }
  const direction = leaf.operator.endsWith('ancestors of') ? 'up' : leaf.operator === 'descendants of (inclusive)' ? 'downFromHere' : 'down'
  const condition = await conditionSql(ctx, tree, 't', and(bounds[direction], access.grant.rows))
  const rows = await ctx.db.query<{ name: string | number }>(
    dialect.compile(sql`select t.name from ${ident(tree.table)} as t where ${condition} limit ${sql.raw(String(maxNodes + 1))}`),
  )
  if (rows.length > maxNodes) {
    throw new TooCostly({
      field: leaf.path,
      limit: maxNodes,
      what: 'nodes of a tree in one condition',
      instead: 'Start lower in the tree.',
    })
  }
  return rows.map((row) => row.name)
}
