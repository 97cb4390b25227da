import { Decimal, type DecimalInput, isDecimalText, type Rounding } from './decimal.ts'

/** How numbers are written: as the patterns of System Settings, Currency and Language say it, e.g. `#.###,##`. */
export interface NumberFormat {
  readonly decimal: string
  /** Between groups of digits; empty: none. */
  readonly group: string
  /** Digits after the point that money has when nothing else says so. */
  readonly places: number
  /** Groups above the first have two digits, as in India. */
  readonly pairs: boolean
}

const patterns: Readonly<Record<string, NumberFormat>> = {
  '#,###.##': { decimal: '.', group: ',', places: 2, pairs: false },
  '#.###,##': { decimal: ',', group: '.', places: 2, pairs: false },
  '# ###.##': { decimal: '.', group: ' ', places: 2, pairs: false },
  '# ###,##': { decimal: ',', group: ' ', places: 2, pairs: false },
  "#'###.##": { decimal: '.', group: "'", places: 2, pairs: false },
  '#, ###.##': { decimal: '.', group: ', ', places: 2, pairs: false },
  '#,##,###.##': { decimal: '.', group: ',', places: 2, pairs: true },
  '#,###.###': { decimal: '.', group: ',', places: 3, pairs: false },
  '#.########': { decimal: '.', group: '', places: 8, pairs: false },
  '#.###': { decimal: '', group: '.', places: 0, pairs: false },
  '#,###': { decimal: '', group: ',', places: 0, pairs: false },
}

const plain = patterns['#,###.##'] as NumberFormat

/** The format that a pattern stands for; that of `#,###.##` for one that is not known. */
export function numberFormat(pattern: string | null | undefined): NumberFormat {
  return Object.hasOwn(patterns, pattern ?? '') ? (patterns[pattern ?? ''] as NumberFormat) : plain
}

/** Frappe's names of rounding methods. */
export function roundingOf(method: string | null | undefined): Rounding {
  return method === 'Commercial Rounding' ? 'half-up' : 'half-even'
}

/**
 * A number as people read it. Spaces between groups do not break lines.
 * @param places exactly so many digits after the point; default: as many as the number has
 */
export function formatNumber(value: DecimalInput, format: NumberFormat, places?: number, rounding: Rounding = 'half-even'): string {
  const number = Decimal.from(value)
  const text = places === undefined ? number.toString() : number.round(places, rounding).toFixed(places)
  const [whole = '', fraction] = text.replace('-', '').split('.')
  // A format without a sign for the point still has to show what is there.
  const shown = grouped(whole, format) + (fraction === undefined ? '' : (format.decimal || (format.group === '.' ? ',' : '.')) + fraction)
  return /[1-9]/.test(text) && text.startsWith('-') ? `-${shown}` : shown
}

function grouped(digits: string, { group, pairs }: NumberFormat): string {
  if (group === '' || digits.length <= 3) return digits
  const between = group.replaceAll(' ', '\u00a0')
  const head = digits.slice(0, -3)
  return head.replace(pairs ? /\B(?=(?:\d{2})+$)/g : /\B(?=(?:\d{3})+$)/g, between) + between + digits.slice(-3)
}

/** How money of one currency is written. */
export interface MoneyStyle {
  readonly symbol?: string | undefined
  readonly symbolOnRight?: boolean | undefined
  /** Digits after the point; default: those of the format. */
  readonly places?: number | undefined
}

/** An amount with its symbol: `-€ 1,234.50`, `1.234,50 €`. */
export function formatMoney(value: DecimalInput, format: NumberFormat, style: MoneyStyle = {}): string {
  const text = formatNumber(value, format, style.places ?? format.places)
  if (!style.symbol) return text
  if (style.symbolOnRight) return `${text}\u00a0${style.symbol}`
  return text.startsWith('-') ? `-${style.symbol}\u00a0${text.slice(1)}` : `${style.symbol}\u00a0${text}`
}

/**
 * The plain decimal text that people meant, from a number written in the format: `1.234,50` → `1234.50`. Groups must be where the format has
 * them, so that a number of another format is not read as a wrong one; undefined for what is none.
 */
export function parseNumber(text: string, format: NumberFormat): string | undefined {
  const bare = text
    .trim()
    .replace(/[\u00a0\u202f\u2009]/g, ' ')
    .replace(/^\u2212/, '-')
  if (bare.length > 400) return undefined
  const group = format.group
  if (group !== '' && bare.includes(group) && group !== '.' && group !== ',') {
    // Spaces and apostrophes stand nowhere else in a number.
    const without = bare.replaceAll(group, '').replaceAll('’', '')
    return parseNumber(without, { ...format, group: '' })
  }
  const sign = bare.startsWith('-') ? '-' : ''
  const unsigned = bare.replace(/^[+-]/, '')
  const point = format.decimal === '' ? -1 : unsigned.indexOf(format.decimal)
  const whole = point < 0 ? unsigned : unsigned.slice(0, point)
  const fraction = point < 0 ? '' : unsigned.slice(point + 1)
  const digits = group !== '' && whole.includes(group) ? ungrouped(whole, format) : whole
  if (digits === undefined || !/^\d*$/.test(digits) || !/^\d*$/.test(fraction) || digits + fraction === '') {
    return format.decimal !== ',' && isDecimalText(bare) ? bare : undefined
  }
  return `${sign}${digits || '0'}${fraction === '' ? '' : `.${fraction}`}`
}

function ungrouped(whole: string, { group, pairs }: NumberFormat): string | undefined {
  const parts = whole.split(group)
  const last = parts.pop() as string
  const middle = pairs ? 2 : 3
  const fits =
    last.length === 3 && parts.every((part, index) => (index === 0 ? part.length >= 1 && part.length <= middle : part.length === middle))
  return fits ? parts.join('') + last : undefined
}
