import type { Context, Principal } from '#kernel/context/context.ts'
import { sql } from '#kernel/database/sql.ts'
import { type Authenticated, authenticate, type Credentials } from '#kernel/identity/authenticate.ts'
import { setPassword } from '#kernel/identity/passwords.ts'
import { guest, principalOf } from '#kernel/identity/principals.ts'
import { type SignedIn, signIn } from '#kernel/identity/sign-in.ts'
import type { Site } from '#kernel/sites/site.ts'
import { type TestSite, testSite, type TestSiteOptions } from './site.ts'

/** A password that the rules accept. */
export const goodPassword = 'fake-quiet-lamp-7'

/** A site whose clock a test moves, and the ways in. */
export interface IdentityStage extends TestSite {
  /** Milliseconds by which the site's clock runs ahead. */
  ahead: number
  /** Makes a user with `goodPassword`. */
  person(email: string, roles?: readonly string[]): Promise<string>
  /** Work of nobody who signed in, from an address. */
  asGuest<T>(work: (ctx: Context) => Promise<T>, ip?: string): Promise<T>
  /** Signs in and expects to succeed without a second factor. */
  enter(user: string, options?: { password?: string; ip?: string; site?: Site }): Promise<SignedIn>
  /** What the HTTP layer would do with a request. */
  knock(credentials: Partial<Credentials>, site?: Site): Promise<Authenticated>
  /** Work with the principal of a session. */
  inSession<T>(sid: string, work: (ctx: Context) => Promise<T>): Promise<T>
  /** The key of the link in the latest mail to an address. */
  mailedKey(to: string): Promise<string>
}

export async function identityStage(options: TestSiteOptions = {}): Promise<IdentityStage> {
  const clock = { ahead: 0, now: () => Date.now() + clock.ahead }
  const base = await testSite({ ...options, clock })
  const { site } = base
  const asGuest: IdentityStage['asGuest'] = (work, ip = '192.0.2.1') => site.run(guest, work, { ip, via: 'test' })
  const knock: IdentityStage['knock'] = async (credentials, where = site) => {
    await where.freshen()
    return authenticate(where, { ip: '192.0.2.1', verb: 'GET', ...credentials })
  }
  return {
    ...base,
    get ahead() {
      return clock.ahead
    },
    set ahead(ms: number) {
      clock.ahead = ms
    },
    asGuest,
    knock,
    person: async (email, roles) => {
      await base.user(email, roles)
      await base.asSystem((ctx) => setPassword(ctx, email, goodPassword))
      return email
    },
    enter: async (user, { password = goodPassword, ip = '192.0.2.1', site: where = site } = {}) => {
      const outcome = await where.run(guest, (ctx) => signIn(ctx, user, password), { ip, via: 'test' })
      if (outcome.kind !== 'signed-in') throw new Error('A second factor was asked for.')
      return outcome
    },
    inSession: async (sid, work) => {
      const { principal } = await knock({ sid })
      return site.run(principal, work, { ip: '192.0.2.1', via: 'test' })
    },
    mailedKey: async (to) => {
      const mails = await site.database.query<{ message: string }>(
        site.database.dialect.compile(sql`select q.message as message from ${sql.id('tabEmail Queue')} q
          join ${sql.id('tabEmail Queue Recipient')} r on r.parent = q.name where r.recipient = ${to} order by q.creation desc`),
      )
      return /key=([\w-]+)/.exec(mails[0]?.message ?? '')?.[1] ?? ''
    },
  }
}

/** The principal as a fresh request would get it. */
export async function freshPrincipal(site: Site, user: string): Promise<Principal> {
  await site.freshen()
  return principalOf(site, user)
}
