import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Decimal } from './decimal.ts'
import { AppError } from './errors.ts'
import { type EvaluateOptions, evaluate, evaluateCondition, parseExpression } from './expression.ts'
import { ExpressionNotAllowed, ExpressionStepBudget, ExpressionSyntax, ExpressionTooDeep, ExpressionTooLong } from './expression-errors.ts'

const scope = {
  doc: {
    status: 'Open',
    qty: 5,
    price: Decimal.from('2.50'),
    zero: Decimal.zero,
    empty: '',
    nothing: null,
    items: [
      { item: 'A', qty: 1 },
      { item: 'B', qty: 3 },
    ],
    none: [],
    tags: ['x', 'y'],
    docstatus: 0,
    __islocal: 1,
    method: () => 'called',
    nested: { deep: { er: 'yes' } },
  },
  parent: { doctype: 'Order' },
  row: { idx: 1 },
  frappe: { session: { user: 'dana@example.com' }, user_roles: ['Agent', 'All'] },
}
const run = (source: string, options?: EvaluateOptions) => evaluate(parseExpression(source), scope, options)

function table(cases: Record<string, unknown>, options?: EvaluateOptions) {
  for (const [source, expected] of Object.entries(cases)) assert.deepEqual(run(source, options), expected, source)
}

test('members, in dots and brackets, of whatever there is', () => {
  table({
    'doc.status': 'Open',
    "doc['status']": 'Open',
    'doc["nested"].deep.er': 'yes',
    'doc?.nested?.["deep"].er': 'yes',
    'parent.doctype': 'Order',
    'row.idx': 1,
    'frappe.session.user': 'dana@example.com',
    'doc.items[1].item': 'B',
    'doc.items.length': 2,
    'doc.status.length': 4,
    'doc.status[0]': 'O',
    'doc.__islocal': 1,
    'doc.missing': undefined,
    'doc.missing.further.on': undefined,
    'unknown.name': undefined,
    'doc.nothing.x': undefined,
    'doc.qty.x': undefined,
    'doc.method': undefined,
  })
})

test('literals in the spelling of JavaScript and of Python', () => {
  table({
    "'a\\'b'": "a'b",
    '"\\u0041\\x42\\n"': 'AB\n',
    '1.5e2': 150,
    '.5': 0.5,
    '[1, "a", true,]': [1, 'a', true],
    '[]': [],
    True: true,
    False: false,
    None: null,
    null: null,
    undefined: undefined,
  })
})

test('operators bind as JavaScript has them', () => {
  table({
    '1 + 2 * 3': 7,
    '(1 + 2) * 3': 9,
    '-2 - -3': 1,
    '7 % 4 / 2': 1.5,
    '1 < 2 == true': true,
    '!1 == 0': true,
    '!doc.empty && doc.qty > 4': true,
    '1 || 0 && 0': 1,
    'null ?? 0 || 5': 5,
    '1 ? 2 ? 3 : 4 : 5': 3,
    '0 ? 1 : 0 ? 2 : 3': 3,
    'doc.x?.5:1': 1,
    '10 - 3 - 2': 5,
    '"a" + 1 + 2': 'a12',
    '1 + 2 + "a"': '3a',
    '2 > 1 ? "y" : "n";': 'y',
  })
})

test('comparison follows JavaScript, strict and loose', () => {
  table({
    '1 == "1"': true,
    '1 === "1"': false,
    '"" == 0': true,
    'null == undefined': true,
    'null === undefined': false,
    'null == 0': false,
    'doc.missing == null': true,
    'doc.missing != ""': true,
    '[1] == "1"': true,
    '[1] == [1]': false,
    '"b" > "a"': true,
    '"10" < "9"': true,
    '10 < "9"': false,
    'doc.missing < 1': false,
    'undefined >= undefined': false,
    '"a" !== "b"': true,
    'doc.nested == 1': false,
  })
})

test("Python's words mean what they mean there", () => {
  table({
    'doc.status == "Open" and not doc.empty': true,
    'not doc.qty == 5': false,
    'not doc.qty == 6 or False': true,
    'doc.nothing is None': true,
    'doc.qty is not None': true,
    '"x" in doc.tags and "z" not in doc.tags': true,
    'doc.status not in ["Open", "Closed"]': false,
    '"pe" in doc.status': true,
  })
})

test('in asks lists for values, texts for parts and objects for own keys', () => {
  table({
    'doc.status in ["Open"]': true,
    '"qty" in doc': true,
    '"nope" in doc': false,
    '"toString" in doc': false,
    '"__proto__" in doc': false,
    '0 in doc.tags': false,
    '"x" in doc.missing': false,
    '5 in doc.qty': false,
  })
})

test('exact numbers count as numbers', () => {
  table({ 'doc.price == 2.5': true, 'doc.price * 2 + 1': 6, '!doc.zero': true, 'doc.zero || "none"': 'none', 'doc.price > "2"': true })
})

test('functions of the allow-list', () => {
  table({
    'cint("1,234.9")': 1234,
    'cint("x")': 0,
    'cint(null)': 0,
    'flt("2.675", 2)': 2.68,
    'flt("1.5")': 1.5,
    'flt("x")': 0,
    'cstr(null) + cstr(5)': '5',
    'in_list(["a"], "a")': true,
    'in_list(doc.missing, "a")': false,
    'is_null("") && is_null(doc.missing)': true,
    'is_null(0)': false,
    'len(doc.items) + len("abc") + len(null)': 5,
    'abs(-2)': 2,
    'round(2.5)': 2,
    'round(3.14159, 2)': 3.14,
    'floor(-1.5)': -2,
    'ceil(1.2)': 2,
    'min(3, "2", 5)': 2,
    'Math.max([1, 7])': 7,
    'has_common(frappe.user_roles, ["Agent"])': true,
    'frappe.user.has_role("Agent")': true,
    'frappe.user.has_role("Boss")': false,
    'frappe.user_roles.includes("All")': true,
    'today()': undefined,
  })
  table(
    { 'today()': '2026-11-20', 'frappe.datetime.get_today() < "2027-01-01"': true, 'now_datetime()': '2026-11-20 10:00:00' },
    { today: '2026-11-20', now: '2026-11-20 10:00:00' },
  )
})

test('methods of texts and lists, and nothing thrown when the value is missing', () => {
  table({
    'doc.status.toLowerCase()': 'open',
    '" a ".trim().toUpperCase()': 'A',
    'doc.status.startsWith("Op") && doc.status.endsWith("n")': true,
    '["Open"].includes(doc.status)': true,
    '["a","b"].indexOf("b")': 1,
    '"abc".indexOf("c")': 2,
    'doc.missing.includes("x")': undefined,
    'doc.qty.trim()': undefined,
    'doc.missing.some(r => r.x)': undefined,
  })
})

test('rows can be asked with an arrow function', () => {
  table({
    'doc.items.some(r => r.qty > 2)': true,
    'doc.items.every((r) => r.qty > 2)': false,
    'doc.items.filter(r => r.qty == doc.items.length + 1).length': 1,
    'doc.items.find(r => r.item == "B").qty': 3,
    'doc.items.find(r => r.item == "Z").qty': undefined,
    'doc.items.map((r, i) => r.qty * i)': [0, 3],
    'doc.items.some(a => doc.items.some(b => a.qty < b.qty))': true,
    'doc.tags.map(doc => doc)': ['x', 'y'],
  })
})

test('a condition is eval: and an expression, a bare field, or never', () => {
  const cases: Record<string, boolean> = {
    'eval:doc.status=="Open"': true,
    'eval: doc.qty > 10': false,
    ' eval:doc.items ': true,
    'eval:doc.none': true,
    status: true,
    empty: false,
    nothing: false,
    items: true,
    none: false,
    zero: false,
    missing: false,
    method: false,
    'fn:anything': false,
    '': false,
    constructor: false,
    'doc.status': false,
  }
  for (const [source, expected] of Object.entries({ ...cases, ['__proto__']: false }))
    assert.equal(evaluateCondition(source, scope), expected, source)
  assert.equal(evaluateCondition('status', {}), false)
})

test('nothing reaches past the data', () => {
  const refused = [
    'doc.constructor',
    'doc["constructor"]',
    'doc.__proto__',
    '"".constructor',
    'doc?.["__proto__"]',
    '[].prototype',
    'alert(1)',
    'doc.method()',
    'doc.items.push(1)',
    'doc.items.reduce(x => x)',
    'doc.status.repeat(9)',
    'doc["includes"]("a")()',
    '(x => x)(1)',
    'new Date()',
    'this',
    'function(){}',
    'typeof doc',
    'delete doc.x',
    'import("fs")',
    '`a`',
    '/a/.test("a")',
    'doc.x = 1',
    'doc.x += 1',
    '{a: 1}',
    'x => x',
    'a & b',
    'doc.items.some(doc.method)',
    'doc.items.some()',
    '@a',
    '#a',
    'doc.toString()',
    'eval("1")',
    'lambda: 1',
    '[...doc.tags]',
  ]
  for (const source of refused)
    assert.throws(
      () => run(source),
      (error) => ExpressionNotAllowed.is(error) || ExpressionSyntax.is(error),
      source,
    )
  table({
    'doc["constr" + "uctor"]': undefined,
    'doc["__pro" + "to__"]': undefined,
    '[]["con" + "structor"]': undefined,
    'doc.toString': undefined,
    'doc.hasOwnProperty': undefined,
    globalThis: undefined,
    'process.env': undefined,
    'doc.status.length.x': undefined,
    toString: undefined,
  })
  assert.equal(evaluate(parseExpression('doc["__pro" + "to__"]'), { doc: JSON.parse('{"__proto__":{"a":1}}') }), undefined)
})

test('a fault names its place', () => {
  const places: Record<string, number> = {
    '': 0,
    'doc.': 4,
    '1 +': 3,
    '(1': 2,
    '1 2': 2,
    '"abc': 0,
    '1 === ': 6,
    'a ? b': 5,
    '[1': 2,
    'doc..x': 4,
    'in x': 0,
    '1x': 1,
    and: 0,
    'a not b': 2,
  }
  for (const [source, position] of Object.entries(places)) {
    assert.throws(
      () => parseExpression(source),
      (error) => ExpressionSyntax.is(error) && error.data.position === position,
      source,
    )
  }
  assert.throws(
    () => parseExpression('doc.x && boom(1)'),
    (error) => ExpressionNotAllowed.is(error) && error.message.includes('boom()'),
  )
})

test('length, depth and work are limited', () => {
  assert.throws(() => parseExpression(' '.repeat(10_001)), ExpressionTooLong.is)
  for (const deep of [
    `${'('.repeat(200)}1${')'.repeat(200)}`,
    `${'!'.repeat(200)}1`,
    '['.repeat(4000),
    `1${'+1'.repeat(200)}`,
    `a${'.b'.repeat(200)}`,
    'a?'.repeat(2000),
    `${'a ? 1 : '.repeat(500)}2`,
  ]) {
    assert.throws(() => parseExpression(deep), ExpressionTooDeep.is, deep.slice(0, 20))
  }
  assert.equal(run(Array.from({ length: 500 }, (_, at) => `doc.qty == ${at}`).join(' || ')), true)
  const many = { doc: { items: Array.from({ length: 200 }, () => ({ a: 1 })), text: 'x'.repeat(1_000_000) } }
  const square = parseExpression('doc.items.every(a => doc.items.every(b => a.a == b.a))')
  assert.throws(() => evaluate(square, many), ExpressionStepBudget.is)
  assert.equal(evaluate(square, many, { stepBudget: 1_000_000 }), true)
  assert.throws(() => evaluate(parseExpression(Array.from({ length: 50 }, () => 'doc.text').join('+')), many), ExpressionStepBudget.is)
})

test('any text either reads or is refused with a defined error, and so does its evaluation', () => {
  const piece = fc.constantFrom(
    'doc',
    '.',
    'status',
    '(',
    ')',
    '[',
    ']',
    '"a"',
    '1',
    '==',
    '&&',
    'or',
    'not',
    'in',
    '?',
    ':',
    '-',
    ',',
    'includes',
    'some',
    'r',
    '=>',
    'cint',
    '__proto__',
    ' ',
    '+',
    'is',
    'null',
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join(' ')),
        fc.string(),
      ),
      (source) => {
        try {
          run(source)
        } catch (error) {
          if (!(error instanceof AppError) || !error.code.startsWith('expression/')) throw error
        }
      },
    ),
    { numRuns: 3000 },
  )
})

type Tree = { source: string; value: unknown }

const joins: Record<string, (a: never, b: never) => unknown> = {
  '+': (a: number, b: number) => a + b,
  '-': (a: number, b: number) => a - b,
  '*': (a: number, b: number) => a * b,
  '/': (a: number, b: number) => a / b,
  '%': (a: number, b: number) => a % b,
  // biome-ignore lint/suspicious/noDoubleEquals: the platform's own operator is the oracle
  '==': (a, b) => a == b,
  '===': (a, b) => a === b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '&&': (a, b) => a && b,
  '||': (a, b) => a || b,
  '??': (a, b) => a ?? b,
}

test('arithmetic, comparison and logic agree with the platform', () => {
  const leaf: fc.Arbitrary<Tree> = fc
    .oneof(fc.integer({ min: -5, max: 5 }), fc.constantFrom('a', '1', '', true, false, null))
    .map((value) => ({ source: JSON.stringify(value), value }))
  const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5 },
      leaf,
      fc.tuple(tie('tree'), fc.constantFrom(...Object.keys(joins)), tie('tree')).map(([left, operator, right]) => ({
        source: `(${left.source}) ${operator} (${right.source})`,
        value: joins[operator]?.(left.value as never, right.value as never),
      })),
      tie('tree').map((inner) => ({ source: `!(${inner.source})`, value: !inner.value })),
    ),
  }))
  fc.assert(
    fc.property(tree, ({ source, value }) => assert.deepEqual(run(source), value, source)),
    { numRuns: 1000 },
  )
})
