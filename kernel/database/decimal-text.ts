const places = 9
const offset = 10n ** 21n
const width = 22
const decimalForm = /^(-?)0*(\d*)(?:\.(\d*?)0*)?$/

/** Canonical form of a plain decimal text: no leading or trailing zeros, no bare point, no `-0`. @throws Error when it is not one */
export function canonicalText(text: string): string {
  const found = decimalForm.exec(text)
  if (!found || !/\d/.test(text)) throw new Error(`${JSON.stringify(text)} is not a decimal.`)
  const whole = found[2] || '0'
  const fraction = found[3] ?? ''
  const plain = fraction ? `${whole}.${fraction}` : whole
  return found[1] && plain !== '0' ? `-${plain}` : plain
}

/**
 * A decimal as text of 22 digits whose alphabetical order is the numeric one: value·10⁹ + 10²¹.
 * @throws RangeError outside 12 digits before and 9 after the point
 */
export function sortableDecimal(text: string): string {
  const encoded = comparableDecimal(text)
  if (encoded.length !== width) throw new RangeError(`${text} does not fit a decimal column: 12 digits before the point, 9 after.`)
  return encoded
}

/**
 * As `sortableDecimal`, for the other side of a comparison: a value with more places falls between its neighbours, one too
 * large or too small falls beyond every stored value.
 */
export function comparableDecimal(text: string): string {
  const canonical = canonicalText(text)
  const negative = canonical.startsWith('-')
  const [whole = '0', fraction = ''] = (negative ? canonical.slice(1) : canonical).split('.')
  if (whole.length > 12) return negative ? '' : '~'
  const scaled = BigInt(whole + fraction.padEnd(places, '0').slice(0, places))
  const rest = fraction.slice(places)
  if (!rest) return String((negative ? -scaled : scaled) + offset).padStart(width, '0')
  if (!negative) return String(scaled + offset).padStart(width, '0') + rest
  const above = 10n ** BigInt(rest.length) - BigInt(rest)
  return String(offset - scaled - 1n).padStart(width, '0') + String(above).padStart(rest.length, '0')
}

/** The canonical text of a stored sortable decimal. */
export function fromSortable(stored: string): string {
  return fromScaled(BigInt(stored) - offset)
}

/** The scaled integer (value·10⁹) of a stored sortable decimal. */
export function toScaled(stored: string): bigint {
  return BigInt(stored) - offset
}

/** Canonical text of a scaled integer (value·10⁹). */
export function fromScaled(scaled: bigint): string {
  const digits = String(scaled < 0n ? -scaled : scaled).padStart(places + 1, '0')
  return canonicalText(`${scaled < 0n ? '-' : ''}${digits.slice(0, -places)}.${digits.slice(-places)}`)
}

/** Quotient of scaled integers by a count, rounded half away from zero at the last place. */
export function divideScaled(scaled: bigint, count: bigint): bigint {
  const magnitude = scaled < 0n ? -scaled : scaled
  const rounded = (magnitude * 2n + count) / (count * 2n)
  return scaled < 0n ? -rounded : rounded
}
