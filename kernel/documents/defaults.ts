import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { utcToZone } from '#client/rules/time-zone.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import { defaultFor } from '#kernel/permissions/defaults.ts'
import { setting } from '#kernel/sites/settings.ts'
import { documentForm } from './cast.ts'
import type { AnyDocument } from './document.ts'

/**
 * Fills what a new document (or new child row) leaves open: the field's default, the user's own default for links, else the empty
 * value of the type. A field given as null stays empty.
 */
export async function applyDefaults(ctx: Context, meta: Meta, document: AnyDocument): Promise<void> {
  const values = document as Record<string, unknown>
  for (const field of meta.fields) {
    if (field.type.kind === 'none' || field.is_virtual || values[field.fieldname] !== undefined) continue
    if (field.type.kind === 'table') values[field.fieldname] = []
    else values[field.fieldname] = field.type.cast(await defaultValue(ctx, meta, field), field, documentForm, field.fieldname)
  }
}

async function defaultValue(ctx: Context, meta: Meta, field: MetaField): Promise<unknown> {
  const stated = field.default
  if (stated === undefined || stated === null || stated === '') {
    if (field.fieldtype === 'Link' && field.options && !field.ignore_user_permissions && !ctx.user.unrestricted)
      return (await defaultFor(ctx, field.options, meta.name)) ?? null
    return null
  }
  const token = String(stated)
  const local = utcToZone(nowText(ctx), ctx.site.timeZone)
  if (token === '__user' || token === 'user') return ctx.user.name
  if (/^today$/i.test(token)) return field.type.kind === 'datetime' ? `${nowText(ctx).slice(0, 10)} 00:00:00` : local.slice(0, 10)
  if (/^now(\(\))?$/i.test(token)) {
    if (field.type.kind === 'date') return local.slice(0, 10)
    return field.type.kind === 'time' ? local.slice(11) : nowText(ctx)
  }
  if (token.startsWith(':')) {
    const doctype = token.slice(1)
    return (await defaultFor(ctx, doctype, meta.name)) ?? (setting(ctx.site, doctype.toLowerCase().replaceAll(' ', '_')) || null)
  }
  // A default that the type cannot read (public definitions hold some) is no reason to refuse the document.
  try {
    field.type.cast(token, field, documentForm, field.fieldname)
    return token
  } catch {
    return null
  }
}
