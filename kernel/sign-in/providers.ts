import type { Context } from '#kernel/context/context.ts'
import { sql } from '#kernel/database/sql.ts'
import { exists, getDocument } from '#kernel/documents/load.ts'
import { getSecret } from '#kernel/identity/secrets.ts'
import { siteAddress } from '#kernel/identity/users.ts'
import type { Site } from '#kernel/sites/site.ts'
import { OutsideSignInFailed, ProviderUnknown } from './errors.ts'
import { type EntryRules, readDomains } from './identity.ts'

/** A Social Login Key, read for use. */
export interface OidcProvider extends EntryRules {
  readonly kind: 'oidc'
  readonly preset: string
  readonly clientId: string
  readonly clientSecret: string | undefined
  /** The issuer; where there is no OpenID Connect, what stands for it. */
  readonly issuer: string
  /** Where there is no discovery: plain OAuth 2. */
  readonly endpoints: { readonly authorize: string; readonly token: string; readonly person: string } | undefined
  readonly personArgs: Readonly<Record<string, string>>
  readonly scope: string
  /** Further parameters of the authorization request. */
  readonly extra: Readonly<Record<string, string>>
  readonly subjectClaim: string
  readonly groupsClaim: string
  readonly redirectUri: string
}

/** What is known of well-known providers. An `issuer` means OpenID Connect with discovery; else the three addresses of plain OAuth 2. */
interface Preset {
  readonly issuer?: string
  readonly endpoints?: OidcProvider['endpoints']
  readonly scope: string
  readonly subjectClaim: string
  /** The last part of the address that answers come to. */
  readonly method: string
}

const oidcScope = 'openid email profile'
const custom: Preset = { scope: oidcScope, subjectClaim: 'sub', method: '' }

/** By the values of `social_login_provider`. */
export const presets: Readonly<Record<string, Preset>> = {
  Custom: custom,
  Google: { issuer: 'https://accounts.google.com', scope: oidcScope, subjectClaim: 'sub', method: 'google' },
  // The issuer names the tenant, so the base URL must: https://login.microsoftonline.com/<tenant>/v2.0
  'Office 365': { scope: oidcScope, subjectClaim: 'sub', method: 'office365' },
  Keycloak: { scope: oidcScope, subjectClaim: 'sub', method: 'keycloak' },
  Salesforce: { issuer: 'https://login.salesforce.com', scope: oidcScope, subjectClaim: 'sub', method: 'salesforce' },
  fairlogin: { issuer: 'https://id.fairkom.net/auth/realms/fairlogin', scope: oidcScope, subjectClaim: 'sub', method: 'fairlogin' },
  Frappe: { scope: 'openid', subjectClaim: 'sub', method: 'frappe' },
  GitHub: {
    endpoints: {
      authorize: 'https://github.com/login/oauth/authorize',
      token: 'https://github.com/login/oauth/access_token',
      person: 'https://api.github.com/user',
    },
    scope: 'read:user user:email',
    subjectClaim: 'id',
    method: 'github',
  },
  Facebook: {
    endpoints: {
      authorize: 'https://www.facebook.com/v21.0/dialog/oauth',
      token: 'https://graph.facebook.com/v21.0/oauth/access_token',
      person: 'https://graph.facebook.com/v21.0/me',
    },
    scope: 'email public_profile',
    subjectClaim: 'id',
    method: 'facebook',
  },
}

/** The path of the method that a provider's answers come to; each provider has its own, so that one cannot answer for another. */
export function callbackPath(preset: string, name: string): string {
  const method = presets[preset]?.method
  return `/api/method/frappe.integrations.oauth2_logins.${method ? `login_via_${method}` : `custom/${encodeURIComponent(name)}`}`
}

/** The Social Login Key that answers come to at `login_via_<method>`; undefined: none is enabled. */
export async function providerOfMethod(ctx: Context, method: string): Promise<string | undefined> {
  const preset = Object.entries(presets).find(([, one]) => one.method !== '' && one.method === method)?.[0]
  if (!preset) return undefined
  const [row] = await ctx.db.query<{ name: string }>(
    ctx.db.dialect.compile(sql`select name from ${sql.id('tabSocial Login Key')}
      where social_login_provider = ${preset} and enable_social_login = 1 order by creation limit 1`),
  )
  return row?.name
}

/** Reads an enabled Social Login Key. @throws ProviderUnknown, OutsideSignInFailed when it is not set up to its end */
export async function oidcProvider(ctx: Context, name: string): Promise<OidcProvider> {
  const system = ctx.asSystem('sign-in')
  if (name === '' || !(await exists(system, 'Social Login Key', name)))
    throw new ProviderUnknown({ field: 'provider', provider: name.slice(0, 140) })
  const key = await getDocument(system, 'Social Login Key', name)
  if (!key.enable_social_login) throw new ProviderUnknown({ field: 'provider', provider: name })
  const title = String(key.provider_name || name)
  const preset = String(key.social_login_provider || 'Custom')
  const { issuer, endpoints, ...known } = presets[preset] ?? custom
  const text = (field: string): string => String(key[field] ?? '').trim()
  const clientId = text('client_id')
  if (clientId === '') throw new OutsideSignInFailed({ provider: title, reason: 'it is not set up to its end' })
  const own = { authorize: text('authorize_url'), token: text('access_token_url'), person: text('api_endpoint') }
  const isPlain = endpoints !== undefined || (preset === 'Custom' && own.authorize !== '')
  return {
    kind: 'oidc',
    name,
    title,
    preset,
    clientId,
    clientSecret: await getSecret(system, 'Social Login Key', name, 'client_secret'),
    issuer: text('base_url') || issuer || own.authorize || endpoints?.authorize || '',
    endpoints: isPlain
      ? {
          authorize: own.authorize || endpoints?.authorize || '',
          token: own.token || endpoints?.token || '',
          person: own.person || endpoints?.person || '',
        }
      : undefined,
    personArgs:
      preset === 'Facebook'
        ? { fields: 'id,email,first_name,last_name', ...textRecord(key.api_endpoint_args) }
        : textRecord(key.api_endpoint_args),
    scope: textRecord(key.auth_url_data).scope ?? known.scope,
    extra: textRecord(key.auth_url_data),
    subjectClaim: preset === 'Custom' && isPlain ? text('user_id_property') || 'sub' : known.subjectClaim,
    groupsClaim: text('role_claim'),
    redirectUri: siteAddress(ctx) + callbackPath(preset, name),
    allowsSignUp: allowsSignUp(ctx.site, key.sign_ups),
    domains: readDomains(key.allowed_domains),
    linksByEmail: key.link_by_email === 1,
    isSecondFactor: key.counts_as_second_factor === 1,
    roles: rolesOf(key.role_mappings),
  }
}

/** `Allow`, `Deny`, or empty: as the site does (`allow_sign_up` of its configuration). */
export function allowsSignUp(site: Site, setting: unknown): boolean {
  return setting === 'Allow' || (setting !== 'Deny' && site.config.allow_sign_up === true)
}

/** Rows of SAML and Social Login Keys that map groups to roles. */
export function rolesOf(rows: unknown): Map<string, string[]> {
  const roles = new Map<string, string[]>()
  for (const { claim_value: value, role } of (rows ?? []) as { claim_value: string; role: string }[])
    roles.set(value, [...(roles.get(value) ?? []), role])
  return roles
}

/** A JSON object of texts, as `auth_url_data` and `api_endpoint_args` hold; undefined values and others are left out. */
export function textRecord(text: unknown): Record<string, string> {
  if (typeof text !== 'string' || text.trim() === '') return {}
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return {}
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, one]) => (['string', 'number', 'boolean'].includes(typeof one) ? [[key, String(one)]] : [])),
    )
  } catch {
    return {}
  }
}

/** A way to sign in, for the buttons of a sign-in page. */
export interface SignInWay {
  name: string
  provider_name: string
  icon: string | null
  kind: 'oidc' | 'saml'
  /** Path that begins it; takes `redirect-to`. */
  url: string
}

/** The ways in that the site offers beside passwords, by name. */
export async function signInWays(ctx: Context): Promise<SignInWay[]> {
  const read = (table: string, enabled: string): Promise<{ name: string; provider_name: string; icon: string | null }[]> =>
    ctx.db.query(
      ctx.db.dialect.compile(
        sql`select name, provider_name, icon from ${sql.id(`tab${table}`)} where ${sql.id(enabled)} = 1 order by provider_name, name`,
      ),
    )
  const way =
    (kind: SignInWay['kind']) =>
    (row: { name: string; provider_name: string; icon: string | null }): SignInWay => ({
      name: row.name,
      provider_name: row.provider_name || row.name,
      icon: row.icon,
      kind,
      url: `/api/method/orchestrator.sign_in.start?kind=${kind}&provider=${encodeURIComponent(row.name)}`,
    })
  return [
    ...(await read('Social Login Key', 'enable_social_login')).map(way('oidc')),
    ...(await read('SAML Login Key', 'enabled')).map(way('saml')),
  ]
}
