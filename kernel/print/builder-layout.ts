import type { Meta } from '#kernel/meta/meta.ts'
import { checkTemplate } from '#kernel/templates/render.ts'
import { isBarcodeKind } from './barcode.ts'
import { LayoutInvalid } from './errors.ts'
import {
  type Align,
  elementOf,
  isPrinted,
  type PrintColumn,
  type PrintElement,
  type PrintLayout,
  type PrintSection,
  type TableColumn,
} from './layout.ts'

type Json = Record<string, unknown>

const most = { sections: 200, columns: 6, elements: 500, tableColumns: 40, characters: 500_000 }

/**
 * Reads a layout that somebody drew, of `format_data`: `{ sections: [{ label, columns: [{ fields: [...] }] }] }`, and the flat list of
 * fields that older Frappe builders made. Fields that the DocType no longer has are left out; hidden ones stay, since they were chosen.
 * @throws LayoutInvalid with the place in the JSON
 */
export function builderLayout(meta: Meta, source: string): PrintLayout {
  if (source.length > most.characters) throw new LayoutInvalid({ field: 'format_data', reason: 'it is too long' })
  let data: unknown
  try {
    data = JSON.parse(source)
  } catch {
    throw new LayoutInvalid({ field: 'format_data', reason: 'it is not JSON' })
  }
  if (Array.isArray(data)) return { sections: fromFlatList(meta, data as unknown[]) }
  const sections = listAt(data, 'sections', 'format_data', most.sections)
  return { sections: sections.map((section, index) => readSection(meta, section, `format_data.sections[${index}]`)) }
}

function readSection(meta: Meta, section: unknown, path: string): PrintSection {
  const columns = listAt(section, 'columns', path, most.columns)
  const { label, page_break, field_orientation } = section as Json
  return {
    heading: textOf(label, `${path}.label`),
    startsPage: Boolean(page_break),
    isStacked: field_orientation === 'left-right' ? false : field_orientation === 'top-down',
    columns: columns.map((column, index) => readColumn(meta, column, `${path}.columns[${index}]`)),
  }
}

function readColumn(meta: Meta, column: unknown, path: string): PrintColumn {
  const fields = listAt(column, 'fields', path, most.elements)
  const elements = fields.flatMap((element, index) => readElement(meta, element, `${path}.fields[${index}]`))
  return { elements, width: numberOf((column as Json).width, `${path}.width`, 1, 0.1, 12) }
}

function readElement(meta: Meta, given: unknown, path: string): PrintElement[] {
  const element = objectAt(given, path)
  const fieldname = textOf(element.fieldname, `${path}.fieldname`)
  const html = element.html ?? (element.fieldtype === 'Custom HTML' || element.fieldtype === 'HTML' ? element.options : undefined)
  if (element.remove === true || element.remove === 1) return []
  const type = textOf(element.type, `${path}.type`)
  switch (type) {
    case 'text':
      return [{ kind: 'text', text: textOf(element.text, `${path}.text`) }]
    case 'image': {
      const source = textOf(element.src, `${path}.src`)
      return [{ kind: 'image', source, fieldname, width: numberOf(element.width, `${path}.width`, 0, 0, 300) }]
    }
    case 'barcode': {
      const code = textOf(element.kind, `${path}.kind`) || 'code128'
      if (!isBarcodeKind(code))
        throw new LayoutInvalid({ field: `${path}.kind`, reason: `there is no code of the kind ${code.slice(0, 40)}` })
      const height = numberOf(element.height, `${path}.height`, 0, 0, 200)
      return [{ kind: 'barcode', text: textOf(element.text, `${path}.text`), fieldname, code, height }]
    }
    case 'line':
    case 'space':
    case 'page-break':
      return [{ kind: type }]
    case 'html':
    case '':
      break
    default:
      throw new LayoutInvalid({ field: `${path}.type`, reason: `there are no elements of the type ${type.slice(0, 40)}` })
  }
  if (typeof html === 'string') return [templateElement(html, path)]
  if (element.fieldtype === 'Divider') return [{ kind: 'line' }]
  if (element.fieldtype === 'Spacer') return [{ kind: 'space' }]
  const field = meta.field.get(fieldname)
  if (!field || field.type.kind === 'none') return []
  if (field.type.kind === 'table' && field.fieldtype === 'Table') {
    const columns = element.table_columns ?? element.visible_columns
    return [
      {
        kind: 'table',
        field,
        label: labelOf(element, field.label),
        columns: columns === undefined ? undefined : tableColumns(columns, path),
      },
    ]
  }
  const align = ({ left: 'start', right: 'end', start: 'start', end: 'end', center: 'center' } as Record<string, Align>)[
    String(element.align)
  ]
  return [{ kind: 'field', field, label: labelOf(element, field.label), hidesLabel: Boolean(element.hide_label), align: align ?? '' }]
}

function templateElement(source: string, path: string): PrintElement {
  const problem = checkTemplate(source)
  if (problem) throw new LayoutInvalid({ field: `${path}.html`, reason: problem.message.replace(/\.$/, '') })
  return { kind: 'template', source }
}

function tableColumns(given: unknown, path: string): TableColumn[] {
  if (!Array.isArray(given) || given.length > most.tableColumns)
    throw new LayoutInvalid({ field: `${path}.table_columns`, reason: `it must be a list of at most ${most.tableColumns} columns` })
  return given.flatMap((one: unknown, index) => {
    const column = objectAt(one, `${path}.table_columns[${index}]`)
    if (column.print_hide) return []
    const width = Number.parseFloat(String(column.width ?? column.print_width ?? '0').replace(/(px|%)$/, '')) || 0
    const isPixels = String(column.print_width ?? '').endsWith('px')
    return [
      {
        fieldname: textOf(column.fieldname, `${path}.table_columns[${index}].fieldname`),
        label: textOf(column.label, `${path}.table_columns[${index}].label`),
        width: isPixels ? 0 : Math.min(Math.max(width, 0), 100),
      },
    ]
  })
}

/** `[{ fieldname, fieldtype, … }]`, where breaks stand among the fields. */
function fromFlatList(meta: Meta, list: readonly unknown[]): PrintSection[] {
  if (list.length > most.elements) throw new LayoutInvalid({ field: 'format_data', reason: `it has more than ${most.elements} elements` })
  const sections: { heading: string; columns: { elements: PrintElement[]; width: number }[]; startsPage: boolean; isStacked: boolean }[] =
    []
  const begin = (heading: string) => sections.push({ heading, columns: [{ elements: [], width: 1 }], startsPage: false, isStacked: false })
  begin('')
  for (const [index, one] of list.entries()) {
    const path = `format_data[${index}]`
    const element = objectAt(one, path)
    if (element.fieldtype === 'Section Break') begin(textOf(element.label, `${path}.label`))
    else if (element.fieldtype === 'Column Break') sections.at(-1)?.columns.push({ elements: [], width: 1 })
    else if (!element.print_hide) {
      const isOwn = typeof element.options === 'string' && String(element.fieldtype) === 'Custom HTML'
      const field = meta.field.get(String(element.fieldname))
      const elements =
        isOwn || !field || element.visible_columns ? readElement(meta, element, path) : isPrinted(field) ? [elementOf(field)] : []
      sections
        .at(-1)
        ?.columns.at(-1)
        ?.elements.push(...elements)
    }
  }
  return sections.filter((section) => section.columns.some((column) => column.elements.length > 0))
}

function labelOf(element: Json, label: string | undefined): string {
  return typeof element.label === 'string' ? element.label : (label ?? '')
}

function objectAt(value: unknown, path: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new LayoutInvalid({ field: path, reason: 'it must be an object' })
  return value as Json
}

function listAt(value: unknown, key: string, path: string, limit: number): unknown[] {
  const list = objectAt(value, path)[key]
  if (!Array.isArray(list)) throw new LayoutInvalid({ field: `${path}.${key}`, reason: 'it must be a list' })
  if (list.length > limit) throw new LayoutInvalid({ field: `${path}.${key}`, reason: `it has more than ${limit} entries` })
  return list as unknown[]
}

function textOf(value: unknown, path: string): string {
  if (value === undefined || value === null) return ''
  if (typeof value !== 'string') throw new LayoutInvalid({ field: path, reason: 'it must be text' })
  return value
}

function numberOf(value: unknown, path: string, fallback: number, least: number, greatest: number): number {
  if (value === undefined || value === null || value === '') return fallback
  const number = Number(value)
  if (!Number.isFinite(number) || number < least || number > greatest)
    throw new LayoutInvalid({ field: path, reason: `it must be a number from ${least} to ${greatest}` })
  return number
}
