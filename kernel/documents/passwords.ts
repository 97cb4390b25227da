import type { Context } from '#kernel/context/context.ts'
import { removeSecrets, setSecret } from '#kernel/identity/secrets.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import type { AnyDocument } from './document.ts'
import { placesOf, type SaveOperation } from './operation.ts'

/** What stands in the column and on the wire in place of a secret. */
export const maskedSecret = '*****'

const taken = new WeakMap<SaveOperation, Taken[]>()

/** A secret on its way from a document or one of its rows to the vault; '' removes what is there. */
interface Taken {
  readonly doctype: string
  readonly row: AnyDocument
  readonly fieldname: string
  readonly secret: string
}

/**
 * Takes the secrets of Password fields out of the document and its rows before they are written; the rows keep asterisks. A value of
 * asterisks alone means: unchanged.
 */
export async function takeSecrets(operation: SaveOperation): Promise<void> {
  const found: Taken[] = []
  for (const { meta, row, before } of await placesOf(operation))
    for (const field of meta.fields)
      if (field.fieldtype === 'Password' && !field.is_virtual) takeSecret(found, meta.name, row, before, field.fieldname)
  if (found.length > 0) taken.set(operation, found)
}

function takeSecret(found: Taken[], doctype: string, row: AnyDocument, before: AnyDocument | undefined, fieldname: string): void {
  const fields = row as Record<string, unknown>
  const value = fields[fieldname]
  const held = Boolean(before?.[fieldname])
  if (typeof value === 'string' && /^\*+$/.test(value)) {
    // Asterisks with nothing behind them, as in a copy of another document.
    if (!held) fields[fieldname] = null
    return
  }
  const secret = typeof value === 'string' ? value : ''
  if (secret === '' && !held) return
  found.push({ doctype, row, fieldname, secret })
  if (secret !== '') fields[fieldname] = maskedSecret
}

/** Puts what `takeSecrets` took into the vault, under the name of its document or row. */
export async function storeSecrets(operation: SaveOperation): Promise<void> {
  for (const { doctype, row, fieldname, secret } of taken.get(operation) ?? [])
    await setSecret(operation.ctx, doctype, String(row.name), fieldname, secret)
}

/** Password fields of the document itself that this save gave another secret, or none. */
export function changedSecrets(operation: SaveOperation): string[] {
  return (taken.get(operation) ?? []).filter(({ row }) => row === operation.document).map(({ fieldname }) => fieldname)
}

/** Removes the secrets of child rows that go. */
export async function removeRowSecrets(ctx: Context, child: Meta, names: readonly (string | number)[]): Promise<void> {
  if (!child.fields.some((field) => field.fieldtype === 'Password')) return
  for (const name of names) await removeSecrets(ctx, child.name, String(name))
}
