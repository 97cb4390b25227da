import type { Context } from '#kernel/context/context.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { can } from '#kernel/permissions/grants.ts'

/**
 * The definition of a DocType as forms and lists need it, with custom fields and changed properties applied. For those who may do
 * anything with its documents; the structure of child tables is open to whoever is signed in.
 * @throws DocTypeNotFound, PermissionDenied
 */
export async function doctypeAnswer(ctx: Context, doctype: string): Promise<Record<string, unknown>> {
  const meta = await ctx.site.meta.get(doctype)
  if (!(await maySee(ctx, meta))) throw new PermissionDenied({ doctype: meta.name, action: 'read' })
  const { definition } = meta
  return {
    ...definition,
    doctype: 'DocType',
    name: meta.name,
    app: meta.app,
    fields: meta.fields.map(({ type: _, stored: __, ...field }, index) => ({
      ...field,
      doctype: 'DocField',
      parent: meta.name,
      parenttype: 'DocType',
      parentfield: 'fields',
      idx: index + 1,
    })),
    permissions: meta.permissions.map((row, index) => ({ ...row, doctype: 'DocPerm', parent: meta.name, idx: index + 1 })),
  }
}

async function maySee(ctx: Context, meta: Meta): Promise<boolean> {
  if (ctx.user.unrestricted) return true
  if (ctx.user.name === 'Guest') return can(ctx, 'read', meta.name)
  if (meta.isTable) return true
  for (const action of ['read', 'select', 'create', 'write'] as const) if (await can(ctx, action, meta.name)) return true
  return false
}
