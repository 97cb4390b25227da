import { readFileSync } from 'node:fs'
import { evaluate, parseExpression } from '#client/rules/expression.ts'
import { expressionLimits } from '#client/rules/expression-nodes.ts'
import { code, page, table } from './markdown.ts'

/** The grammar of expressions; every example is evaluated while the page is made. */
export function expressionPage(root: URL): string {
  return page(
    'Expressions',
    introduction,
    `## Operators, from loose to tight\n\n${table(['operators', 'meaning', 'example', 'gives'], operators.map(exampleRow))}`,
    `## Values\n\n${table(['form', 'meaning', 'example', 'gives'], values.map(exampleRow))}`,
    `## Functions\n\n${functionNames(root).map(code).join(', ')}.\n\n${table(['function', 'meaning', 'example', 'gives'], functions.map(exampleRow))}`,
    `## Texts and rows\n\n${table(['method', 'meaning', 'example', 'gives'], methods.map(exampleRow))}`,
    grammar,
    limits,
  )
}

const introduction = `The language of \`depends_on\`, \`mandatory_depends_on\`, \`read_only_depends_on\` and \`collapsible_depends_on\`: the part of JavaScript that people write
there, with Python's words for it. Server and screens run the same code in \`client/rules/\`. It can neither change data nor reach the
runtime: there are no assignments, and calls only of the functions and methods below.

A condition is \`eval:\` and an expression, or the bare name of a field, which holds when the field is filled. \`fn:\` names a script of a form;
on the server it never holds. See [expressions](../kernel/expressions.md).

The examples were evaluated with this scope, on the day 2026-11-20:

\`\`\`json
{"doc": {"status": "Open", "qty": 3, "rate": 2.5, "tags": "a,b", "items": [{"qty": 1}, {"qty": 4}]}, "frappe": {"user_roles": ["Editor"]}}
\`\`\``

const scope = {
  doc: { status: 'Open', qty: 3, rate: 2.5, tags: 'a,b', items: [{ qty: 1 }, { qty: 4 }] },
  frappe: { user_roles: ['Editor'] },
}

type Example = readonly [form: string, meaning: string, example: string]

const operators: readonly Example[] = [
  ['a ? b : c', 'choice', "doc.qty > 2 ? 'many' : 'few'"],
  ['??', 'the right one when the left is missing', 'doc.note ?? "none"'],
  ['||  or', 'the first that is truthy', 'doc.note || doc.status'],
  ['&&  and', 'the last, when all are truthy', 'doc.qty and doc.status'],
  ['not', 'negates the comparison that follows', "not doc.status == 'Open'"],
  ['==  !=  is  is not', 'equal as in JavaScript, after turning types', "doc.qty == '3'"],
  ['===  !==', 'equal, and of one type', "doc.qty === '3'"],
  ['<  <=  >  >=', 'order of numbers or of texts', 'doc.qty >= 3'],
  ['in  not in', 'in a list, in a text, or a key of an object', "doc.status in ['Open', 'Late']"],
  ['+  -', 'sum, joined text; difference', "doc.status + '!'"],
  ['*  /  %', 'product, quotient, remainder', 'doc.qty * doc.rate'],
  ['!  -  +', 'negation, sign', '!doc.note'],
  ['a.b  a?.b  a[b]', 'member; of something missing: missing', 'doc.items[1].qty'],
]

const values: readonly Example[] = [
  ['12, 1.5, .5, 1e3', 'number', '1e3'],
  ['\'text\', "text"', 'text, with the escapes of JavaScript', "'it\\'s'"],
  ['true false True False', 'yes and no', 'True'],
  ['null None undefined', 'nothing', 'None == undefined'],
  ['[a, b]', 'list', "['a', doc.qty]"],
  ['doc, parent, row …', 'names of the scope; unknown ones are missing', 'nobody.knows'],
]

const functions: readonly Example[] = [
  ['cint, flt, cstr', 'number or text of anything; flt takes digits', "flt('1,234.567', 2)"],
  ['in_list, has_common', 'membership; whether two lists meet', "in_list(['a', 'b'], 'a')"],
  ['is_null, len', 'emptiness; length of a text or list', 'len(doc.items)'],
  ['abs, round, floor, ceil, min, max', 'also with `Math.` before; halves go to the even side', 'round(2.5)'],
  ['today, now_datetime', 'also under their longer names; where the caller gives a clock', 'today()'],
  ['frappe.user.has_role', 'whether `frappe.user_roles` of the scope holds it', "frappe.user.has_role('Editor')"],
]

const methods: readonly Example[] = [
  ['includes, indexOf', 'of a text or a list', "doc.tags.includes('a')"],
  ['startsWith, endsWith, toLowerCase, toUpperCase, trim', 'of a text', "doc.status.toLowerCase().startsWith('op')"],
  ['length', 'of a text', 'doc.status.length'],
  ['some, every', 'whether some or every row fits', 'doc.items.some(row => row.qty > 3)'],
  ['filter, find, map', 'the rows that fit, the first, what each gives', 'doc.items.map((row, i) => row.qty * i)'],
]

function exampleRow([form, meaning, example]: Example): string[] {
  const given = evaluate(parseExpression(example), scope, { today: '2026-11-20', now: '2026-11-20 15:30:00' })
  return [code(form), meaning, code(example), code(given === undefined ? 'undefined' : JSON.stringify(given))]
}

/** Names in the table of functions; it is not exported, so the source tells them. @throws Error when it was not found there */
function functionNames(root: URL): string[] {
  const source = readFileSync(new URL('client/rules/expression-functions.ts', root), 'utf8')
  const [, from = ''] = source.split('const functions:')
  const names = [...(from.split('\n])')[0] ?? '').matchAll(/^ {2}\['([\w.]+)',/gm)].map(([, name]) => name as string)
  if (names.length === 0) throw new Error('dev/reference/expressions.ts finds no functions in client/rules/expression-functions.ts')
  return names
}

const grammar = `## Grammar

\`\`\`text
expression = choice { ";" }
choice     = coalesce [ "?" expression ":" expression ]
coalesce   = or { "??" or }
or         = and { ( "||" | "or" ) and }
and        = not { ( "&&" | "and" ) not }
not        = "not" not | equality
equality   = relation { ( "==" | "!=" | "===" | "!==" | "is" [ "not" ] ) relation }
relation   = sum { ( "<" | "<=" | ">" | ">=" | "in" | "not" "in" ) sum }
sum        = product { ( "+" | "-" ) product }
product    = sign { ( "*" | "/" | "%" ) sign }
sign       = ( "!" | "-" | "+" ) sign | postfix
postfix    = primary { "." name | "?." name | "[" expression "]" | call }
call       = "(" [ expression { "," expression } ] ")" | "(" parameters "=>" expression ")"
parameters = name | "(" name [ "," name ] ")"
primary    = number | text | name | "[" [ expression { "," expression } ] "]" | "(" expression ")"
\`\`\``

const limits = `## Limits

At most ${expressionLimits.length.toLocaleString('en')} characters, ${expressionLimits.depth} levels of nesting and ${expressionLimits.steps.toLocaleString('en')} steps in one run; long texts and lists cost more steps. Words of JavaScript that
declare, assign, loop or reach for a prototype are refused, as are calls of anything else. Only own data is seen: a method or getter of an
object is missing. The refusals: \`expression/syntax\`, \`expression/not-allowed\`, \`expression/too-long\`, \`expression/too-deep\`,
\`expression/step-budget\` in the [catalogue](errors.md).`
