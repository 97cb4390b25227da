import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { builderLayout } from '#kernel/print/builder-layout.ts'
import { FormatInvalid } from '#kernel/print/errors.ts'
import { standardFormat } from '#kernel/print/print-format.ts'
import { checkTemplate } from '#kernel/templates/render.ts'

interface PrintFormatFields {
  doc_type: string
  print_format_type: string | null
  custom_format: number
  raw_printing: number
  html: string | null
  raw_commands: string | null
  css: string | null
  format_data: string | null
  margin_top: number | null
  margin_bottom: number | null
  margin_left: number | null
  margin_right: number | null
}

const longestCss = 200_000

/** How the documents of a DocType are printed. What cannot be drawn is told to its author, not to whoever prints. */
export default class PrintFormat extends Document<PrintFormatFields> {
  async validate(ctx: Context): Promise<void> {
    if (this.name === standardFormat)
      throw new FormatInvalid({ field: 'name', reason: `${standardFormat} is the format that every DocType has of its own` })
    const meta = await ctx.site.meta.get(this.doc_type)
    if (meta.isTable) throw new FormatInvalid({ field: 'doc_type', reason: `${meta.name} are rows of other documents` })
    if (this.print_format_type === 'JS' && this.html)
      throw new FormatInvalid({
        field: 'print_format_type',
        reason: 'templates are filled in on the server, in Liquid, whose tags are those of Jinja',
      })
    for (const field of ['html', 'raw_commands'] as const) {
      const problem = this[field] ? checkTemplate(this[field]) : undefined
      if (problem) throw new FormatInvalid({ field, reason: `${problem.message.replace(/\.$/, '')}` })
    }
    if ((this.css ?? '').length > longestCss)
      throw new FormatInvalid({ field: 'css', reason: `the styles have more than ${longestCss} characters` })
    if (this.format_data) builderLayout(meta, this.format_data)
    for (const field of ['margin_top', 'margin_bottom', 'margin_left', 'margin_right'] as const) {
      const margin = this[field]
      if (margin !== null && (margin < 0 || margin > 100)) throw new FormatInvalid({ field, reason: 'a margin has 0 to 100 mm' })
    }
  }
}
