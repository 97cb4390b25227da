import { recordAudit } from '#kernel/audit/audit.ts'
import type { Context } from '#kernel/context/context.ts'
import type { Wire } from '#kernel/fields/field-type.ts'
import { demand } from '#kernel/permissions/grants.ts'
import { copyOf, documentForm } from './cast.ts'
import type { AnyDocument } from './document.ts'
import { changesetOf } from './history.ts'
import { runHook } from './hooks.ts'
import { find, load } from './load.ts'
import { updateRow } from './rows.ts'
import { openForWrite, save } from './save.ts'
import { laterThan, nowText } from '#kernel/context/time.ts'

/** Fields of one document, by name, without asking whether the user may; undefined where there is none. For code, not for callers. */
export async function getValue(
  ctx: Context,
  doctype: string,
  name: string | number,
  fieldnames: readonly string[],
): Promise<Record<string, unknown> | undefined> {
  const meta = await ctx.site.meta.get(doctype)
  const document = await find(ctx, meta, name)
  if (!document) return undefined
  return Object.fromEntries(fieldnames.map((fieldname) => [fieldname, (document as Record<string, unknown>)[fieldname] ?? null]))
}

/** Changes some fields of a document through its whole life cycle. @throws as `save` */
export async function setValue(
  ctx: Context,
  doctype: string,
  name: string | number,
  values: Record<string, unknown>,
  wire: Wire = documentForm,
): Promise<AnyDocument> {
  return save(ctx, await openForWrite(ctx, doctype, name), values, { wire })
}

/**
 * Writes fields straight into the row: no checks, no hooks but before_change and on_change. For values that the platform keeps about a
 * document, such as its assignments.
 * @param touch also moves `modified`
 */
export async function writeThrough(
  ctx: Context,
  doctype: string,
  name: string | number,
  values: Record<string, unknown>,
  { touch = false }: { touch?: boolean } = {},
): Promise<void> {
  const meta = await ctx.site.meta.get(doctype)
  await demand(ctx, 'write', meta.name)
  const document = await load(ctx, meta, name, true)
  await demand(ctx, 'write', meta.name, document)
  await runHook(ctx, meta, document, 'before_change')
  const before = copyOf(document)
  Object.assign(document, values)
  if (touch) document.modified = laterThan(nowText(ctx), document.modified)
  await updateRow(ctx.db, meta, document, [...Object.keys(values), ...(touch ? ['modified'] : [])])
  await recordAudit(ctx, {
    action: 'update',
    doctype: meta.name,
    name: String(document.name),
    changes: changesetOf(meta, before, document, (name) => ctx.site.meta.cached(name)),
  })
  await runHook(ctx, meta, document, 'on_change', { before })
}
