import type { MetaField } from '#kernel/meta/meta.ts'
import type { BarcodeKind } from './barcode.ts'

/** What a print shows, from top to bottom, before any value is put in. */
export interface PrintLayout {
  readonly sections: readonly PrintSection[]
}

export interface PrintSection {
  readonly heading: string
  readonly columns: readonly PrintColumn[]
  /** A new page begins with it. */
  readonly startsPage: boolean
  /** Labels over values instead of beside them. */
  readonly isStacked: boolean
}

export interface PrintColumn {
  readonly elements: readonly PrintElement[]
  /** Share of the section's width; 1 is one part. */
  readonly width: number
}

export type PrintElement =
  | { readonly kind: 'field'; readonly field: MetaField; readonly label: string; readonly hidesLabel: boolean; readonly align: Align }
  | { readonly kind: 'table'; readonly field: MetaField; readonly columns: readonly TableColumn[] | undefined; readonly label: string }
  | { readonly kind: 'template'; readonly source: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'image'; readonly source: string; readonly fieldname: string; readonly width: number }
  | { readonly kind: 'barcode'; readonly text: string; readonly fieldname: string; readonly code: BarcodeKind; readonly height: number }
  | { readonly kind: 'line' | 'space' | 'page-break' }

export type Align = '' | 'start' | 'center' | 'end'

export interface TableColumn {
  readonly fieldname: string
  readonly label: string
  /** Per cent of the table's width; 0: as wide as needed. */
  readonly width: number
}

const undrawn = new Set(['Button', 'Fold', 'Password', 'Geolocation', 'Icon', 'Tab Break', 'Section Break', 'Column Break'])

/** Whether a field is part of prints at all. */
export function isPrinted(field: MetaField): boolean {
  return !field.hidden && !field.print_hide && !undrawn.has(field.fieldtype)
}

/** The layout that follows from a DocType's own fields: its sections, columns and tables in their order. */
export function standardLayout(fields: readonly MetaField[], isReadable: (field: MetaField) => boolean): PrintLayout {
  const sections: { heading: string; columns: { elements: PrintElement[]; width: number }[]; isHidden: boolean }[] = []
  const begin = (heading: string, isHidden: boolean) => sections.push({ heading, columns: [{ elements: [], width: 1 }], isHidden })
  begin('', false)
  for (const field of fields) {
    const section = sections.at(-1)
    if (field.fieldtype === 'Tab Break') begin('', false)
    else if (field.fieldtype === 'Section Break') begin(field.label ?? '', Boolean(field.hidden || field.print_hide))
    else if (field.fieldtype === 'Column Break') section?.columns.push({ elements: [], width: 1 })
    else if (isPrinted(field) && isReadable(field)) section?.columns.at(-1)?.elements.push(elementOf(field))
  }
  return {
    sections: sections
      .filter((section) => !section.isHidden)
      .map(({ heading, columns }) => ({
        heading,
        columns: columns.filter((column) => column.elements.length > 0),
        startsPage: false,
        isStacked: false,
      }))
      .filter((section) => section.columns.length > 0),
  }
}

/** A field as it is drawn when nobody says otherwise. */
export function elementOf(field: MetaField): PrintElement {
  if (field.type.kind === 'table' && field.fieldtype === 'Table')
    return { kind: 'table', field, columns: undefined, label: field.label ?? '' }
  return { kind: 'field', field, label: field.label ?? '', hidesLabel: false, align: '' }
}
