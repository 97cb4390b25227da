import type { Context } from '#kernel/context/context.ts'
import { ident, join, sql } from '#kernel/database/sql.ts'

/** Somebody who can be told. */
export interface Person {
  /** Name of the User. */
  readonly name: string
  readonly email: string
}

const enabled = sql`u.enabled = 1 and u.name <> ${'Guest'}`
const person = sql`u.name as name, u.email as email`

/** Enabled users who hold one of the roles, themselves or by their role profile; in the order of their names. */
export async function peopleWithRoles(ctx: Context, roles: readonly string[], limit: number): Promise<Person[]> {
  if (roles.length === 0) return []
  const list = join(roles.map((role) => sql`${role}`))
  // Nobody is given these two: everybody has one, and who uses the desk the other.
  const everybody = roles.includes('All') ? sql`1 = 1` : sql`1 = 0`
  const desk = roles.includes('Desk User') ? sql`r.desk_access = 1` : sql`1 = 0`
  return withAddress(
    await ctx.db.query<Person>(
      ctx.db.dialect.compile(sql`select ${person} from ${ident('tabUser')} u
        where ${enabled} and (${everybody} or exists (select 1 from ${ident('tabHas Role')} h join ${ident('tabRole')} r on r.name = h.role
          where coalesce(r.disabled, 0) = 0 and (h.role in (${list}) or ${desk})
            and ((h.parenttype = ${'User'} and h.parent = u.name) or (h.parenttype = ${'Role Profile'} and h.parent = u.role_profile_name))))
        order by u.name limit ${sql.lit(limit)}`),
    ),
  )
}

/** The enabled users of these names or mail addresses; whoever is none is left out. */
export async function peopleNamed(ctx: Context, names: readonly string[]): Promise<Person[]> {
  if (names.length === 0) return []
  const list = join([...new Set(names)].map((name) => sql`${name}`))
  return withAddress(
    await ctx.db.query<Person>(
      ctx.db.dialect.compile(
        sql`select ${person} from ${ident('tabUser')} u where ${enabled} and (u.name in (${list}) or u.email in (${list})) order by u.name`,
      ),
    ),
  )
}

/** The Administrator may have no address of its own. */
function withAddress(people: readonly Person[]): Person[] {
  return people.map(({ name, email }) => ({ name, email: email || (name.includes('@') ? name : '') }))
}
