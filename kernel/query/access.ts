import type { Context } from '#kernel/context/context.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { type FieldAccess, fieldAccess, fieldsOfSelect } from '#kernel/permissions/field-access.ts'
import type { Grant } from '#kernel/permissions/grant.ts'
import { grantFor } from '#kernel/permissions/grants.ts'

/** What a user may see of one DocType in a list. */
export interface ReadingAccess {
  readonly grant: Grant
  readonly fields: FieldAccess
  /** The only fields a user with nothing but the select right may use; undefined: as `fields` says. */
  readonly only: ReadonlySet<string> | undefined
}

/** The grant to read, or else the one to select; undefined when there is neither. */
export async function readingGrant(ctx: Context, meta: Meta): Promise<Grant | undefined> {
  const read = await grantFor(ctx, meta.name, 'read')
  if (read.allowed) return read
  const select = await grantFor(ctx, meta.name, 'select')
  return select.allowed ? select : undefined
}

/** The user's right to read or at least to select; undefined when there is neither. */
export async function readingAccess(ctx: Context, meta: Meta): Promise<ReadingAccess | undefined> {
  const grant = await readingGrant(ctx, meta)
  if (!grant) return undefined
  return { grant, fields: await fieldAccess(ctx, meta), only: grant.action === 'select' ? fieldsOfSelect(meta) : undefined }
}

/** @throws PermissionDenied */
export async function demandReading(ctx: Context, meta: Meta): Promise<ReadingAccess> {
  const access = await readingAccess(ctx, meta)
  if (!access) throw new PermissionDenied({ action: 'read', doctype: meta.name })
  return access
}

export type FieldUse = 'shown' | 'masked' | 'hidden'

/** Whether a field of the DocType itself may be used. */
export function useOf(access: ReadingAccess, field: MetaField): FieldUse {
  if (access.fields.all) return 'shown'
  if (access.only && !access.only.has(field.fieldname)) return 'hidden'
  if (field.fieldname === 'name') return 'shown'
  if (!access.fields.canRead(field)) return 'hidden'
  return access.fields.isMasked(field) ? 'masked' : 'shown'
}

/** Whether a field of a child table may be used: the table's field and the field itself must be readable. */
export function useOfChild(access: ReadingAccess, table: MetaField, field: MetaField): FieldUse {
  if (access.fields.all) return 'shown'
  if (access.only || !access.fields.canRead(table) || !access.fields.canRead(field)) return 'hidden'
  return access.fields.isMasked(table) || access.fields.isMasked(field) ? 'masked' : 'shown'
}
