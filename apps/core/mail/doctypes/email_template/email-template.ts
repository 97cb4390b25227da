import { Document } from '#kernel/documents/document.ts'
import { TemplateInvalid } from '#kernel/templates/errors.ts'
import { checkTemplate } from '#kernel/templates/render.ts'

interface EmailTemplateFields {
  subject: string
  use_html: 0 | 1
  response_html: string | null
  response: string | null
}

/** Subject and text with places to fill in; what cannot be filled in is not stored. */
export default class EmailTemplate extends Document<EmailTemplateFields> {
  validate(): void {
    for (const field of ['subject', 'response_html', 'response'] as const) {
      const problem = checkTemplate(this[field] ?? '')
      if (problem) throw new TemplateInvalid({ field, line: problem.line, reason: problem.message })
    }
  }
}
