import type { Principal } from '#kernel/context/context.ts'
import { keyHolder } from '#kernel/identity/api-keys.ts'
import { guest, principalOf } from '#kernel/identity/principals.ts'
import { UserUnavailable } from '#kernel/identity/errors.ts'
import { loadSession, type Session } from '#kernel/identity/sessions.ts'
import { AppError } from '#client/rules/errors.ts'
import type { Site } from '#kernel/sites/site.ts'

/** Sends one message to several connections at once; each way into the process has its own. */
export interface Channel {
  send(members: readonly string[], event: string, message: unknown): void
}

/** What a connection showed when it was opened; asked again whenever rights may have changed. */
export type Proof =
  | { readonly via: 'guest' }
  | { readonly via: 'session'; readonly session: Session }
  | { readonly via: 'key'; readonly authorization: string; readonly ip: string }

/** One connection of one user. */
export interface Member {
  readonly id: string
  readonly channel: Channel
  readonly proof: Proof
  principal: Principal
  /** When the proof must be asked again, in milliseconds since 1970. */
  until: number
  readonly rooms: Set<string>
  /** Whose connections are counted together: the user, or the address of a visitor. */
  readonly account: string
  /** Ends the connection. @param reason a code that the client is told before */
  end(reason?: string): void
}

/** Visitors have nothing that could end; whether a credential was withdrawn is seen by the counter of rights. */
const never = Number.POSITIVE_INFINITY

/** Who a proof stands for now; undefined when it is worth nothing any more. Does not count as a sign of life of the session. */
export async function proven(site: Site, proof: Proof): Promise<{ principal: Principal; until: number } | undefined> {
  try {
    if (proof.via === 'guest') return { principal: guest, until: never }
    if (proof.via === 'key') {
      const { principal, expires } = await keyHolder(site, proof.authorization, proof.ip)
      return { principal, until: expires }
    }
    const session = await loadSession(site, proof.session.id)
    if (!session || session.expires <= site.clock.now()) return undefined
    const user = await principalOf(site, session.user)
    return { principal: { ...user, credential: `session:${session.id}` }, until: session.expires }
  } catch (error) {
    if (UserUnavailable.is(error) || (error instanceof AppError && error.status < 500)) return undefined
    throw error
  }
}

/** Members with the same answer to every question about rights. */
export function rightsKey({ name, scopes }: Principal): string {
  return scopes ? `${name}\n${scopes.join('\n')}` : name
}
