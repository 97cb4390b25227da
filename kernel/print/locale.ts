import { dateFormat, formatDate, formatDatetime, formatTime } from '#client/rules/date-format.ts'
import { Decimal, isDecimalText } from '#client/rules/decimal.ts'
import { formatMoney, formatNumber, type MoneyStyle, type NumberFormat, numberFormat } from '#client/rules/number-format.ts'
import { directionOf } from '#client/rules/right-to-left.ts'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { setting } from '#kernel/sites/settings.ts'
import { loadTranslations, translateTo } from '#kernel/translations/translate.ts'

/** How a print speaks: its texts, and how it writes numbers, amounts and days. */
export interface PrintLocale {
  readonly language: string
  readonly direction: 'rtl' | 'ltr'
  text(source: string, context?: string): string
  /** Undefined for what is no number, such as a masked one. @param places exactly so many digits after the point; default: those it has */
  number(value: unknown, places?: number): string | undefined
  money(value: unknown, currency: string, places?: number): string | undefined
  /** From `YYYY-MM-DD`. */
  day(value: string): string
  /** From `YYYY-MM-DD HH:MM:SS`. */
  moment(value: string): string
  time(value: string): string
}

/** What System Settings mean where nobody has saved them. */
const defaults = { date_format: 'yyyy-mm-dd', time_format: 'HH:mm', number_format: '#,###.##' } as const

interface LanguageRow {
  date_format: string | null
  time_format: string | null
  number_format: string | null
}

/**
 * The ways of a language: what its Language document says, for the site's own language what System Settings say, else what is usual where it
 * is spoken. Digits are always 0 to 9.
 */
export async function printLocale(ctx: Context, language: string): Promise<PrintLocale> {
  await loadTranslations(ctx.site, language)
  const [row] = await ctx.db.query<LanguageRow & Record<string, string | null>>(
    ctx.db.dialect.compile(
      sql`select date_format, time_format, number_format from ${ident('tabLanguage')} where ${ident('language_code')} = ${language}`,
    ),
  )
  const isSites = language === setting(ctx.site, 'language', 'en')
  const own = (field: 'date_format' | 'time_format' | 'number_format') =>
    row?.[field] || (isSites ? setting(ctx.site, field, defaults[field]) : '')
  const ownNumber = own('number_format')
  const ownDate = own('date_format')
  const format = ownNumber === '' ? usualNumbers(language) : numberFormat(ownNumber)
  const clock = own('time_format') === 'HH:mm:ss' ? 'HH:mm:ss' : 'HH:mm'
  const pattern = dateFormat(ownDate)
  const day = (value: string) => (ownDate === '' ? usualDay(language, value) : formatDate(value, pattern))
  const styles = await moneyStyles(ctx)
  return {
    language,
    direction: directionOf(language),
    text: (source, context) => translateTo(ctx.site, language, source, context),
    number: (value, places) => asNumber(value, (decimal) => formatNumber(decimal, format, places)),
    money: (value, currency, places) =>
      asNumber(value, (decimal) => {
        const style: MoneyStyle = styles.get(currency) ?? { symbol: currency, places: usualPlaces(currency) }
        return formatMoney(decimal, format, { ...style, ...(places !== undefined && { places }) })
      }),
    day,
    moment: (value) =>
      ownDate === '' ? `${day(value.slice(0, 10))} ${formatTime(value.slice(11), clock)}` : formatDatetime(value, pattern, clock),
    time: (value) => formatTime(value, clock),
  }
}

function asNumber(value: unknown, show: (decimal: Decimal) => string): string | undefined {
  const text = String(value ?? '').trim()
  return isDecimalText(text) ? show(Decimal.from(text)) : undefined
}

/** A tag that the platform's own tables of languages know. */
function knownTag(language: string): string {
  try {
    return Intl.NumberFormat.supportedLocalesOf([language.replaceAll('_', '-')])[0] ?? 'en'
  } catch {
    return 'en'
  }
}

function usualNumbers(language: string): NumberFormat {
  const parts = new Intl.NumberFormat(knownTag(language), { numberingSystem: 'latn', useGrouping: 'always' }).formatToParts(12_345_678.5)
  const of = (type: Intl.NumberFormatPartTypes) => parts.find((part) => part.type === type)?.value
  const groups = parts.filter((part) => part.type === 'integer')
  const group = (of('group') ?? '').replaceAll(/[\u00a0\u202f]/g, ' ').replaceAll('’', "'")
  return { decimal: of('decimal') ?? '.', group, places: 2, pairs: groups.at(-2)?.value.length === 2 }
}

function usualDay(language: string, day: string): string {
  const at = new Date(`${day}T00:00:00Z`)
  if (Number.isNaN(at.getTime())) return day
  const options = {
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    timeZone: 'UTC',
    numberingSystem: 'latn',
    calendar: 'gregory',
  } as const
  // Marks of direction would stand in what people copy; the page sets the direction itself.
  return new Intl.DateTimeFormat(knownTag(language), options).format(at).replaceAll(/[\u200e\u200f]/g, '')
}

function usualPlaces(currency: string): number {
  if (!/^[A-Z]{3}$/.test(currency)) return 2
  return new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2
}

async function moneyStyles(ctx: Context): Promise<ReadonlyMap<string, MoneyStyle>> {
  const rows = await ctx.db.query<{ name: string; symbol: string | null; symbol_on_right: number | null; fraction_units: number | null }>(
    ctx.db.dialect.compile(sql`select name, symbol, symbol_on_right, fraction_units from ${ident('tabCurrency')}`),
  )
  return new Map(
    rows.map((row) => {
      const units = Number(row.fraction_units ?? 0)
      // 100 smaller units are two places; none said: as usual for the currency.
      const places = units > 0 ? Math.max(0, Math.round(Math.log10(units))) : usualPlaces(row.name)
      return [row.name, { symbol: row.symbol || row.name, symbolOnRight: Boolean(Number(row.symbol_on_right)), places }]
    }),
  )
}
