import { AppError } from './errors.ts'
import { Decimal } from './decimal.ts'
import { evaluate, type Expression, parseExpression, type Scope } from './expression.ts'
import { childrenOf, type Node } from './expression-nodes.ts'
import { BadFormula, ComponentCycle } from './payroll-errors.ts'

/** What conditions and formulas may name beside the short names of components. */
export const payNames: ReadonlySet<string> = new Set([
  'base',
  'variable',
  'hour_rate',
  'total_working_hours',
  'total_working_days',
  'payment_days',
  'leave_without_pay',
  'absent_days',
  'start_date',
  'end_date',
  'department',
  'designation',
  'branch',
  'grade',
  'employment_type',
  'gender',
  'date_of_joining',
  'relieving_date',
  'date_of_birth',
])

/** The sum of the earnings of the slip; only deductions may ask for it. */
export const grossName = 'gross_pay'
/** `paid.B` is what the slip pays of the component B, where `B` alone is its amount for a whole period. */
export const paidName = 'paid'

/** Reads a condition or formula; people may begin it with `eval:`. @throws BadFormula */
export function readFormula(source: string, field: string): Expression {
  const text = source.trim()
  try {
    return parseExpression(text.startsWith('eval:') ? text.slice(5) : text)
  } catch (error) {
    if (error instanceof AppError) throw new BadFormula({ field, reason: error.message }, { cause: error })
    throw error
  }
}

/** The free names of an expression; what it asks of `paid` comes as `paid.B`, and the names of arrow functions' parameters are not free. */
export function namesIn(expression: Expression): readonly string[] {
  const known = remembered.get(expression)
  if (known) return known
  const found = new Set<string>()
  collect(expression.root, new Set(), found)
  const names = [...found]
  remembered.set(expression, names)
  return names
}

const remembered = new WeakMap<Expression, readonly string[]>()

function collect(node: Node, bound: ReadonlySet<string>, found: Set<string>): void {
  if (node.type === 'name') {
    if (!bound.has(node.name)) found.add(node.name)
    return
  }
  if (node.type === 'member' && node.of.type === 'name' && node.of.name === paidName && node.key.type === 'literal') {
    found.add(`${paidName}.${String(node.key.value)}`)
    return
  }
  if (node.type === 'rows') {
    collect(node.of, bound, found)
    collect(node.body, new Set([...bound, ...node.parameters]), found)
    return
  }
  for (const child of childrenOf(node)) collect(child, bound, found)
}

/** What the order of components depends on. */
export interface Formulated {
  readonly abbr: string
  readonly kind: 'Earning' | 'Deduction'
  readonly condition?: string | null
  readonly formula?: string | null
  /** Where it stands, for refusals: `earnings[2]`. */
  readonly field: string
}

/**
 * Components in an order in which each comes after those that it names; otherwise as they were given.
 * @throws BadFormula for a name that nobody knows, and for an abbreviation used twice; ComponentCycle with the circle
 */
export function orderComponents<T extends Formulated>(rows: readonly T[]): T[] {
  const byAbbr = new Map<string, T>()
  for (const row of rows) {
    const isTaken = byAbbr.has(row.abbr) || payNames.has(row.abbr) || row.abbr === grossName || row.abbr === paidName
    if (isTaken) throw new BadFormula({ field: `${row.field}.abbr`, reason: `${row.abbr} already stands for something else.` })
    byAbbr.set(row.abbr, row)
  }
  const earnings = rows.filter(({ kind }) => kind === 'Earning')
  const needs = new Map(rows.map((row) => [row, neededBy(row, byAbbr, earnings)]))
  const ordered: T[] = []
  const done = new Set<T>()
  const path: T[] = []
  const visit = (row: T): void => {
    if (done.has(row)) return
    const at = path.indexOf(row)
    if (at >= 0) throw new ComponentCycle({ field: `${row.field}.formula`, path: [...path.slice(at), row].map(({ abbr }) => abbr) })
    path.push(row)
    for (const need of needs.get(row) ?? []) visit(need)
    path.pop()
    done.add(row)
    ordered.push(row)
  }
  for (const row of rows) visit(row)
  return ordered
}

function neededBy<T extends Formulated>(row: T, byAbbr: ReadonlyMap<string, T>, earnings: readonly T[]): T[] {
  const needs: T[] = []
  for (const [what, source] of [
    ['condition', row.condition],
    ['formula', row.formula],
  ] as const) {
    if (!source) continue
    const field = `${row.field}.${what}`
    for (const name of namesIn(readFormula(source, field))) {
      const abbr = name.startsWith(`${paidName}.`) ? name.slice(paidName.length + 1) : name
      const component = byAbbr.get(abbr)
      if (component) needs.push(component)
      else if (name === grossName) needs.push(...earnings)
      else if (name !== abbr || !payNames.has(name)) throw new BadFormula({ field, reason: `nobody knows what “${name}” is.` })
    }
  }
  return needs
}

/** Of everything that a formula could name what these sources do name, as plain JSON: it is kept with the amount. */
export function namesUsed(sources: readonly (string | null | undefined)[], scope: Scope): Record<string, unknown> {
  const used: Record<string, unknown> = {}
  for (const source of sources) {
    if (!source) continue
    for (const name of namesIn(readFormula(source, 'formula'))) {
      if (!name.startsWith(`${paidName}.`)) {
        used[name] = scope[name] ?? null
        continue
      }
      const abbr = name.slice(paidName.length + 1)
      const paid = scope[paidName] as Record<string, unknown> | undefined
      used[paidName] = { ...(used[paidName] as object | undefined), [abbr]: paid?.[abbr] ?? 0 }
    }
  }
  return used
}

/** Whether a condition holds; an empty one does. @throws BadFormula */
export function conditionHolds(source: string | null | undefined, scope: Scope, field: string): boolean {
  if (!source?.trim()) return true
  return Boolean(compute(source, scope, field))
}

/**
 * The number that a formula gives. Formulas reckon with doubles; their noise ends beyond the ninth place, which is cut off here, so that
 * rounding to money sees the number that was meant.
 * @throws BadFormula when it gives no number
 */
export function formulaValue(source: string, scope: Scope, field: string): Decimal {
  const value = compute(source, scope, field)
  const number = value === null || value === undefined || value === '' ? 0 : typeof value === 'boolean' ? Number(value) : value
  if (typeof number !== 'number' || !Number.isFinite(number) || Math.abs(number) >= 1e12)
    throw new BadFormula({ field, reason: 'it gives no amount.' })
  return Decimal.from(number).round(9)
}

function compute(source: string, scope: Scope, field: string): unknown {
  const expression = readFormula(source, field)
  try {
    return evaluate(expression, scope)
  } catch (error) {
    if (error instanceof AppError) throw new BadFormula({ field, reason: error.message }, { cause: error })
    throw error
  }
}
