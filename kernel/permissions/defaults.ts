import type { Context } from '#kernel/context/context.ts'
import { accessOf } from './access.ts'

/**
 * The document of a DocType that a new document's link starts with for the acting user: the permitted value marked as default, or
 * the only one permitted. What lies below it in a tree does not count.
 * @param target  DocType of the new document, for User Permissions that hold for one DocType only
 */
export async function defaultFor(ctx: Context, doctype: string, target?: string): Promise<string | undefined> {
  const { permitted } = await accessOf(ctx)
  const values = (permitted.get(doctype) ?? []).filter(
    (one) => !one.isDescendant && (one.applicableFor === '' || one.applicableFor === target),
  )
  const chosen = values.find((one) => one.isDefault) ?? (values.length === 1 ? values[0] : undefined)
  return chosen?.value
}
