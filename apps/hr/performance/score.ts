import { Decimal, sumDecimals } from '#client/rules/decimal.ts'
import { evaluate } from '#client/rules/expression.ts'
import { BadFormula } from '#client/rules/payroll-errors.ts'
import { namesIn, readFormula } from '#client/rules/payroll-formula.ts'

/** Scores lie between 0 and this; ratings are stored as a share of it, 0 to 1. */
export const topScore = 5

const places = 3
const tidy = (value: Decimal): number => value.round(places).toNumber()

/** The mean, to three places; 0 of nothing. */
export function meanOf(values: readonly number[]): number {
  if (values.length === 0) return 0
  return sumDecimals(values).dividedBy(values.length, places).toNumber()
}

/** The sum of values by their weights in percent, to three places. */
export function weighed(rows: readonly { readonly value: number; readonly weight: number }[]): number {
  return tidy(sumDecimals(rows.map(({ value, weight }) => Decimal.from(value).times(Decimal.from(weight)).dividedBy(100, 9))))
}

/** A score of 0 to 5 from ratings of 0 to 1. */
export function ratingScore(rows: readonly { readonly rating: number; readonly weight: number }[]): number {
  return weighed(rows.map(({ rating, weight }) => ({ value: Decimal.from(rating).times(topScore).toNumber(), weight })))
}

/** A score of 0 to 5 from a percentage. */
export function percentScore(percentage: number): number {
  return tidy(Decimal.from(percentage).times(topScore).dividedBy(100, 9))
}

/** Whether weights in percent sum to 100. */
export function weightsMatch(weights: readonly number[]): boolean {
  return sumDecimals(weights).equals(100)
}

export interface Scores {
  readonly goal_score: number
  readonly average_feedback_score: number
  readonly self_appraisal_score: number
}

const known: ReadonlySet<string> = new Set([
  'goal_score',
  'average_feedback_score',
  'self_appraisal_score',
  'department',
  'designation',
  'branch',
  'grade',
])

/** @throws BadFormula for a formula that cannot be read, or names what nobody knows */
export function checkScoreFormula(source: string, field: string): void {
  const unknown = namesIn(readFormula(source, field)).find((name) => !known.has(name))
  if (unknown !== undefined) throw new BadFormula({ field, reason: `nobody knows what “${unknown}” is.` })
}

/**
 * The final score, to three places: by the formula, else the mean of the three. It stays between 0 and 5.
 * @param facts of the employee, for formulas
 * @throws BadFormula when the formula gives no number
 */
export function finalScore(scores: Scores, formula: string | null, facts: Readonly<Record<string, unknown>> = {}): number {
  if (!formula) return meanOf([scores.goal_score, scores.average_feedback_score, scores.self_appraisal_score])
  const field = 'final_score_formula'
  const value = evaluate(readFormula(formula, field), { ...facts, ...scores })
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new BadFormula({ field, reason: 'it gives no number.' })
  return tidy(Decimal.from(Math.min(topScore, Math.max(0, value))))
}

/** Where a goal stands by how much of it is reached; people archive and close goals themselves. */
export function goalStatus(progress: number, status: string): string {
  if (status === 'Archived' || status === 'Closed') return status
  return progress >= 100 ? 'Completed' : progress > 0 ? 'In Progress' : 'Pending'
}
