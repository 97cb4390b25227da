import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { Document } from '#kernel/documents/document.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { FormatInvalid } from '#kernel/print/errors.ts'
import { checkTemplate } from '#kernel/templates/render.ts'

interface LetterHeadFields {
  disabled: number
  is_default: number
  content: string | null
  footer: string | null
}

/** What stands above and below a print. One of them at most is the default. */
export default class LetterHead extends Document<LetterHeadFields> {
  validate(): void {
    if (this.is_default === 1 && this.disabled === 1)
      throw new FormatInvalid({ field: 'is_default', reason: 'a disabled letter head cannot be the default' })
    for (const field of ['content', 'footer'] as const) {
      const problem = this[field] ? checkTemplate(this[field]) : undefined
      if (problem) throw new FormatInvalid({ field, reason: problem.message.replace(/\.$/, '') })
    }
  }

  async on_update(ctx: Context): Promise<void> {
    if (this.is_default !== 1) return
    const others = await ctx.db.query<{ name: string }>(
      ctx.db.dialect.compile(sql`select name from ${ident('tabLetter Head')} where ${ident('is_default')} = 1 and name <> ${this.name}`),
    )
    const system = ctx.asSystem('another letter head has become the default')
    for (const other of others) await writeThrough(system, 'Letter Head', other.name, { is_default: 0 })
  }
}
