import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { find } from '#kernel/documents/load.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { PrintFormatUnknown } from './errors.ts'

/** The name of the format that follows from a DocType's fields; no document of that name is needed. */
export const standardFormat = 'Standard'

/** A Print Format as far as drawing needs it; numbers that were never set are their defaults. */
export interface PrintFormat {
  readonly name: string
  /** `fields`: from the DocType; `layout`: `format_data`; `template`: `html`. */
  readonly kind: 'fields' | 'layout' | 'template'
  readonly source: string
  readonly css: string
  /** Millimetres: top, right, bottom, left. */
  readonly margins: readonly [number, number, number, number]
  readonly pageNumber: string
  readonly font: string
  readonly language: string
  readonly secondLanguage: string
  readonly alignsLabelsRight: boolean
  readonly showsHeadings: boolean
  readonly rulesSections: boolean
  readonly isAbsolute: boolean
  /** Printer commands of raw printing; '' for others. */
  readonly rawCommands: string
}

const standard: PrintFormat = {
  name: standardFormat,
  kind: 'fields',
  source: '',
  css: '',
  margins: [15, 15, 18, 15],
  pageNumber: 'Bottom Right',
  font: '',
  language: '',
  secondLanguage: '',
  alignsLabelsRight: false,
  showsHeadings: true,
  rulesSections: false,
  isAbsolute: false,
  rawCommands: '',
}

/**
 * The format asked for, else the DocType's default one, else the standard one. Whoever may print the document may use each of its formats.
 * @throws PrintFormatUnknown for one that is missing, disabled, or another DocType's
 */
export async function printFormat(ctx: Context, meta: Meta, asked: string | undefined): Promise<PrintFormat> {
  const byDefault = String(meta.definition.default_print_format ?? '')
  const name = asked || byDefault
  if (name === '' || name === standardFormat) return standard
  const document = await find(ctx, await ctx.site.meta.get('Print Format'), name)
  if (document && document.doc_type === meta.name && document.disabled !== 1) return readFormat(document)
  // A default that is gone must not keep people from printing.
  if (!asked) return standard
  throw new PrintFormatUnknown({ field: 'format', format: name.slice(0, 140), doctype: meta.name })
}

function readFormat(document: AnyDocument): PrintFormat {
  const text = (field: string) => String(document[field] ?? '')
  const flag = (field: string) => document[field] === 1
  const margin = (field: string) => {
    const stored = document[field]
    return stored === null || stored === undefined ? 15 : Math.min(Math.max(Number(stored), 0), 100)
  }
  const isLayout = !flag('custom_format') && text('format_data') !== ''
  const isTemplate = !isLayout && text('html') !== ''
  return {
    name: String(document.name),
    kind: isLayout ? 'layout' : isTemplate ? 'template' : 'fields',
    source: isLayout ? text('format_data') : isTemplate ? text('html') : '',
    css: text('css'),
    margins: [margin('margin_top'), margin('margin_right'), margin('margin_bottom'), margin('margin_left')],
    pageNumber: text('page_number') || 'Hide',
    font: text('font'),
    language: text('default_print_language'),
    secondLanguage: text('second_print_language'),
    alignsLabelsRight: flag('align_labels_right'),
    showsHeadings: flag('show_section_headings'),
    rulesSections: flag('line_breaks'),
    isAbsolute: flag('absolute_value'),
    rawCommands: flag('raw_printing') ? text('raw_commands') : '',
  }
}
