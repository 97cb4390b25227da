import type { Context } from '#kernel/context/context.ts'
import { sameValue } from '#kernel/documents/cast.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { exists, getDocument } from '#kernel/documents/load.ts'
import { remove } from '#kernel/documents/remove.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { generatedValues } from '#kernel/generate/document.ts'
import { administrator } from '#kernel/identity/principals.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import type { OpenSite } from '#kernel/sites/open-site.ts'
import { isNaming, type Seeded } from './seed-targets.ts'

/** Stores a generated document, reads it back, changes it, deletes it. @throws whatever the kernel refuses, and Error when a value comes back different */
export async function useDocuments(site: OpenSite, meta: Meta, around: Seeded): Promise<void> {
  // Rows of a child table live in their parents; documents of a virtual DocType where its code keeps them.
  if (meta.isTable || meta.isVirtual) return
  const work = async (ctx: Context): Promise<void> => {
    const stored = await insert(ctx, meta.name, { ...generatedValues(meta, around, 1), ...namingLink(meta, around), name: 'sample 1' })
    await demandSame(ctx, meta, stored, 'insert')
    const changed = await save(ctx, await openForWrite(ctx, meta.name, stored.name), changeable(meta, generatedValues(meta, around, 2)))
    await demandSame(ctx, meta, changed, 'update')
    if (meta.isSingle) return
    await remove(ctx, meta.name, changed.name)
    if (await exists(ctx, meta.name, changed.name)) throw new Error(`${changed.name} is still there after it was deleted.`)
  }
  // A Single cannot be deleted; what it holds must not meet what others hold.
  await site.run(administrator(), work, { via: 'cli', readOnly: meta.isSingle })
}

/** What is named by a link would have the name of its seed if both pointed to the same. */
function namingLink(meta: Meta, around: Seeded): Record<string, unknown> {
  const link = meta.links.find((field) => isNaming(meta, field))
  const spare = around.spare(link?.options ?? '')
  return link && spare !== undefined ? { [link.fieldname]: spare } : {}
}

/** Without what may be set only once and what names the document. */
function changeable(meta: Meta, values: Record<string, unknown>): Record<string, unknown> {
  const naming = /^field:\s*(.+)$/.exec(meta.definition.autoname ?? '')?.[1]?.trim()
  return Object.fromEntries(Object.entries(values).filter(([key]) => !meta.field.get(key)?.set_only_once && key !== naming))
}

async function demandSame(ctx: Context, meta: Meta, written: AnyDocument, verb: string): Promise<void> {
  const read = (await getDocument(ctx, meta.name, written.name)) as Record<string, unknown>
  for (const field of meta.fields) {
    if (field.type.kind === 'none' || field.is_virtual) continue
    const before = (written as Record<string, unknown>)[field.fieldname]
    const after = read[field.fieldname]
    const isSame =
      field.type.kind === 'table'
        ? (before as unknown[] | undefined)?.length === (after as unknown[] | undefined)?.length
        : sameValue(before, after)
    if (!isSame) throw new Error(`After the ${verb}, ${field.fieldname} reads ${String(after)} instead of ${String(before)}.`)
  }
}
