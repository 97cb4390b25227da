import { defineError } from './errors.ts'

export const NotANumber = defineError<{ value: string; field?: string }>({
  code: 'value/not-a-number',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `“${d.value}” is not a number.`,
})

export const DivisionByZero = defineError<{ field?: string }>({
  code: 'value/division-by-zero',
  status: 417,
  excType: 'ValidationError',
  message: () => 'A number cannot be divided by zero.',
})

export const CannotSplit = defineError<{ parts: number }>({
  code: 'value/cannot-split',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `An amount cannot be split into ${d.parts} parts.`,
})

/**
 * What to do with a digit that does not fit: `half-even` (a tie goes to the even neighbour: Banker's rounding), `half-up` (a tie goes
 * away from zero: Commercial rounding), `down` (towards zero), `up` (away from zero).
 */
export type Rounding = 'half-even' | 'half-up' | 'down' | 'up'

export type DecimalInput = Decimal | string | number | bigint

// Digit, optional point, optional exponent of at most three digits: 1e999999999 would otherwise fill the memory.
const decimalShape = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?$/
const canonicalShape = /^(?:0|-?[1-9]\d*|-?(?:0|[1-9]\d*)\.\d*[1-9])$/
const maxLength = 400

const powers: bigint[] = [1n]
function power(exponent: number): bigint {
  for (let known = powers.length; known <= exponent; known++) powers.push((powers[known - 1] as bigint) * 10n)
  return powers[exponent] as bigint
}

/** An exact decimal number: `coefficient × 10^-scale`, always in lowest terms, so that equal numbers have equal parts. Immutable. */
export class Decimal {
  static readonly zero = new Decimal(0n, 0)

  readonly coefficient: bigint
  /** Digits after the point; never negative, and zero when the number is whole. */
  readonly scale: number

  private constructor(coefficient: bigint, scale: number) {
    while (scale > 0 && coefficient % 10n === 0n) {
      coefficient /= 10n
      scale--
    }
    this.coefficient = coefficient
    this.scale = scale
  }

  /**
   * Reads a number. A double counts as its shortest text, so 0.1 is exactly one tenth.
   * @throws NotANumber for NaN, the infinities, and text that `isDecimalText` refuses
   */
  static from(input: DecimalInput): Decimal {
    if (input instanceof Decimal) return input
    if (typeof input === 'bigint') return new Decimal(input, 0)
    const text = String(input)
    if ((typeof input !== 'string' && typeof input !== 'number') || !isDecimalText(text))
      throw new NotANumber({ value: text.slice(0, 100) })
    const exponentAt = text.search(/[eE]/)
    const mantissa = exponentAt < 0 ? text : text.slice(0, exponentAt)
    const exponent = exponentAt < 0 ? 0 : Number(text.slice(exponentAt + 1))
    const point = mantissa.indexOf('.')
    const digits = point < 0 ? mantissa : mantissa.slice(0, point) + mantissa.slice(point + 1)
    const scale = (point < 0 ? 0 : mantissa.length - point - 1) - exponent
    const negative = digits.startsWith('-')
    const size = BigInt(digits.replace(/^[+-]/, ''))
    const coefficient = negative ? -size : size
    return scale < 0 ? new Decimal(coefficient * power(-scale), 0) : new Decimal(coefficient, scale)
  }

  plus(other: DecimalInput): Decimal {
    const that = Decimal.from(other)
    const scale = Math.max(this.scale, that.scale)
    return new Decimal(this.at(scale) + that.at(scale), scale)
  }

  minus(other: DecimalInput): Decimal {
    return this.plus(Decimal.from(other).negate())
  }

  times(other: DecimalInput): Decimal {
    const that = Decimal.from(other)
    return new Decimal(this.coefficient * that.coefficient, this.scale + that.scale)
  }

  /**
   * The quotient with `scale` digits after the point, rounded once from the exact value.
   * @throws DivisionByZero
   */
  dividedBy(other: DecimalInput, scale: number, rounding: Rounding = 'half-even'): Decimal {
    const that = Decimal.from(other)
    if (that.isZero()) throw new DivisionByZero({})
    const shift = scale + that.scale - this.scale
    const numerator = shift > 0 ? this.coefficient * power(shift) : this.coefficient
    const denominator = shift < 0 ? that.coefficient * power(-shift) : that.coefficient
    return new Decimal(roundedQuotient(numerator, denominator, rounding), scale)
  }

  /** The nearest number with at most `scale` (≥ 0) digits after the point. */
  round(scale: number, rounding: Rounding = 'half-even'): Decimal {
    if (this.scale <= scale) return this
    return new Decimal(roundedQuotient(this.coefficient, power(this.scale - scale), rounding), scale)
  }

  negate(): Decimal {
    return new Decimal(-this.coefficient, this.scale)
  }

  abs(): Decimal {
    return this.coefficient < 0n ? this.negate() : this
  }

  /** Negative, zero or positive as this is less than, equal to or greater than the other. */
  compare(other: DecimalInput): number {
    const that = Decimal.from(other)
    const scale = Math.max(this.scale, that.scale)
    const left = this.at(scale)
    const right = that.at(scale)
    return left < right ? -1 : left > right ? 1 : 0
  }

  equals(other: DecimalInput): boolean {
    return this.compare(other) === 0
  }

  isZero(): boolean {
    return this.coefficient === 0n
  }

  isNegative(): boolean {
    return this.coefficient < 0n
  }

  /** Canonical text: no exponent, no trailing zeros, no `-0`, a digit before the point. */
  toString(): string {
    if (this.scale === 0) return String(this.coefficient)
    const digits = String(this.coefficient < 0n ? -this.coefficient : this.coefficient).padStart(this.scale + 1, '0')
    const point = digits.length - this.scale
    return `${this.coefficient < 0n ? '-' : ''}${digits.slice(0, point)}.${digits.slice(point)}`
  }

  /** With exactly `scale` digits after the point, as amounts are printed; rounds half to even. */
  toFixed(scale: number): string {
    const text = this.round(scale).toString()
    const point = text.indexOf('.')
    if (scale === 0) return text
    return point < 0 ? `${text}.${'0'.repeat(scale)}` : text.padEnd(point + 1 + scale, '0')
  }

  /** The nearest double: for charts and the wire of old clients, never for further arithmetic with money. */
  toNumber(): number {
    return Number(this.toString())
  }

  /** A JSON number with all its digits where the runtime can write one, else the nearest double. */
  toJSON(): unknown {
    return rawJson ? rawJson(this.toString()) : this.toNumber()
  }

  private at(scale: number): bigint {
    return this.coefficient * power(scale - this.scale)
  }
}

const rawJson = (JSON as { rawJSON?: (text: string) => unknown }).rawJSON

function roundedQuotient(numerator: bigint, denominator: bigint, rounding: Rounding): bigint {
  const quotient = numerator / denominator
  const rest = numerator - quotient * denominator
  if (rest === 0n || rounding === 'down') return quotient
  const away = numerator < 0n === denominator < 0n ? 1n : -1n
  if (rounding === 'up') return quotient + away
  const twice = 2n * (rest < 0n ? -rest : rest)
  const size = denominator < 0n ? -denominator : denominator
  if (twice > size || (twice === size && (rounding === 'half-up' || quotient % 2n !== 0n))) return quotient + away
  return quotient
}

/** Whether the text is one decimal number: sign, digits with at most one point, an exponent of up to three digits; 400 characters. */
export function isDecimalText(text: string): boolean {
  return text.length <= maxLength && decimalShape.test(text)
}

/**
 * The canonical text of a number, as columns keep it: `'1.50'` → `'1.5'`, `-0` → `'0'`, `1e-7` → `'0.0000001'`.
 * @throws NotANumber
 */
export function canonicalDecimal(input: DecimalInput): string {
  // Nearly all numbers are canonical as they come; telling so costs a tenth of taking them apart.
  const text = typeof input === 'number' ? String(input) : input
  if (typeof text === 'string' && text.length <= maxLength && canonicalShape.test(text)) return text
  return Decimal.from(input).toString()
}

/** Digits before and after the point that a stored decimal may have; Frappe's decimal(21,9). */
export const storedDigits = { before: 12, after: 9 } as const

/** Whether a decimal column holds the number exactly. @throws NotANumber */
export function fitsStorage(input: DecimalInput): boolean {
  const value = Decimal.from(input)
  return value.scale <= storedDigits.after && value.abs().compare(power(storedDigits.before)) < 0
}

/** The exact sum; zero for an empty list. Missing values (null, undefined, '') count as zero. @throws NotANumber */
export function sumDecimals(values: Iterable<DecimalInput | null | undefined>): Decimal {
  let sum = Decimal.zero
  for (const value of values) if (value !== null && value !== undefined && value !== '') sum = sum.plus(value)
  return sum
}

/**
 * Splits an amount into parts that differ by at most one smallest unit and always sum to the whole; the spare units go to the earliest.
 * @param parts  how many, 1 to 100,000
 * @param scale  places of the smallest unit; by default two, or as many as the amount has when those are more
 * @throws CannotSplit when `parts` is out of range, or the amount has more places than `scale`
 */
export function splitAmount(amount: DecimalInput, parts: number, scale?: number): Decimal[] {
  const whole = Decimal.from(amount)
  const places = scale ?? Math.max(2, whole.scale)
  if (!Number.isInteger(parts) || parts < 1 || parts > 100_000 || whole.scale > places) throw new CannotSplit({ parts })
  const share = whole.dividedBy(parts, places, 'down')
  const unit = Decimal.from(whole.isNegative() ? -1 : 1).dividedBy(power(places), places)
  const spare = whole.minus(share.times(parts)).dividedBy(unit, 0).toNumber()
  return Array.from({ length: parts }, (_, index) => (index < spare ? share.plus(unit) : share))
}
