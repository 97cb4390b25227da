import assert from 'node:assert/strict'
import { before, suite, test } from 'node:test'
import fc from 'fast-check'
import { type ColumnKind, matches, type RowFacts } from '#client/rules/evaluate-predicate.ts'
import type { Comparison, Predicate } from '#client/rules/predicate.ts'
import type { Database, SqlValue, Storage } from '#kernel/database/database.ts'
import { type PredicateColumn, type PredicateColumns, predicateToSql } from '#kernel/database/predicate-sql.ts'
import { ident, join, type Sql, sql, tableOf } from '#kernel/database/sql.ts'

const doctype = 'Predicate Row'
const childDoctype = 'Predicate Child'

interface Field {
  storage: Storage
  kind: ColumnKind
  nullable: boolean
  values: fc.Arbitrary<string | number | null>
}

// Letters that engines like to fold, sort or escape differently.
const letters = [
  'a',
  'A',
  'b',
  'k',
  'K',
  '\u212a',
  'i',
  'I',
  'İ',
  'ı',
  'ß',
  'é',
  'É',
  'e\u0301',
  'Σ',
  'σ',
  'ς',
  'Ж',
  'ж',
  '😀',
  '\uff5e',
  '%',
  '_',
  '\\',
  ' ',
  "'",
  '"',
  '{',
  ',',
]
const word = fc.oneof(
  { weight: 1, arbitrary: fc.constant('') },
  { weight: 6, arbitrary: fc.array(fc.constantFrom(...letters), { maxLength: 4 }).map((all) => all.join('')) },
)
const pattern = fc
  .array(fc.constantFrom(...letters, '%', '%', '%', '_', '\\%', '\\_', '\\\\', '\\a'), { maxLength: 4 })
  .map((all) => all.join(''))
const missing = <T>(values: fc.Arbitrary<T>) => fc.oneof({ weight: 1, arbitrary: fc.constant(null) }, { weight: 4, arbitrary: values })
const decimals = fc.constantFrom('0', '0.1', '-0.1', '1', '10', '9.99', '-3', '123456789012.000000001', '-999999999999.999999999')

const fields: Record<string, Field> = {
  title: { storage: { kind: 'text', length: 140 }, kind: 'text', nullable: true, values: missing(word) },
  notes: { storage: { kind: 'text' }, kind: 'text', nullable: false, values: word },
  idx: { storage: { kind: 'integer' }, kind: 'number', nullable: true, values: missing(fc.constantFrom(0, 1, -1, 2, 10, 2147483647)) },
  size: {
    storage: { kind: 'bigint' },
    kind: 'number',
    nullable: true,
    values: missing(fc.constantFrom(0, 1, -5, Number.MAX_SAFE_INTEGER)),
  },
  ratio: { storage: { kind: 'float' }, kind: 'number', nullable: true, values: missing(fc.constantFrom(0, 0.1, -0.5, 3, 1e-7, 12345.678)) },
  amount: { storage: { kind: 'decimal' }, kind: 'decimal', nullable: true, values: missing(decimals) },
  day: {
    storage: { kind: 'date' },
    kind: 'date',
    nullable: true,
    values: missing(fc.constantFrom('0001-01-01', '2026-02-28', '2026-03-01', '1999-12-31')),
  },
  moment: {
    storage: { kind: 'datetime' },
    kind: 'datetime',
    nullable: true,
    values: missing(fc.constantFrom('0001-01-01 00:00:00.000000', '2026-02-28 10:00:00.000000', '2026-02-28 10:00:00.000001')),
  },
  hour: {
    storage: { kind: 'time' },
    kind: 'time',
    nullable: true,
    values: missing(fc.constantFrom('00:00:00.000000', '09:30:00.000000', '23:59:59.999999')),
  },
}
const childFields: Record<string, Field> = { item: fields.title as Field, qty: fields.idx as Field }

/** Comparison values that no column holds: more places or digits than fit, fractions for integers. */
const outsiders: Partial<Record<ColumnKind, fc.Arbitrary<string | number>>> = {
  number: fc.constantFrom(0.5, -0.25, 4294967296, 1e15, '2', 1.5e-9),
  decimal: fc.constantFrom('0.0999999999', '0.10000000001', '-0.10000000001', '1e20', '-1e20', 5, 0.1),
}

function comparisons(known: Record<string, Field>): fc.Arbitrary<Comparison> {
  return fc.constantFrom(...Object.keys(known)).chain((field) => {
    const { kind, values } = known[field] as Field
    const outside = outsiders[kind]
    const value: fc.Arbitrary<unknown> = outside ? fc.oneof({ weight: 3, arbitrary: values }, { weight: 1, arbitrary: outside }) : values
    const longList = fc.array(value, { minLength: 3, maxLength: 3 }).map((some) => [...some, ...filler(kind)])
    return fc.oneof(
      fc.record({ field: fc.constant(field), op: fc.constantFrom('=', '!=', '<', '<=', '>', '>='), value }),
      fc.record({
        field: fc.constant(field),
        op: fc.constantFrom('like', 'not like'),
        value: kind === 'text' ? pattern : fc.constantFrom('%', '0%', '%1%', '1', '0', '%-__-%', '-%', '%.1', ''),
      }),
      fc.record({
        field: fc.constant(field),
        op: fc.constantFrom('in', 'not in'),
        value: fc.oneof({ weight: 5, arbitrary: fc.array(value, { maxLength: 4 }) }, { weight: 1, arbitrary: longList }),
      }),
      fc.record({ field: fc.constant(field), op: fc.constant('between'), value: fc.tuple(value, value) }),
      fc.record({ field: fc.constant(field), op: fc.constantFrom('set', 'not set') }),
    ) as fc.Arbitrary<Comparison>
  })
}

/** Enough values to make a list travel as one parameter. */
function filler(kind: ColumnKind): unknown[] {
  const make: Record<ColumnKind, (at: number) => unknown> = {
    text: (at) => `filler "${at}" \\ {}`,
    number: (at) => 1000 + at,
    decimal: (at) => `77.${at + 1}`,
    date: (at) => `2001-01-${String((at % 28) + 1).padStart(2, '0')}`,
    datetime: (at) => `2001-01-01 00:00:00.${String(at).padStart(6, '0')}`,
    time: (at) => `01:00:00.${String(at).padStart(6, '0')}`,
  }
  return Array.from({ length: 150 }, (_, at) => make[kind](at))
}

function group(inner: fc.Arbitrary<Predicate>): fc.Arbitrary<Predicate> {
  return fc.oneof(
    fc.record({ all: fc.array(inner, { maxLength: 3 }) }),
    fc.record({ any: fc.array(inner, { maxLength: 3 }) }),
    fc.record({ not: inner }),
  )
}

const childConditions: fc.Arbitrary<Predicate> = fc.record({
  child: fc.constant('items'),
  where: fc.oneof(comparisons(childFields), group(comparisons(childFields))),
  none: fc.boolean(),
})
const shares: Predicate[] = [
  { shared: 'read', user: 'dana' },
  { shared: 'write', user: 'dana' },
  { shared: 'submit', user: 'omar' },
]
const { tree } = fc.letrec<{ tree: Predicate; leaf: Predicate }>((tie) => ({
  leaf: fc.oneof(
    { weight: 8, arbitrary: comparisons(fields) },
    { weight: 1, arbitrary: childConditions },
    { weight: 1, arbitrary: fc.constantFrom(...shares) },
  ),
  tree: fc.oneof({ depthSize: 'small', maxDepth: 4 }, { weight: 3, arbitrary: tie('leaf') }, { weight: 2, arbitrary: group(tie('tree')) }),
}))

type Cells = Record<string, string | number | null>

interface Document {
  name: string
  cells: Cells
  items: Cells[]
}

/** Holds a driver to the in-memory evaluator: the same random conditions over the same random rows give the same names. */
export function predicateContract(
  database: () => Database,
  make: (doctype: string, columns: Record<string, Storage>) => Promise<Sql>,
): void {
  suite('row conditions', () => {
    const arbitraryCells = (known: Record<string, Field>) =>
      fc.record(Object.fromEntries(Object.entries(known).map(([name, field]) => [name, field.values])))
    const documents: Document[] = fc
      .sample(fc.tuple(arbitraryCells(fields), fc.array(arbitraryCells(childFields), { maxLength: 3 })), { numRuns: 80, seed: 20261120 })
      .map(([cells, items], at) => ({ name: `doc${at}`, cells, items }))
    const sharedWith = new Map<string, Set<string>>([
      ['read dana', new Set(['doc1', 'doc2', 'doc3'])],
      ['write dana', new Set(['doc2'])],
      ['submit omar', new Set(['doc5'])],
    ])

    before(() => fill(database(), make, documents))

    async function bySql(predicate: Predicate): Promise<string[]> {
      const db = database()
      const condition = predicateToSql(predicate, columnsOf(tableOf(doctype)), db.dialect)
      const rows = await db.query(db.dialect.compile(sql`select name from ${ident(tableOf(doctype))} where ${condition}`))
      return rows.map((row) => String(row.name)).sort()
    }

    function byMemory(predicate: Predicate): string[] {
      return documents
        .filter((document) => matches(predicate, document.cells, factsOf(document, sharedWith)))
        .map((document) => document.name)
        .sort()
    }

    test('random conditions find in SQL what they match in memory', async () => {
      await fc.assert(
        fc.asyncProperty(tree, async (predicate) => assert.deepEqual(await bySql(predicate), byMemory(predicate))),
        { seed: 7, numRuns: 400 },
      )
    })

    test('a list longer than any limit on parameters works', async () => {
      const names = Array.from({ length: 70_000 }, (_, at) => `doc${at}`)
      assert.deepEqual(await bySql({ field: 'title', op: 'in', value: [...names, ''] }), byMemory({ field: 'title', op: 'not set' }))
    })

    test('an unknown field, child table or right is refused', () => {
      const { dialect } = database()
      const refused: Predicate[] = [
        { field: 'nope', op: '=', value: 1 },
        { child: 'nope', where: { all: [] } },
        { child: 'items', where: { field: 'title', op: 'set' } },
        { child: 'items', where: { child: 'items', where: { all: [] } } },
        { shared: 'read" = 1 or 1 = 1 --' as 'read', user: 'dana' },
        { field: 'idx', op: 'constructor' as '=', value: 1 },
      ]
      for (const predicate of refused)
        assert.throws(() => predicateToSql(predicate, columnsOf(tableOf(doctype)), dialect), JSON.stringify(predicate))
    })
  })
}

function columnsOf(table: string): PredicateColumns {
  return {
    column: (field) => columnOf(table, fields, field),
    child: (field) =>
      field === 'items'
        ? { table: tableOf(childDoctype), parentDoctype: doctype, column: (inner) => columnOf(tableOf(childDoctype), childFields, inner) }
        : undefined,
    docName: sql`${ident(table)}.${ident('name')}`,
    doctype,
  }
}

function columnOf(table: string, known: Record<string, Field>, name: string): PredicateColumn | undefined {
  const field = Object.hasOwn(known, name) ? known[name] : undefined
  return field && { sql: sql`${ident(table)}.${ident(name)}`, kind: field.kind, nullable: field.nullable }
}

function factsOf(document: Document, sharedWith: Map<string, Set<string>>): RowFacts {
  return {
    kindOf: (field) => (fields[field] as Field).kind,
    children: () => document.items,
    childKind: (_table, field) => (childFields[field] as Field).kind,
    shared: (right, user) => sharedWith.get(`${right} ${user}`)?.has(document.name) ?? false,
  }
}

async function fill(
  db: Database,
  make: (doctype: string, columns: Record<string, Storage>) => Promise<Sql>,
  documents: readonly Document[],
): Promise<void> {
  const name: Storage = { kind: 'text', length: 140 }
  const flag: Storage = { kind: 'boolean' }
  const storages = (known: Record<string, Field>) =>
    Object.fromEntries(Object.entries(known).map(([column, field]) => [column, field.storage]))
  const table = await make(doctype, storages(fields))
  const childTable = await make(childDoctype, { parent: name, parenttype: name, parentfield: name, ...storages(childFields) })
  const shareTable = await make('DocShare', {
    share_doctype: name,
    share_name: name,
    user: name,
    everyone: flag,
    read: flag,
    write: flag,
    share: flag,
    submit: flag,
  })
  await db.transaction(async (tx) => {
    const insert = async (into: Sql, values: Record<string, SqlValue>) => {
      await tx.execute(
        tx.dialect.compile(
          sql`insert into ${into} (${join(Object.keys(values).map(ident))}) values (${join(Object.values(values).map((value) => sql`${value}`))})`,
        ),
      )
    }
    const stored = (known: Record<string, Field>, cells: Cells) =>
      Object.fromEntries(
        Object.entries(cells).map(([column, value]) => [
          column,
          value !== null && known[column]?.kind === 'decimal' ? db.dialect.encodeDecimal(String(value)) : value,
        ]),
      )
    for (const document of documents) {
      await insert(table, { name: document.name, ...stored(fields, document.cells) })
      for (const [at, item] of document.items.entries()) {
        await insert(childTable, {
          name: `${document.name}-${at}`,
          parent: document.name,
          parenttype: doctype,
          parentfield: 'items',
          ...stored(childFields, item),
        })
        // Rows of another table field, and of another DocType's document of the same name, must not count.
        if (at > 0) continue
        await insert(childTable, {
          name: `${document.name}-x`,
          parent: document.name,
          parenttype: doctype,
          parentfield: 'others',
          item: 'a',
          qty: 1,
        })
        await insert(childTable, {
          name: `${document.name}-y`,
          parent: document.name,
          parenttype: 'Other',
          parentfield: 'items',
          item: 'b',
          qty: 2,
        })
      }
    }
    const share = { share_doctype: doctype, everyone: 0, write: 0, share: 0, submit: 0, read: 1 }
    await insert(shareTable, { ...share, name: '1', share_name: 'doc1', user: 'dana' })
    await insert(shareTable, { ...share, name: '2', share_name: 'doc2', user: 'dana', write: 1 })
    await insert(shareTable, { ...share, name: '3', share_name: 'doc3', user: null, everyone: 1 })
    await insert(shareTable, { ...share, name: '4', share_name: 'doc4', user: 'dana', read: 0 })
    await insert(shareTable, { ...share, name: '5', share_name: 'doc5', user: 'omar', read: 0, submit: 1 })
    await insert(shareTable, { ...share, name: '6', share_name: 'doc6', user: 'dana', share_doctype: 'Other' })
    await insert(shareTable, { ...share, name: '7', share_name: null, user: 'dana' })
  })
}
