import { type ColumnKind, matches } from '#client/rules/evaluate-predicate.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { columnKind } from './columns.ts'
import type { VirtualQuery } from './virtual.ts'

/**
 * A page of a virtual DocType whose rows can be read one after another: for small sets, filtered and sorted in memory.
 * @param rows in document form, the latest first; read no further than the page needs where no other order is asked for
 */
export async function pageOf<R extends Record<string, unknown>>(
  meta: Meta,
  rows: AsyncIterable<R> | Iterable<R>,
  query: VirtualQuery,
): Promise<R[]> {
  const [first] = query.orderBy
  const isAsRead = !first || (first.field === 'creation' && first.direction === 'desc')
  const end = query.start + query.limit
  const found: R[] = []
  for await (const row of rows) {
    if (holds(meta, query, row)) found.push(row)
    if (isAsRead && found.length >= end) break
  }
  if (!isAsRead) found.sort((a, b) => compare(a, b, query))
  return found.slice(query.start, end)
}

function holds(meta: Meta, { condition }: VirtualQuery, row: object): boolean {
  const kindOf = (name: string): ColumnKind => {
    const field = meta.column.get(name)
    return field ? columnKind(field) : 'text'
  }
  return matches(condition, row, { kindOf, children: () => [], childKind: () => 'text', shared: () => false })
}

function compare(a: Record<string, unknown>, b: Record<string, unknown>, { orderBy }: VirtualQuery): number {
  for (const { field, direction } of orderBy) {
    const [one, other] = [a[field] ?? '', b[field] ?? ''] as [string | number, string | number]
    if (one === other) continue
    const isLess = typeof one === 'number' && typeof other === 'number' ? one < other : String(one) < String(other)
    return isLess === (direction === 'asc') ? -1 : 1
  }
  return 0
}
