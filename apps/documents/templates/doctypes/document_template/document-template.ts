import { Document } from '#kernel/documents/document.ts'
import { checkTemplate } from '#kernel/templates/render.ts'
import { TemplateUnusable } from '../../../errors.ts'

interface TemplateFields {
  title_template: string
  body: string
}

/** A text with places for values. What cannot be read is told to its author, not to whoever fills it in. */
export default class DocumentTemplate extends Document<TemplateFields> {
  validate(): void {
    for (const field of ['title_template', 'body'] as const) {
      const problem = checkTemplate(this[field] ?? '')
      if (problem) throw new TemplateUnusable({ field, reason: `line ${problem.line}: ${problem.message}` })
    }
  }
}
