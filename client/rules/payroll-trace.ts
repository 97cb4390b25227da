import { Decimal, sumDecimals } from './decimal.ts'
import { conditionHolds, formulaValue } from './payroll-formula.ts'
import { type OvertimePart, overtimePay } from './payroll-overtime.ts'
import { type TaxInput, taxToWithhold } from './payroll-tax.ts'

/**
 * The version of these rules that stands in each trace. A change of what they give for the same input needs a new version, with the old one
 * kept for as long as slips name it.
 */
export const payrollRule = 'payroll/1'

/** How one amount of a slip came about, as plain JSON: whoever has it can reckon the amount again. Amounts are text. */
export type LineTrace = { readonly rule: string } & (
  | StructureTrace
  | { readonly kind: 'given'; readonly amount: string; readonly of: string; readonly places: number }
  | { readonly kind: 'hours'; readonly parts: readonly OvertimePart[]; readonly rate: string; readonly places: number }
  | { readonly kind: 'arrears'; readonly due: readonly LineTrace[]; readonly paid: readonly string[]; readonly places: number }
  | { readonly kind: 'tax'; readonly input: TaxInput }
)

/** A line of the structure: its condition and formula, and every value that they name. */
export interface StructureTrace {
  readonly kind: 'structure'
  readonly condition?: string
  readonly formula?: string
  /** The amount where there is no formula. */
  readonly fixed?: string
  readonly names: Readonly<Record<string, unknown>>
  /** Days paid, of working days; absent for what does not depend on them. */
  readonly days?: readonly [paid: number, working: number]
  readonly places: number
}

export interface Reckoned {
  /** For a whole period. */
  readonly full: Decimal
  /** What the slip says. */
  readonly amount: Decimal
}

/** An amount from its trace alone. @throws BadFormula; Error for rules of another version */
export function reckon(trace: LineTrace): Reckoned {
  if (trace.rule !== payrollRule) throw new Error(`These are the rules ${payrollRule}; the line was reckoned by ${trace.rule}.`)
  switch (trace.kind) {
    case 'structure':
      return reckonStructure(trace)
    case 'given':
      return same(Decimal.from(trace.amount).round(trace.places))
    case 'hours':
      return same(overtimePay(trace.parts, trace.rate).round(trace.places))
    case 'arrears':
      return same(
        sumDecimals(trace.due.map((due) => reckon(due).amount))
          .minus(sumDecimals(trace.paid))
          .round(trace.places),
      )
    case 'tax':
      return same(taxToWithhold(trace.input).now)
  }
}

const same = (amount: Decimal): Reckoned => ({ full: amount, amount })

function reckonStructure(trace: StructureTrace): Reckoned {
  const { names, days, places } = trace
  if (!conditionHolds(trace.condition, names, 'condition')) return same(Decimal.zero)
  const value = trace.formula ? formulaValue(trace.formula, names, 'formula') : Decimal.from(trace.fixed ?? '0')
  const full = value.round(places)
  if (!days) return same(full)
  const [paid, working] = days
  // Rounded once, from the unrounded amount.
  const amount = working === 0 ? Decimal.zero : value.times(Decimal.from(paid)).dividedBy(Decimal.from(working), places)
  return { full, amount }
}
