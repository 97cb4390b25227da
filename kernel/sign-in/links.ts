import { hash } from 'node:crypto'
import { nowText, textOfInstant } from '#kernel/context/time.ts'
import type { Context } from '#kernel/context/context.ts'
import { sql } from '#kernel/database/sql.ts'
import type { OutsideIdentity } from './identity.ts'

const links = sql.id('__Sign_In_Link')
const sessions = sql.id('__Outside_Session')
const userColumn = sql.id('user')

/** A link as its owner may see it; times UTC. */
export interface SignInLink {
  /** Stands for the link in later calls. */
  id: string
  kind: string
  provider: string
  email: string | null
  created: string
  last_used: string | null
}

/** Stands for one person at one provider. The provider's name is part of it: a provider set up anew at another address vouches for nobody. */
export function subjectHash({
  kind,
  provider,
  issuer,
  subject,
}: Pick<OutsideIdentity, 'kind' | 'provider' | 'issuer' | 'subject'>): string {
  return hash('sha256', JSON.stringify([kind, provider, issuer, subject]), 'base64url')
}

/** Whose account an identity outside is linked to; undefined: nobody's. */
export async function linkedUser(ctx: Context, identity: OutsideIdentity): Promise<string | undefined> {
  const [row] = await ctx.db.query<{ user: string }>(
    ctx.db.dialect.compile(sql`select ${userColumn} from ${links} where subject_hash = ${subjectHash(identity)}`),
  )
  return row?.user
}

/** Links an identity to an account. @returns false when it is linked already, to whomever: of two at once one wins */
export async function addLink(ctx: Context, identity: OutsideIdentity, user: string): Promise<boolean> {
  const { dialect } = ctx.db
  const [into, onKnown] = dialect.name === 'mariadb' ? ['insert ignore into', ''] : ['insert into', 'on conflict do nothing']
  const now = nowText(ctx)
  const { changes } = await ctx.db.execute(
    dialect.compile(sql`${sql.raw(into)} ${links} (subject_hash, kind, provider, subject, ${userColumn}, email, created, last_used)
      values (${subjectHash(identity)}, ${identity.kind}, ${identity.provider}, ${identity.subject}, ${user},
        ${identity.email?.slice(0, 140) ?? null}, ${now}, ${now}) ${sql.raw(onKnown)}`),
  )
  return changes === 1
}

/** Notes that a link was used. */
export async function touchLink(ctx: Context, identity: OutsideIdentity): Promise<void> {
  await ctx.db.execute(
    ctx.db.dialect.compile(sql`update ${links} set last_used = ${nowText(ctx)} where subject_hash = ${subjectHash(identity)}`),
  )
}

/** The links of a user, oldest first. */
export async function listLinks(ctx: Context, user: string): Promise<SignInLink[]> {
  return ctx.db.query<SignInLink>(
    ctx.db.dialect.compile(
      sql`select subject_hash as id, kind, provider, email, created, last_used from ${links}
        where ${userColumn} = ${user} and kind <> ${'own'} order by created`,
    ),
  )
}

/** Takes a link away. @returns whether there was one */
export async function removeLink(ctx: Context, user: string, id: string): Promise<boolean> {
  const statement = sql`delete from ${links} where subject_hash = ${id} and ${userColumn} = ${user} and kind <> ${'own'}`
  return (await ctx.db.execute(ctx.db.dialect.compile(statement))).changes > 0
}

/** Takes the links of a user who goes. */
export async function removeLinksOf(ctx: Context, user: string): Promise<void> {
  await ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${links} where ${userColumn} = ${user}`))
}

/** Takes the links of a provider that goes: one of the same name may be somebody else's. */
export async function removeLinksTo(ctx: Context, kind: OutsideIdentity['kind'], provider: string): Promise<void> {
  await ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${links} where kind = ${kind} and provider = ${provider}`))
}

/** Moves the links of a renamed user along. */
export async function renameLinks(ctx: Context, oldUser: string, newUser: string): Promise<void> {
  await ctx.db.execute(ctx.db.dialect.compile(sql`update ${links} set ${userColumn} = ${newUser} where ${userColumn} = ${oldUser}`))
}

/** How a session came about, for signing out at the provider too. */
export interface OutsideSession {
  readonly kind: 'oidc' | 'saml'
  readonly provider: string
  readonly subjectHash: string
  /** What the provider wants back: the encrypted ID token, or the SAML name and session index. */
  readonly details: Readonly<Record<string, string>>
}

/** Remembers that a session came about by a provider. */
export async function noteOutsideSession(ctx: Context, session: string, outside: OutsideSession): Promise<void> {
  await ctx.db.execute(
    ctx.db.dialect.compile(sql`insert into ${sessions} (session_hash, subject_hash, kind, provider, created, details)
      values (${session}, ${outside.subjectHash}, ${outside.kind}, ${outside.provider}, ${nowText(ctx)}, ${JSON.stringify(outside.details)})`),
  )
}

/** How a session came about; undefined: by a password. */
export async function outsideSessionOf(ctx: Context, session: string): Promise<OutsideSession | undefined> {
  const [row] = await ctx.db.query<{ subject_hash: string; kind: 'oidc' | 'saml'; provider: string; details: string | null }>(
    ctx.db.dialect.compile(sql`select subject_hash, kind, provider, details from ${sessions} where session_hash = ${session}`),
  )
  return row && { kind: row.kind, provider: row.provider, subjectHash: row.subject_hash, details: JSON.parse(row.details ?? '{}') }
}

/** The sessions that somebody opened by a provider, with their users. */
export async function sessionsOfSubject(
  ctx: Context,
  subject: string,
): Promise<{ session: string; user: string; details: Readonly<Record<string, string>> }[]> {
  const rows = await ctx.db.query<{ session_hash: string; user: string; details: string | null }>(
    ctx.db.dialect.compile(sql`select o.session_hash as session_hash, s.${userColumn} as ${userColumn}, o.details as details
      from ${sessions} o join ${sql.id('__Session')} s on s.id_hash = o.session_hash where o.subject_hash = ${subject} and s.revoked = 0`),
  )
  return rows.map((row) => ({ session: row.session_hash, user: row.user, details: JSON.parse(row.details ?? '{}') }))
}

/** Forgets how sessions came about that are long over; a daily job. */
export async function forgetOldOutsideSessions(ctx: Context): Promise<void> {
  const before = textOfInstant(ctx.clock.now() - 7 * 24 * 3_600_000)
  await ctx.db.execute(
    ctx.db.dialect.compile(sql`delete from ${sessions} where created < ${before}
      and session_hash not in (select id_hash from ${sql.id('__Session')} where revoked = 0)`),
  )
}
