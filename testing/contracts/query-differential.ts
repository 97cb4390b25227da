import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { matches, type RowFacts } from '#client/rules/evaluate-predicate.ts'
import { list } from '#kernel/query/list.ts'
import { callerCondition } from '#kernel/query/conditions.ts'
import { demandReading } from '#kernel/query/access.ts'
import { columnKind } from '#kernel/query/columns.ts'
import { Scope } from '#kernel/query/scope.ts'
import type { QuerySite } from '#testing/query-site.ts'

const wire = { version: 1, zone: 'Europe/Berlin' } as const
const words = ['', 'a', 'A', 'ab', 'Äb', 'äB', '100%', 'a_b', 'a\\b', 'ß', "o'x", '😀']
const word = fc.constantFrom(...words)
const days = fc.constantFrom('2026-01-01', '2026-03-29', '2026-11-20', '1999-12-31')
const moments = fc.constantFrom('2026-03-29 00:30:00', '2026-03-28 23:59:59.999999', '2026-11-20 12:00:00', '2026-11-19 23:00:00')
const money = fc.constantFrom('0', '0.1', '-0.1', '9.99', '10', '123456789012.000000001')

const values: Record<string, fc.Arbitrary<unknown>> = {
  subject: word,
  status: fc.constantFrom('Open', 'Closed', ''),
  priority: fc.integer({ min: -2, max: 3 }),
  cost: money,
  rate: fc.constantFrom(0, 0.1, -0.5, 3),
  due: days,
  opened: moments,
  urgent: fc.constantFrom(0, 1),
  client: fc.constantFrom('', 'D1', 'D2'),
  name: fc.constantFrom('R1', 'R7', 'x'),
}
const item: Record<string, fc.Arbitrary<unknown>> = { item: word, qty: fc.integer({ min: 0, max: 3 }), price: money }
const missing = (value: fc.Arbitrary<unknown>) => fc.oneof({ weight: 1, arbitrary: fc.constant(null) }, { weight: 4, arbitrary: value })

const document = fc.record({
  ...Object.fromEntries(
    Object.entries(values)
      .filter(([name]) => name !== 'name')
      .map(([name, value]) => [name, missing(value)]),
  ),
  items: fc.array(fc.record(Object.fromEntries(Object.entries(item).map(([name, value]) => [name, missing(value)]))), { maxLength: 2 }),
})

const patterns = fc
  .array(fc.constantFrom('a', 'A', 'ä', '%', '%', '_', '\\%', '\\\\', '1', 'ß'), { maxLength: 4 })
  .map((all) => all.join(''))

/** One condition as a client writes it. */
function leaf(): fc.Arbitrary<unknown[]> {
  const own = fc
    .constantFrom(...Object.keys(values))
    .map((name) => ({ place: [name], value: values[name] as fc.Arbitrary<unknown>, isDate: name === 'due' || name === 'opened' }))
  const child = fc
    .constantFrom(...Object.keys(item))
    .chain((name) =>
      fc
        .constantFrom(['Ticket Item', name], [name], [`items.${name}`])
        .map((place) => ({ place, value: item[name] as fc.Arbitrary<unknown>, isDate: false })),
    )
  return fc.oneof({ weight: 4, arbitrary: own }, { weight: 2, arbitrary: child }).chain(({ place, value, isDate }) =>
    fc
      .oneof(
        fc
          .tuple(fc.constantFrom('=', '!=', '<', '<=', '>', '>='), missing(value))
          .filter(([op, one]) => one !== null || op === '=' || op === '!='),
        fc.tuple(fc.constantFrom('in', 'not in'), fc.array(value, { minLength: 1, maxLength: 3 })),
        fc.tuple(fc.constant('between'), fc.tuple(value, value)),
        fc.tuple(fc.constant('is'), fc.constantFrom('set', 'not set')),
        fc.tuple(fc.constantFrom('like', 'not like'), patterns),
        ...(isDate
          ? [
              fc.tuple(fc.constant('timespan'), fc.constantFrom('today', 'last week', 'this year')),
              fc.tuple(fc.constant('between'), fc.tuple(days, days)),
            ]
          : []),
      )
      .map(([op, wanted]) => [...place, op, wanted]),
  )
}

const tree = fc.oneof(
  fc.array(leaf(), { minLength: 1, maxLength: 3 }),
  fc.tuple(leaf(), fc.constantFrom('and', 'or'), leaf()).map((chain) => [...chain] as unknown[]),
  fc.tuple(leaf(), leaf(), leaf()).map(([a, b, c]) => [[a, 'or', b], 'and', c] as unknown[]),
)

/** Random filters give on the database what the in-memory evaluator gives on the same documents. */
export function differentialTests(site: () => QuerySite): void {
  test('random filters mean the same in SQL and in memory', async () => {
    const documents = fc.sample(document, { seed: 42, numRuns: 40 }).map((one, at) => ({ ...one, name: `R${at}` }))
    await site().add('Ticket', ...documents)
    const ctx = site().system
    const meta = site().meta('Ticket')
    const child = site().meta('Ticket Item')
    const stored = (
      await list(ctx, 'Ticket', { fields: ['*', 'items'], filters: { name: ['like', 'R%'] }, limit: 0, wire: { version: 1, zone: 'UTC' } })
    ).rows
    assert.equal(stored.length, documents.length)
    const rows = stored.map((row) => inColumnForm(row, meta, child))
    const kindOf = (of: typeof meta, name: string) => columnKind(of.column.get(name) as never)
    await fc.assert(
      fc.asyncProperty(
        tree,
        fc.option(fc.array(leaf(), { minLength: 1, maxLength: 2 }), { nil: undefined }),
        async (filters, orFilters) => {
          const scope = new Scope(ctx, meta, await demandReading(ctx, meta))
          const condition = await callerCondition(scope, filters, orFilters, wire)
          const expected = rows
            .filter((row) => {
              const facts: RowFacts = {
                kindOf: (name) => kindOf(meta, name),
                childKind: (_, name) => kindOf(child, name),
                children: (table) => row[table] as object[],
                shared: () => false,
              }
              return matches(condition, row, facts)
            })
            .map((row) => row.name)
          const both = [filters, 'and', [['name', 'like', 'R%']]]
          const found = await list(ctx, 'Ticket', { filters: both, orFilters, orderBy: 'name', limit: 0, wire })
          assert.deepEqual(found.rows.map((row) => row.name).sort(), expected.sort())
        },
      ),
      { numRuns: 150, seed: 7 },
    )
  })
}

function inColumnForm(
  row: Record<string, unknown>,
  meta: ReturnType<QuerySite['meta']>,
  child: ReturnType<QuerySite['meta']>,
): Record<string, unknown> {
  const cast = (values: Record<string, unknown>, of: typeof meta) => {
    const made: Record<string, unknown> = {}
    for (const column of of.columns) {
      const value = values[column.fieldname]
      made[column.fieldname] =
        value === undefined
          ? null
          : column.type.cast(
              typeof value === 'object' && value !== null ? JSON.stringify(value) : value,
              column,
              { version: 1, zone: 'UTC' },
              column.fieldname,
            )
    }
    return made
  }
  return { ...cast(row, meta), items: (row.items as Record<string, unknown>[]).map((one) => cast(one, child)) }
}
