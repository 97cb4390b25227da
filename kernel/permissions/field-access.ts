import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import { accessOf, baseGrantOf, knownAccess } from './access.ts'
import type { BaseGrant } from './compile-grant.ts'
import { bypasses } from './grants.ts'
import { unmaskedLevels } from './role-rows.ts'
import { hasShares } from './shares.ts'

/** Which fields of a DocType a user may see, see in full, and change. Levels hold for every document alike. */
export interface FieldAccess {
  canRead(field: MetaField): boolean
  canWrite(field: MetaField): boolean
  /** The user sees a disguised value only, and cannot change it. */
  isMasked(field: MetaField): boolean
  /** Everything may be read in full and changed: nothing needs asking field by field. */
  readonly all: boolean
}

const everything: FieldAccess = { canRead: () => true, canWrite: () => true, isMasked: () => false, all: true }

/**
 * The fields of `meta` for the acting user.
 * @param parent  the DocType around a child table, whose levels count for the child's fields; without it nothing of a child is open
 */
export async function fieldAccess(ctx: Context, meta: Meta, parent?: Meta): Promise<FieldAccess> {
  if (bypasses(ctx)) return everything
  const key = parent ? `${meta.name}\n${parent.name}` : meta.name
  const known = knownAccess(ctx)?.fields.get(key) as FieldAccess | undefined
  if (known) return known
  const access = await accessOf(ctx)
  const holder = meta.isTable && parent?.tables.some((table) => table.options === meta.name) ? parent : meta
  const read = await baseGrantOf(ctx, access, holder, 'read')
  const select = await baseGrantOf(ctx, access, holder, 'select')
  const write = await baseGrantOf(ctx, access, holder, 'write')
  const create = await baseGrantOf(ctx, access, holder, 'create')
  if (ctx.user.unrestricted) return narrowed(read, write, create)
  const unmasked = unmaskedLevels(holder, ctx.user.roles)
  const isMasked = (field: MetaField) => field.mask === 1 && !unmasked.has(field.permlevel)
  const byRole = { read: read.hasRole, write: write.hasRole || create.hasRole }
  // A share opens level 0, and shares come and go, so only what needs none is kept.
  const isReadShared = !byRole.read && read.share !== undefined && (await hasShares(ctx, holder.name, read.share))
  const isWriteShared = !byRole.write && write.share !== undefined && (await hasShares(ctx, holder.name, write.share))
  const readable = levels(byRole.read, isReadShared, read)
  const writable = levels(byRole.write, isWriteShared, write)
  const chosen = readable.size === 0 && select.hasRole && holder === meta ? fieldsOfSelect(meta) : new Set<string>()
  const made: FieldAccess = {
    canRead: (field) => readable.has(field.permlevel) || chosen.has(field.fieldname),
    canWrite: (field) => writable.has(field.permlevel) && !isMasked(field),
    isMasked,
    all: false,
  }
  if ((byRole.read || read.share === undefined) && (byRole.write || write.share === undefined)) access.fields.set(key, made)
  return made
}

function levels(isByRole: boolean, isShared: boolean, grant: BaseGrant): ReadonlySet<number> {
  if (isByRole) return grant.levels.size === 0 ? new Set([0]) : grant.levels
  return new Set(isShared ? [0] : [])
}

/** Full rights behind an API key: fields follow what the key lets one do at all. */
function narrowed(read: BaseGrant, write: BaseGrant, create: BaseGrant): FieldAccess {
  const [canRead, canWrite] = [!read.isClosed, !write.isClosed || !create.isClosed]
  return { canRead: () => canRead, canWrite: () => canWrite, isMasked: () => false, all: canRead && canWrite }
}

/** What somebody who may only choose a document in a link gets to see of it. */
export function fieldsOfSelect(meta: Meta): ReadonlySet<string> {
  const level0 = (fieldname: string) => (meta.column.get(fieldname)?.permlevel ?? 0) === 0
  return new Set(['name', meta.titleField, ...meta.searchFields].filter((fieldname) => fieldname !== '' && level0(fieldname)))
}

/**
 * Puts back, silently, whatever the acting user may not change: fields of closed levels and masked ones, in child rows too. Called
 * after the caller's values were applied, before defaults fill what is open and hooks run.
 * @param before  the document as it is stored; for a new one `undefined` or its blank form: what is put back is then left open
 */
export async function restoreForbidden(ctx: Context, meta: Meta, document: AnyDocument, before: AnyDocument | undefined): Promise<void> {
  const access = await fieldAccess(ctx, meta)
  if (access.all) return
  restoreFields(meta, access, document, before)
  for (const table of meta.tables) {
    if (!access.canWrite(table)) continue
    const child = await ctx.site.meta.get(table.options ?? '')
    const childAccess = await fieldAccess(ctx, child, meta)
    const stored = new Map(rowsOf(before, table.fieldname).map((row) => [row.name, row]))
    for (const row of rowsOf(document, table.fieldname)) restoreFields(child, childAccess, row, stored.get(row.name))
  }
}

function restoreFields(meta: Meta, access: FieldAccess, document: AnyDocument, before: AnyDocument | undefined): void {
  const fields = document as Record<string, unknown>
  for (const field of meta.fields) {
    if (field.type.kind === 'none' || field.is_virtual || access.canWrite(field)) continue
    fields[field.fieldname] = ownCopy(before?.[field.fieldname])
  }
}

/** Child rows are copied: hooks may change the document's without changing what it was before. */
function ownCopy(value: unknown): unknown {
  if (!Array.isArray(value)) return value
  return value.map((row: object) => Object.assign(Object.create(Object.getPrototypeOf(row) as object | null) as object, row))
}

function rowsOf(document: AnyDocument | undefined, fieldname: string): AnyDocument[] {
  const rows = document?.[fieldname]
  return Array.isArray(rows) ? (rows as AnyDocument[]) : []
}
