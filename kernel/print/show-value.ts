import { sanitiseHtml } from '#kernel/fields/text/sanitise-html.ts'
import type { MetaField } from '#kernel/meta/meta.ts'
import { escapeHtml } from '#kernel/templates/plain-text.ts'
import { barcodeOrText, barcodeText, isBarcodeKind } from './barcode.ts'
import type { PrintLocale } from './locale.ts'

/** What values are shown with. */
export interface ValueSetting {
  readonly locale: PrintLocale
  /** Titles of linked documents by `DocType::name`. */
  readonly titles: ReadonlyMap<string, string>
  /** Negative numbers are shown without their sign, as in credit notes. */
  readonly isAbsolute: boolean
  readonly currency: string
  /** Places of plain numbers whose field says none. */
  readonly floatPlaces: number
}

/** Fields whose values stand at the end of the line, under each other. */
export function isNumeric(field: MetaField): boolean {
  return (field.type.kind === 'number' || field.type.kind === 'decimal') && !['Check', 'Rating', 'Duration'].includes(field.fieldtype)
}

/**
 * A value as HTML; '' when there is nothing to show. Texts are escaped, formatted texts sanitised; masked values stand as they are.
 * @param row     the document or the table's row that holds the value
 * @param around  the document around a row, whose currency counts where the row has none
 */
export function showValue(
  setting: ValueSetting,
  field: MetaField,
  row: Record<string, unknown>,
  around: Record<string, unknown> = row,
): string {
  const value = row[field.fieldname]
  if (field.fieldtype === 'HTML') return sanitiseHtml(field.options ?? '')
  if (field.fieldtype === 'Heading') return `<h3>${escapeHtml(setting.locale.text(field.label ?? ''))}</h3>`
  if (field.fieldtype === 'Image') return pictureHtml(String(row[field.options ?? ''] ?? ''))
  if (value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0)) return ''
  if (field.print_hide_if_no_value && (value === 0 || Number(value) === 0)) return ''
  const text = String(value)
  switch (field.fieldtype) {
    case 'Check':
      return Number(value) ? escapeHtml(setting.locale.text('Yes')) : ''
    case 'Currency':
      return amountHtml(setting, field, text, row, around)
    case 'Float':
    case 'Int':
    case 'Percent':
    case 'Long Int':
      return numberHtml(setting, field, text)
    case 'Date':
      return /^\d{4}-\d\d-\d\d/.test(text) ? level(setting.locale.day(text.slice(0, 10))) : escapeHtml(text)
    case 'Datetime':
      return /^\d{4}-\d\d-\d\d \d/.test(text) ? level(setting.locale.moment(text)) : escapeHtml(text)
    case 'Time':
      return /^\d\d?:\d\d/.test(text) ? level(setting.locale.time(text)) : escapeHtml(text)
    case 'Duration':
      return /^\d+(\.\d+)?$/.test(text) ? level(durationText(Number(text))) : escapeHtml(text)
    case 'Rating':
      return /^[\d.]+$/.test(text)
        ? level(`${Math.round(Number(text) * (Number(field.options) || 5) * 10) / 10} / ${Number(field.options) || 5}`)
        : escapeHtml(text)
    case 'Select':
      return escapeHtml(setting.locale.text(text))
    case 'Link':
      return escapeHtml(setting.titles.get(`${field.options}::${text}`) ?? text)
    case 'Text Editor':
    case 'HTML Editor':
      return `<div class="rich">${sanitiseHtml(text)}</div>`
    case 'Code':
    case 'JSON':
      return `<pre>${escapeHtml(typeof value === 'object' ? JSON.stringify(value, null, 2) : text)}</pre>`
    case 'Small Text':
    case 'Text':
    case 'Long Text':
    case 'Markdown Editor':
      return `<div class="lines">${escapeHtml(text)}</div>`
    case 'Attach Image':
    case 'Signature':
      return pictureHtml(text)
    case 'Attach':
      return escapeHtml(text.split('/').at(-1) ?? text)
    case 'Barcode':
      return codeHtml(text, field)
    case 'Color':
      return /^#[\da-f]{3,8}$/i.test(text) ? `<span class="swatch" style="background:${text}"></span> ${text}` : escapeHtml(text)
    case 'Table MultiSelect':
      return escapeHtml(
        Array.isArray(value)
          ? value
              .map((one) => nameInRow(one as Record<string, unknown>))
              .filter(Boolean)
              .join(', ')
          : text,
      )
    default:
      return escapeHtml(text)
  }
}

/** Numbers, days and times read from left to right in every language. */
function level(text: string): string {
  return `<bdi dir="ltr">${escapeHtml(text)}</bdi>`
}

function numberHtml({ locale, isAbsolute, floatPlaces }: ValueSetting, field: MetaField, text: string): string {
  const places = field.fieldtype === 'Int' || field.fieldtype === 'Long Int' ? 0 : placesOf(field)
  const short =
    places ?? (field.fieldtype === 'Percent' || !Number.isInteger(Number(text)) ? Math.min(floatPlaces, decimalsIn(text)) : undefined)
  const shown = locale.number(isAbsolute ? text.replace(/^-/, '') : text, short)
  if (shown === undefined) return escapeHtml(text)
  return level(field.fieldtype === 'Percent' ? `${shown}\u00a0%` : shown)
}

function amountHtml(
  setting: ValueSetting,
  field: MetaField,
  text: string,
  row: Record<string, unknown>,
  around: Record<string, unknown>,
): string {
  const named = field.options ?? ''
  const currency =
    String(row[named] || around[named] || row.currency || around.currency || '') || (/^[A-Z]{3}$/.test(named) ? named : setting.currency)
  const given = setting.isAbsolute ? text.replace(/^-/, '') : text
  const shown =
    currency === '' ? setting.locale.number(given, placesOf(field) ?? 2) : setting.locale.money(given, currency, placesOf(field))
  return shown === undefined ? escapeHtml(text) : level(shown)
}

function placesOf({ precision }: MetaField): number | undefined {
  const places = Number(precision)
  return precision === undefined || precision === null || precision === '' || !Number.isInteger(places)
    ? undefined
    : Math.min(Math.max(places, 0), 9)
}

function decimalsIn(text: string): number {
  return text.split('.')[1]?.length ?? 0
}

/** Whole seconds as `1d 2h 3m 4s`. */
function durationText(seconds: number): string {
  const whole = Math.round(seconds)
  const parts = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'm'],
    [whole % 60, 's'],
  ].filter(([count]) => count !== 0)
  return parts.map(([count, unit]) => `${count}${unit}`).join(' ') || '0s'
}

/** A picture of the site, or one that is in the value itself; addresses elsewhere are not asked. */
export function pictureHtml(source: string, widthMm = 0): string {
  if (!/^(?:\/(?:private\/)?files\/[^"'<>\s][^"'<>]*|data:image\/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+)$/.test(source)) return ''
  return `<img class="picture" alt="" src="${escapeHtml(source)}"${widthMm > 0 ? ` style="width:${widthMm}mm"` : ''}>`
}

function codeHtml(stored: string, field: MetaField): string {
  const text = barcodeText(stored)
  const named = String(field.options ?? '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '')
  const code = barcodeOrText(text, isBarcodeKind(named) ? named : 'code128')
  return typeof code === 'string' ? escapeHtml(code) : code.html
}

const ownFields = new Set([
  'name',
  'owner',
  'creation',
  'modified',
  'modified_by',
  'docstatus',
  'idx',
  'parent',
  'parentfield',
  'parenttype',
  'doctype',
])

/** What a row of a multiple choice stands for: its only field. */
function nameInRow(row: Record<string, unknown>): string {
  const key = Object.keys(row).find((one) => !ownFields.has(one) && !one.startsWith('_'))
  return key ? String(row[key] ?? '') : ''
}
