import { isAlways } from '#client/rules/predicate.ts'
import { partsOf } from '#kernel/apps/apps.ts'
import type { Context, Principal } from '#kernel/context/context.ts'
import { sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { find } from '#kernel/documents/load.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { can, grantFor } from '#kernel/permissions/grants.ts'
import type { Audience, RoomRule } from './event.ts'

/** Answers, for one event, whether somebody may hear it. Rights count as they are at the moment of asking. */
export type MayHear = (who: Principal) => Promise<boolean>

/**
 * Reads once what the answers depend on. Of a deleted document the copy in Deleted Document tells who could read it; without one, only
 * those with full rights hear.
 */
export async function mayHearOf(ctx: Context, audience: Audience): Promise<MayHear> {
  if ('inRoom' in audience) return async () => true
  if ('user' in audience) return async (who) => who.name === audience.user
  if ('room' in audience) return async (who) => mayBeIn(ctx, who, audience.room)
  const { doctype, name } = audience.readersOf
  if (!(await ctx.site.meta.exists(doctype))) return async () => false
  const meta = await ctx.site.meta.get(doctype)
  if (name === undefined) return async (who) => mayReadAll(ctx.as(who), meta.name)
  const document = (await find(ctx, meta, name)) ?? (await deletedCopy(ctx, meta, name))
  if (document) return async (who) => can(ctx.as(who), 'read', meta.name, document)
  return async (who) => who.unrestricted && can(ctx.as(who), 'read', meta.name)
}

/** Whether the acting user may read every document of a DocType, whatever is in it. */
async function mayReadAll(ctx: Context, doctype: string): Promise<boolean> {
  const grant = await grantFor(ctx, doctype, 'read')
  if (!grant.allowed || !isAlways(grant.rows)) return false
  return ctx.user.unrestricted || !ctx.site.apps.permissionHooks(doctype).some((hook) => hook.check)
}

/** Whether a user may be in a room that an app declares. A rule that fails refuses. */
export async function mayBeIn(ctx: Context, who: Principal, room: string): Promise<boolean> {
  const rule = roomRule(ctx, room)
  return rule !== undefined && (await rule(ctx.as(who), room.slice(room.indexOf(':') + 1))) === true
}

/** Rooms that the kernel fills by rules of its own. */
const ownKinds: ReadonlySet<string> = new Set(['user', 'doctype', 'doc', 'open_doc', 'task_progress'])

/** The rule of an app's room; undefined when no app declares it. */
export function roomRule(ctx: Context, room: string): RoomRule | undefined {
  const colon = room.indexOf(':')
  const kind = room.slice(0, Math.max(colon, 0))
  if (ownKinds.has(kind)) return undefined
  for (const part of ctx.site.apps.all.flatMap(partsOf)) if (part.rooms && Object.hasOwn(part.rooms, kind)) return part.rooms[kind]
  return undefined
}

async function deletedCopy(ctx: Context, meta: Meta, name: string): Promise<AnyDocument | undefined> {
  const [row] = await ctx.db.query<{ data: string | null }>(
    ctx.db.dialect.compile(sql`select data from ${sql.id('tabDeleted Document')}
      where deleted_doctype = ${meta.name} and deleted_name = ${name} order by creation desc limit 1`),
  )
  return row?.data ? ({ ...(JSON.parse(row.data) as object), doctype: meta.name } as AnyDocument) : undefined
}
