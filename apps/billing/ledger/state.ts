import type { Context } from '#kernel/context/context.ts'
import { writeThrough } from '#kernel/documents/values.ts'

/** Writes what a submission or cancellation makes of its own document, which by then takes no changes in any other way. */
export async function stampState(
  ctx: Context,
  document: { doctype: string; name: string },
  values: Readonly<Record<string, unknown>>,
): Promise<void> {
  await writeThrough(ctx.asSystem('keeps the state of a document'), document.doctype, document.name, { ...values })
  Object.assign(document, values)
}
