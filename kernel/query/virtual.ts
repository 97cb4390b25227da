import { type ColumnKind, matches } from '#client/rules/evaluate-predicate.ts'
import { and, type Predicate } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import type { Value, Wire } from '#kernel/fields/field-type.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import { demandReading, type ReadingAccess, useOf } from './access.ts'
import { columnKind } from './columns.ts'
import { callerCondition } from './conditions.ts'
import { NotAList, QueryMalformed } from './errors.ts'
import type { ListAnswer, ListOptions } from './options.ts'
import { parseFields } from './parse-fields.ts'
import { parseGroup, parseOrder } from './parse-order.ts'
import { maskValue } from '#client/rules/masking.ts'
import { Scope } from './scope.ts'

/** What the controller of a virtual DocType is asked for. Values in the condition are in document form. */
export interface VirtualQuery {
  /** The caller's filters and the user's rights; the kernel checks each row again. */
  readonly condition: Predicate
  readonly orderBy: readonly { readonly field: string; readonly direction: 'asc' | 'desc' }[]
  readonly start: number
  /** One more than the page shows. */
  readonly limit: number
}

/** Static functions a virtual DocType's controller brings to be listed and counted. */
export interface VirtualList {
  /** Rows in document form, from `start` on. */
  get_list?(ctx: Context, query: VirtualQuery): Promise<readonly object[]> | readonly object[]
  get_count?(ctx: Context, query: Pick<VirtualQuery, 'condition'>): Promise<number> | number
}

const documentForm: Wire = { version: 1, zone: 'UTC' }

/** Lists a virtual DocType through its controller. Plain fields only. @throws NotAList, and as `list` */
export async function listVirtual(
  ctx: Context,
  meta: Meta,
  options: ListOptions,
  page: { start: number; limit: number },
): Promise<ListAnswer> {
  const controller = controllerOf(ctx, meta)
  if (!controller.get_list) throw new NotAList({ doctype: meta.name, reason: 'its controller has no get_list' })
  if (options.after || parseGroup(options.groupBy).length)
    throw new NotAList({ doctype: meta.name, reason: 'virtual DocTypes have neither groups nor cursors' })
  const access = await demandReading(ctx, meta)
  const scope = new Scope(ctx, meta, access)
  const fields = await selected(scope, access, options)
  const asked = await callerCondition(scope, options.filters, options.orFilters, options.wire)
  const condition = and(asked, access.grant.rows, ...(options.within ? [options.within] : []))
  const orderBy = []
  for (const { expression, direction, path } of parseOrder(options.orderBy)) {
    if (expression.kind !== 'field') throw new QueryMalformed({ field: path, reason: 'only a field may stand here' })
    orderBy.push({ field: (await scope.resolve(expression.ref, 'order', path)).field.fieldname, direction })
  }
  const found = await controller.get_list(ctx, { condition, orderBy, start: page.start, limit: page.limit + 1 })
  const rows = found.filter((row) => holds(ctx, meta, condition, row))
  const shown = rows.slice(0, page.limit)
  return { rows: shown.map((row) => wireRow(row as Record<string, unknown>, fields, options.wire)), hasNextPage: found.length > page.limit }
}

/** @throws NotAList */
export async function countVirtual(
  ctx: Context,
  meta: Meta,
  options: { filters?: unknown; orFilters?: unknown; upTo?: number; wire: Wire },
): Promise<number> {
  const controller = controllerOf(ctx, meta)
  if (!controller.get_count) throw new NotAList({ doctype: meta.name, reason: 'its controller has no get_count' })
  const access = await demandReading(ctx, meta)
  const condition = and(
    await callerCondition(new Scope(ctx, meta, access), options.filters, options.orFilters, options.wire),
    access.grant.rows,
  )
  const counted = Number(await controller.get_count(ctx, { condition }))
  return options.upTo === undefined ? counted : Math.min(counted, options.upTo)
}

function controllerOf(ctx: Context, meta: Meta): VirtualList {
  const controller = ctx.site.apps.controller(meta.name) as (VirtualList & object) | undefined
  if (!controller) throw new NotAList({ doctype: meta.name, reason: 'it is virtual and has no controller' })
  return controller
}

interface VirtualField {
  readonly key: string
  readonly field: MetaField
  readonly masked: boolean
}

async function selected(scope: Scope, access: ReadingAccess, options: ListOptions): Promise<VirtualField[]> {
  const fields = new Map<string, VirtualField>()
  for (const item of parseFields(options.fields).items) {
    if (item.kind === 'all') {
      for (const field of scope.meta.columns) {
        const use = useOf(access, field)
        if (use !== 'hidden') fields.set(field.fieldname, { key: field.fieldname, field, masked: use === 'masked' })
      }
    } else if (item.kind === 'field' && item.ref.table === undefined) {
      const { field, masked } = await scope.resolve(item.ref, 'show', item.path)
      const key = item.alias ?? field.fieldname
      fields.set(key, { key, field, masked })
    } else {
      throw new QueryMalformed({ field: item.path, reason: 'a virtual DocType has plain fields only' })
    }
  }
  return [...fields.values()]
}

function holds(ctx: Context, meta: Meta, condition: Predicate, row: object): boolean {
  const kindIn = (owner: Meta | undefined, name: string): ColumnKind => {
    const field = owner?.column.get(name)
    return field ? columnKind(field) : 'text'
  }
  return matches(condition, row, {
    kindOf: (name) => kindIn(meta, name),
    children: (table) => {
      const rows = (row as Record<string, unknown>)[table]
      return Array.isArray(rows) ? rows : []
    },
    childKind: (table, name) => kindIn(ctx.site.meta.cached(meta.field.get(table)?.options ?? ''), name),
    shared: () => false, // what is not stored cannot be shared
  })
}

function wireRow(row: Record<string, unknown>, fields: readonly VirtualField[], wire: Wire): Record<string, unknown> {
  const made: Record<string, unknown> = {}
  for (const { key, field, masked } of fields) {
    const value: Value = field.type.cast(row[field.fieldname] ?? null, field, documentForm, field.fieldname)
    const shown = value === null ? null : field.type.toWire(value, wire)
    made[key] = masked ? maskValue(shown, field) : shown
  }
  return made
}
