/** Somebody as a provider vouches for them, checked and brought into one form. */
export interface OutsideIdentity {
  readonly kind: 'oidc' | 'saml'
  /** Name of the Social Login Key or SAML Login Key. */
  readonly provider: string
  /** Who says so: the issuer or entity id. */
  readonly issuer: string
  /** Never given to another person by this issuer. */
  readonly subject: string
  readonly email: string | undefined
  /** Whether the provider has proof that the address is the person's, and may speak for it. */
  readonly isEmailVerified: boolean
  readonly firstName: string
  readonly lastName: string
  /** Values of the claim that roles follow from. */
  readonly groups: readonly string[]
}

/** What the settings of a provider say about who may come in, whatever its protocol. */
export interface EntryRules {
  readonly kind: 'oidc' | 'saml'
  readonly name: string
  /** As people know it. */
  readonly title: string
  /** Whether people without an account get one. */
  readonly allowsSignUp: boolean
  /** Lower-case domains. OpenID Connect: of the addresses that may come in; empty: any. SAML: of those that it is believed about; empty: none. */
  readonly domains: readonly string[]
  /** Whether a verified address leads to the account of that address, if it is no administrator's. */
  readonly linksByEmail: boolean
  /** Whether a sign-in there stands for the second factor here. */
  readonly isSecondFactor: boolean
  /** Roles by the value of the claim that brings them; empty: roles are left alone. */
  readonly roles: ReadonlyMap<string, readonly string[]>
}

/** Roles that no claim can bring: the platform gives them itself, or to one user only. */
export const unmappableRoles: ReadonlySet<string> = new Set(['Administrator', 'All', 'Guest', 'Desk User'])

/** Lists as people type them: by line, comma or space; in lower case. */
export function readDomains(text: unknown): string[] {
  return String(text ?? '')
    .toLowerCase()
    .split(/[\s,;]+/)
    .map((domain) => domain.replace(/^@/, ''))
    .filter((domain) => domain !== '')
}
