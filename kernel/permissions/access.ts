import type { Context, Principal } from '#kernel/context/context.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { isSet } from '#kernel/sites/settings.ts'
import { type BaseGrant, compileBase } from './compile-grant.ts'
import { type Confined, confine } from './confinement.ts'
import type { Action, Grant } from './grant.ts'
import { type Permitted, readPermitted } from './permitted.ts'

/** What a site knows about one user's rights, worked out once and kept until definitions, access rules or settings change. */
export interface Access {
  readonly permitted: Permitted
  /** By DocType. */
  readonly confined: Map<string, Confined>
  /** By DocType and action. */
  readonly base: Map<string, BaseGrant>
  /** Grants that depend on nothing but stored rules; the others are made per request. */
  readonly grants: Map<string, Grant>
  /** Field access by DocType and, for child tables, the DocType around them. */
  readonly fields: Map<string, unknown>
  readonly epochs: Epochs
}

interface Epochs {
  readonly meta: number
  readonly access: number
  readonly config: number
}

interface Directory {
  /** What a principal's rights depend on, as text; kept because making it is the dear part. */
  readonly keys: WeakMap<Principal, string>
  /** The oldest leaves when there are too many. */
  readonly accesses: Map<string, Access>
}

const usersKept = 1000
const directoryKey = 'permissions'
const memoKey = 'permissions:access'

/** The kept access of the acting user, when it is there and still true. */
export function knownAccess(ctx: Context): Access | undefined {
  const directory = ctx.site.cache.access.get(directoryKey) as Directory | undefined
  const key = directory?.keys.get(ctx.user)
  const access = key === undefined ? undefined : directory?.accesses.get(key)
  return access && isCurrent(access.epochs, ctx) ? access : undefined
}

/** The access of the acting user, read from the database when it is not known yet. */
export async function accessOf(ctx: Context): Promise<Access> {
  const { keys, accesses } = directoryOf(ctx)
  const key = keys.get(ctx.user) ?? principalKey(ctx.user)
  keys.set(ctx.user, key)
  const known = accesses.get(key) ?? (ctx.memo.get(memoKey) as Access | undefined)
  if (known && isCurrent(known.epochs, ctx)) return known
  const { meta, access, config } = ctx.site.epoch
  const epochs = { meta, access, config }
  // Rights count once they are committed: what this unit of work may still take back must not stay in a cache that others use. On
  // SQLite reading beside the transaction costs nothing; elsewhere it could use up the pool, so the result is not kept instead.
  const isSqlite = ctx.db.dialect.name === 'sqlite'
  const reader = isSqlite || !ctx.db.isWriting ? ctx.site.database : ctx.db
  const permitted = await readPermitted(ctx, reader, ctx.user.name)
  const made: Access = { permitted, confined: new Map(), base: new Map(), grants: new Map(), fields: new Map(), epochs }
  if (reader !== ctx.site.database) ctx.memo.set(memoKey, made)
  else if (isCurrent(epochs, ctx)) keep(directoryOf(ctx).accesses, key, made)
  return made
}

function keep(accesses: Map<string, Access>, key: string, access: Access): void {
  accesses.delete(key)
  accesses.set(key, access)
  if (accesses.size > usersKept) accesses.delete(accesses.keys().next().value as string)
}

function directoryOf(ctx: Context): Directory {
  let directory = ctx.site.cache.access.get(directoryKey) as Directory | undefined
  if (!directory) {
    directory = { keys: new WeakMap(), accesses: new Map() }
    ctx.site.cache.access.set(directoryKey, directory)
  }
  return directory
}

function isCurrent(epochs: Epochs, ctx: Context): boolean {
  const now = ctx.site.epoch
  return epochs.access === now.access && epochs.meta === now.meta && epochs.config === now.config
}

// Roles and key scopes are part of the key: a request that began before a role was taken away must not leave its rights to the next.
function principalKey(user: Principal): string {
  return JSON.stringify([user.name, user.userType, user.unrestricted, [...user.roles].sort(), user.scopes ?? null])
}

/** The grant by stored rules alone, kept with the user's access. */
export async function baseGrantOf(ctx: Context, access: Access, meta: Meta, action: Action): Promise<BaseGrant> {
  const key = `${meta.name}\n${action}`
  const known = access.base.get(key)
  if (known) return known
  const base = compileBase(ctx.user, meta, action, await confinedOf(ctx, access, meta))
  if (isCurrent(access.epochs, ctx)) access.base.set(key, base)
  return base
}

/** What confines the acting user's documents of a DocType. */
export async function confinedOf(ctx: Context, access: Access, meta: Meta): Promise<Confined> {
  const known = access.confined.get(meta.name)
  if (known) return known
  const children = new Map<string, Meta>()
  for (const table of meta.tables) {
    const child = table.options
    if (child && (await ctx.site.meta.exists(child))) children.set(child, await ctx.site.meta.get(child))
  }
  const strictLinks = isSet(ctx.site, 'apply_strict_user_permissions')
  const confined = confine(meta, { permitted: access.permitted, scopes: ctx.site.apps.scopes, strictLinks, children })
  if (isCurrent(access.epochs, ctx)) access.confined.set(meta.name, confined)
  return confined
}
