import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { hashName } from '#kernel/documents/naming.ts'
import { insert } from '#kernel/documents/save.ts'
import { sealBytes } from './seal-file.ts'

/**
 * Makes a document of bytes that the platform has made or taken in, as the context's user.
 * @param field  where the bytes came from, for refusals
 * @throws ContentRefused, and what an insert throws
 */
export async function fileFromBytes(
  ctx: Context,
  values: Record<string, unknown>,
  bytes: Uint8Array,
  fileName: string,
  field: string,
): Promise<AnyDocument> {
  const name = hashName()
  const sealed = await sealBytes(ctx, bytes, fileName, { doctype: 'Document', name }, field)
  const given = { ...values, file: sealed.url }
  return insert(ctx, 'Document', given, { naming: { given: name, honourGiven: true } })
}
