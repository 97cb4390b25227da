import { parseDate, parseDatetime } from '#client/rules/dates.ts'
import { barcodeOrText, isBarcodeKind } from '#kernel/print/barcode.ts'
import { plainText } from './plain-text.ts'
import { spokenIn } from './template-locale.ts'

interface Filling {
  context: { globals: { site?: { url?: string; language?: string } } }
}

type Filter = (this: Filling, value: unknown, ...given: unknown[]) => unknown

/** Filters that templates have beside Liquid's own. */
export const templateFilters: Readonly<Record<string, Filter>> = {
  /** `{{ doc.grand_total | money: doc.currency }}`: in the site's language, with the currency's places. */
  money(value, currency) {
    const number = numberOf(value)
    if (number === undefined) return ''
    const code = typeof currency === 'string' && /^[A-Z]{3}$/.test(currency) ? currency : undefined
    const locale = spokenIn(this.context.globals)
    if (locale) return (code ? locale.money(value, code) : locale.number(value, 2)) ?? ''
    return formatter(this, code ? { style: 'currency', currency: code } : { minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(
      number,
    )
  },
  /** `{{ doc.qty | number: 1 }}`: grouped, with so many places; without, as many as there are, up to nine. */
  number(value, places) {
    const number = numberOf(value)
    if (number === undefined) return ''
    const wanted = typeof places === 'number' && places >= 0 && places <= 9 ? Math.floor(places) : undefined
    const locale = spokenIn(this.context.globals)
    if (locale) return locale.number(value, wanted) ?? ''
    return formatter(this, { minimumFractionDigits: wanted ?? 0, maximumFractionDigits: wanted ?? 9 }).format(number)
  },
  /** `{{ doc.due_date | day }}`: the day in the site's language; `short`, `medium` (default), `long` or `full`. */
  day(value, style) {
    const day = parseDate(String(value ?? '').slice(0, 10))
    const locale = style === undefined ? spokenIn(this.context.globals) : undefined
    if (day && locale) return locale.day(day)
    return day ? dates(this, { dateStyle: dateStyle(style) }).format(new Date(`${day}T00:00:00Z`)) : ''
  },
  /** `{{ doc.creation | moment }}`: day and time as the data has them, which is in the site's time zone. */
  moment(value, style) {
    const parsed = parseDatetime(String(value ?? ''))
    if (!parsed) return ''
    const instant = new Date(`${parsed.naive.slice(0, 10)}T${parsed.naive.slice(11, 23)}Z`)
    return dates(this, { dateStyle: dateStyle(style), timeStyle: 'short' }).format(instant)
  },
  /** `{{ doc.name | link: doc.doctype }}`: the address of a document's form. */
  link(name, doctype) {
    const site = this.context.globals.site?.url ?? ''
    const slug = encodeURIComponent(
      String(doctype ?? '')
        .toLowerCase()
        .replaceAll(' ', '-'),
    )
    return slug === '' ? site : `${site}/app/${slug}/${encodeURIComponent(String(name ?? ''))}`
  },
  strip_html: (value) => plainText(String(value ?? '')),
  /** `{{ 'Total' | t }}`: in the reader's language, where the template is filled in for one. */
  t(value) {
    const text = String(value ?? '')
    return spokenIn(this.context.globals)?.text(text) ?? text
  },
  /** `{{ doc.name | barcode: 'ean13', 15 }}`: a bar code of a kind (default `code128`) and height in mm, as a picture. */
  barcode(value, kind, height) {
    const text = String(value ?? '')
    if (text === '') return ''
    const wanted = typeof kind === 'string' && isBarcodeKind(kind) ? kind : 'code128'
    return barcodeOrText(text, wanted, typeof height === 'number' ? { height } : {})
  },
  /** `{{ doc.name | link: doc.doctype | qrcode: 30 }}`: a QR code, so many mm wide. */
  qrcode(value, side) {
    const text = String(value ?? '')
    return text === '' ? '' : barcodeOrText(text, 'qrcode', typeof side === 'number' ? { height: side } : {})
  },
}

function numberOf(value: unknown): Intl.StringNumericLiteral | undefined {
  const text = String(value ?? '').trim()
  // As text: a decimal of twenty digits keeps them all.
  return /^-?\d+(\.\d+)?$/.test(text) ? (text as Intl.StringNumericLiteral) : undefined
}

function languageOf({ context }: Filling): string {
  return context.globals.site?.language || 'en'
}

function formatter(filling: Filling, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  try {
    return new Intl.NumberFormat(languageOf(filling), options)
  } catch {
    return new Intl.NumberFormat('en', options.style === 'currency' ? { minimumFractionDigits: 2, maximumFractionDigits: 2 } : options)
  }
}

function dates(filling: Filling, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat(languageOf(filling), { ...options, timeZone: 'UTC' })
  } catch {
    return new Intl.DateTimeFormat('en', { ...options, timeZone: 'UTC' })
  }
}

function dateStyle(style: unknown): 'full' | 'long' | 'medium' | 'short' {
  return style === 'full' || style === 'long' || style === 'short' ? style : 'medium'
}
