import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { templateData } from '#kernel/templates/template-data.ts'

/**
 * A document for a template whose reader has no account and therefore no rights: fields of level 0 that are neither masked nor secret. To
 * whom such a text goes is for the person who wrote the rule to answer for.
 */
export async function publicData(ctx: Context, document: AnyDocument): Promise<Record<string, unknown>> {
  const meta = await ctx.site.meta.get(document.doctype)
  const data = await templateData(ctx.asSystem('fills in a text for somebody without an account'), document)
  dropClosed(meta, data)
  for (const table of meta.tables) {
    const child = await ctx.site.meta.meta(table.options ?? '')
    for (const row of (data[table.fieldname] as Record<string, unknown>[] | undefined) ?? []) dropClosed(child, row)
  }
  return data
}

function dropClosed(meta: Meta, data: Record<string, unknown>): void {
  for (const field of meta.fields) if (field.permlevel > 0 || field.mask || field.fieldtype === 'Password') delete data[field.fieldname]
}
