import type { Context, Principal } from '#kernel/context/context.ts'
import type { Query } from '#kernel/database/database.ts'
import { sql } from '#kernel/database/sql.ts'
import type { Site } from '#kernel/sites/site.ts'
import { UserUnavailable } from './errors.ts'
import { identitySettings } from './settings.ts'

export const administratorName = 'Administrator'
export const guestName = 'Guest'

/** Nobody in particular: who acts when no credential came with the request. */
export const guest: Principal = Object.freeze({
  name: guestName,
  fullName: guestName,
  roles: new Set([guestName]),
  userType: 'Website User',
  language: 'en',
  unrestricted: false,
})

const administratorRoles: ReadonlySet<string> = new Set([administratorName, 'System Manager', 'Desk User', 'All', guestName])

/** The one user whom no permission holds back. */
export function administrator(language = 'en'): Principal {
  return {
    name: administratorName,
    fullName: administratorName,
    roles: administratorRoles,
    userType: 'System User',
    language,
    unrestricted: true,
  }
}

/**
 * The user as principal: roles of the user and of its role profile, without disabled ones, and the automatic roles. Remembered until
 * users, roles or rights change anywhere; inside a unit of work that has written, read afresh so that it sees its own changes.
 * @throws UserUnavailable when there is no such user or it is disabled
 */
export async function principalOf(source: Site | Context, userName: string): Promise<Principal> {
  if (userName === guestName) return guest
  const { site, reader } = 'db' in source ? { site: source.site, reader: source.db } : { site: source, reader: source.database }
  const ownChanges = 'db' in source && source.db.isWriting
  const key = `identity:principal:${userName}`
  const known = ownChanges ? undefined : site.cache.access.get(key)
  if (known) return known as Principal
  const epoch = site.epoch.access
  const principal = await readPrincipal(site, reader, userName)
  // Never keep what may be older than a change that this process has learnt of meanwhile, or newer than what is committed.
  if (!ownChanges && site.epoch.access === epoch) site.cache.access.set(key, principal)
  return principal
}

interface Reader {
  query<R>(query: Query): Promise<R[]>
}

interface UserRow {
  name: string
  enabled: number | null
  full_name: string | null
  language: string | null
  role_profile_name: string | null
}

async function readPrincipal(site: Site, reader: Reader, userName: string): Promise<Principal> {
  const { compile } = site.database.dialect
  const [user] = await reader.query<UserRow>(
    compile(sql`select name, enabled, full_name, language, role_profile_name from ${sql.id('tabUser')} where name = ${userName}`),
  )
  const settings = identitySettings(site)
  if (userName === administratorName) {
    if (user && user.enabled === 0) throw new UserUnavailable({ user: userName })
    return { ...administrator(user?.language || settings.language), fullName: user?.full_name || administratorName }
  }
  if (!user?.enabled) throw new UserUnavailable({ user: userName })
  const rows = await reader.query<{ role: string; desk_access: number | null }>(
    compile(sql`select h.role as role, r.desk_access as desk_access from ${sql.id('tabHas Role')} h
      join ${sql.id('tabRole')} r on r.name = h.role
      where coalesce(r.disabled, 0) = 0
        and ((h.parenttype = ${'User'} and h.parent = ${userName}) or (h.parenttype = ${'Role Profile'} and h.parent = ${user.role_profile_name ?? ''}))`),
  )
  // Held by one user only, and never through a row that somebody could write.
  const held = rows.filter((row) => row.role !== administratorName)
  const isDesk = held.some((row) => row.desk_access === 1)
  const roles = new Set(held.map((row) => row.role))
  for (const role of isDesk ? [guestName, 'All', 'Desk User'] : [guestName, 'All']) roles.add(role)
  return {
    name: user.name,
    fullName: user.full_name || user.name,
    roles,
    userType: isDesk ? 'System User' : 'Website User',
    language: user.language || settings.language,
    unrestricted: false,
  }
}
