import type { Context } from '#kernel/context/context.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { toWire } from '#kernel/documents/wire.ts'
import type { Wire } from '#kernel/fields/field-type.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { AppError } from '#client/rules/errors.ts'
import type { Answer } from './exchange.ts'

type Shown = Record<string, unknown>

/** Links looked up for one answer at most; what is beyond stays a name. */
const mostLinks = 200

/** Replaces the links of a document and of its rows by the documents they point to, as far as the user may read those. */
export async function expandLinks(ctx: Context, answer: Answer, doctype: string, wire: Wire): Promise<Answer> {
  const document = answer.data as Shown
  const meta = await ctx.site.meta.get(doctype)
  const targets = new Map<string, Shown | undefined>()
  await expand(ctx, document, meta, wire, targets)
  for (const table of meta.tables) {
    const child = await ctx.site.meta.get(table.options ?? '')
    for (const row of (document[table.fieldname] as Shown[] | undefined) ?? []) await expand(ctx, row, child, wire, targets)
  }
  return { data: document }
}

async function expand(ctx: Context, values: Shown, meta: Meta, wire: Wire, targets: Map<string, Shown | undefined>): Promise<void> {
  for (const field of meta.links) {
    const name = values[field.fieldname]
    if (typeof name !== 'string' || name === '' || !field.options) continue
    const key = `${field.options}\n${name}`
    if (!targets.has(key) && targets.size >= mostLinks) continue
    if (!targets.has(key)) targets.set(key, await target(ctx, field.options, name, wire))
    const found = targets.get(key)
    if (found) values[field.fieldname] = found
  }
}

async function target(ctx: Context, doctype: string, name: string, wire: Wire): Promise<Shown | undefined> {
  try {
    return await toWire(ctx, await getDocument(ctx, doctype, name), wire, { omitNulls: true })
  } catch (error) {
    // What the user may not see, or what is gone, stays a name.
    if (error instanceof AppError && error.status < 500) return undefined
    throw error
  }
}
