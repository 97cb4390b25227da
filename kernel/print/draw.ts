import type { Context } from '#kernel/context/context.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import { fieldAccess } from '#kernel/permissions/field-access.ts'
import { escapeHtml } from '#kernel/templates/plain-text.ts'
import { barcodeOrText } from './barcode.ts'
import { isPrinted, type PrintColumn, type PrintElement, type PrintLayout, type PrintSection, type TableColumn } from './layout.ts'
import type { PrintLocale } from './locale.ts'
import { isNumeric, pictureHtml, showValue, type ValueSetting } from './show-value.ts'

type Values = Record<string, unknown>

/** What a layout is drawn with. */
export interface Drawing {
  readonly ctx: Context
  readonly meta: Meta
  /** The document as its reader may see it; what is missing is not shown. */
  readonly data: Values
  readonly setting: ValueSetting
  /** Labels stand in this language, too. */
  readonly second: PrintLocale | undefined
  readonly showsHeadings: boolean
  /** Fills templates inside a layout in. */
  readonly template: (source: string) => Promise<string>
}

/** A layout with a document's values as HTML. Empty fields, columns and sections are left out. */
export async function drawLayout(drawing: Drawing, layout: PrintLayout): Promise<string> {
  const parts: string[] = []
  let followsTable = false
  for (const section of layout.sections) {
    const isTotals: boolean = followsTable && hasOnlyNumbers(section)
    const html = await drawSection(drawing, section, isTotals)
    if (html === '') continue
    parts.push(html)
    followsTable =
      section.columns.some((column) => column.elements.some((element) => element.kind === 'table')) || (followsTable && isTotals)
  }
  return parts.join('\n')
}

/** Amounts below a table are its totals and stand under its last column. */
function hasOnlyNumbers({ columns }: PrintSection): boolean {
  const elements = columns.flatMap((column) => column.elements)
  return elements.length > 0 && elements.every((element) => element.kind === 'field' && isNumeric(element.field))
}

async function drawSection(drawing: Drawing, section: PrintSection, isTotals: boolean): Promise<string> {
  const columns: string[] = []
  for (const column of section.columns) {
    const html = await drawColumn(drawing, column)
    // An empty column keeps its place only where a person put it there.
    if (html !== '') columns.push(`<div class="column" style="flex:${column.width} 1 0">${html}</div>`)
  }
  if (columns.length === 0) return ''
  const heading = section.heading === '' || !drawing.showsHeadings ? '' : `<h2>${labelHtml(drawing, section.heading)}</h2>`
  const names = ['section', section.startsPage && 'new-page', section.isStacked && 'stacked', isTotals && 'totals']
  return `<section class="${names.filter(Boolean).join(' ')}">${heading}<div class="columns">${columns.join('')}</div></section>`
}

async function drawColumn(drawing: Drawing, { elements }: PrintColumn): Promise<string> {
  const parts: string[] = []
  for (const element of elements) parts.push(await drawElement(drawing, element))
  return parts.join('')
}

async function drawElement(drawing: Drawing, element: PrintElement): Promise<string> {
  switch (element.kind) {
    case 'field':
      return drawField(drawing, element)
    case 'table':
      return drawTable(drawing, element.field, element.columns, element.label)
    case 'template':
      return `<div class="own">${await drawing.template(element.source)}</div>`
    case 'text':
      return `<p class="lines">${escapeHtml(drawing.setting.locale.text(element.text))}</p>`
    case 'image':
      return pictureHtml(element.source || String(drawing.data[element.fieldname] ?? ''), element.width)
    case 'barcode':
      return drawCode(drawing, element)
    case 'line':
      return '<hr>'
    case 'space':
      return '<div class="space"></div>'
    case 'page-break':
      return '<div class="page-break"></div>'
  }
}

function drawField(drawing: Drawing, { field, label, hidesLabel, align }: PrintElement & { kind: 'field' }): string {
  const value = showValue(drawing.setting, field, drawing.data)
  if (value === '') return ''
  if (field.fieldtype === 'Heading' || field.fieldtype === 'HTML') return value
  const facts = `data-fieldname="${escapeHtml(field.fieldname)}" data-fieldtype="${escapeHtml(field.fieldtype)}"`
  const style = align === '' ? '' : ` style="text-align:${align}"`
  const isWide = ['Text Editor', 'HTML Editor', 'Code', 'JSON', 'Markdown Editor'].includes(field.fieldtype)
  const name = hidesLabel || label === '' ? '' : `<div class="label">${labelHtml(drawing, label)}</div>`
  return `<div class="field${isWide ? ' wide' : ''}${isNumeric(field) ? ' number' : ''}" ${facts}>${name}<div class="value"${style}>${value}</div></div>`
}

function drawCode({ data }: Drawing, { text, fieldname, code, height }: PrintElement & { kind: 'barcode' }): string {
  const content = text || String(data[fieldname] ?? '')
  if (content === '') return ''
  const drawn = barcodeOrText(content, code, height > 0 ? { height } : {})
  return `<div class="code">${typeof drawn === 'string' ? escapeHtml(drawn) : drawn.html}</div>`
}

async function drawTable(drawing: Drawing, field: MetaField, chosen: readonly TableColumn[] | undefined, label: string): Promise<string> {
  const rows = drawing.data[field.fieldname] as Values[] | undefined
  if (!Array.isArray(rows) || rows.length === 0) return ''
  const { ctx, meta, setting, data } = drawing
  const child = await ctx.site.meta.get(field.options ?? '')
  const access = await fieldAccess(ctx, child, meta)
  const columns = columnsOf(child, chosen).filter(
    ({ field: one }) => access.canRead(one) && (one.fieldname === 'idx' || rows.some((row) => showValue(setting, one, row, data) !== '')),
  )
  if (columns.length === 0) return ''
  const total = columns.reduce((sum, column) => sum + column.width, 0)
  const head = columns.map(({ field: one, label: name, width }) => {
    // Widths of more than the whole are shares of it.
    const share = width > 0 ? ` style="width:${Math.round((total > 100 ? (width / total) * 100 : width) * 10) / 10}%"` : ''
    return `<th${one.fieldname === 'idx' ? ' class="index"' : isNumeric(one) ? ' class="number"' : ''}${share} scope="col">${labelHtml(drawing, name)}</th>`
  })
  const body = rows.map((row, index) => {
    const cells = columns.map(({ field: one }) => {
      if (one.fieldname === 'idx') return `<td class="index">${index + 1}</td>`
      const value = showValue(setting, one, row, data)
      // A cell says itself how its number runs: an element less in each of thousands.
      const number = /^<bdi dir="ltr">([^<]*)<\/bdi>$/.exec(value)?.[1]
      if (isNumeric(one)) return `<td class="number" dir="ltr">${number ?? value}</td>`
      return `<td>${value}</td>`
    })
    return `<tr>${cells.join('')}</tr>`
  })
  const heading = label === '' ? '' : `<h3>${labelHtml(drawing, label)}</h3>`
  return `${heading}<table class="rows" data-fieldname="${escapeHtml(field.fieldname)}"><thead><tr>${head.join('')}</tr></thead><tbody>\n${body.join('\n')}\n</tbody></table>`
}

interface DrawnColumn {
  readonly field: MetaField
  readonly label: string
  readonly width: number
}

/** The number of the row and the printed fields, or those that somebody chose. */
function columnsOf(child: Meta, chosen: readonly TableColumn[] | undefined): DrawnColumn[] {
  const index = { fieldname: 'idx', fieldtype: 'Int', permlevel: 0, stored: true, type: child.column.get('idx')?.type } as MetaField
  if (!chosen) {
    const fields = child.fields.filter((field) => isPrinted(field) && field.type.kind !== 'none' && field.type.kind !== 'table')
    return [{ field: index, label: '#', width: 0 }, ...fields.map((field) => ({ field, label: field.label ?? '', width: percent(field) }))]
  }
  return chosen.flatMap(({ fieldname, label, width }) => {
    const field = fieldname === 'idx' ? index : child.field.get(fieldname)
    if (!field || (field !== index && (field.type.kind === 'none' || field.type.kind === 'table'))) return []
    return [{ field, label: label || (field === index ? '#' : (field.label ?? '')), width }]
  })
}

/** `print_width` counts where it is per cent; pixels of a screen say nothing about paper. */
function percent(field: MetaField): number {
  const text = String(field.print_width ?? '')
  return text.endsWith('%') ? Math.min(Math.max(Number.parseFloat(text), 0), 100) : 0
}

function labelHtml({ setting, second }: Drawing, label: string): string {
  const first = setting.locale.text(label)
  const other = second?.text(label)
  if (!second || other === undefined || other === first) return escapeHtml(first)
  return `${escapeHtml(first)} <span class="second" lang="${escapeHtml(second.language)}" dir="${second.direction}">${escapeHtml(other)}</span>`
}
