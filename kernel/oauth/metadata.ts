import type { Context } from '#kernel/context/context.ts'
import { siteAddress } from '#kernel/identity/users.ts'

/** Paths of the provider's endpoints, by Frappe's names. */
export const oauthPaths = {
  authorize: '/api/method/frappe.integrations.oauth2.authorize',
  approve: '/api/method/frappe.integrations.oauth2.approve',
  token: '/api/method/frappe.integrations.oauth2.get_token',
  revoke: '/api/method/frappe.integrations.oauth2.revoke_token',
  introspect: '/api/method/frappe.integrations.oauth2.introspect_token',
  profile: '/api/method/frappe.integrations.oauth2.openid_profile',
  keys: '/.well-known/jwks.json',
} as const

/** How the site describes itself to clients (OpenID Connect discovery, RFC 8414). */
export function oauthMetadata(ctx: Context): Record<string, unknown> {
  const base = siteAddress(ctx)
  return {
    issuer: base,
    authorization_endpoint: base + oauthPaths.authorize,
    token_endpoint: base + oauthPaths.token,
    revocation_endpoint: base + oauthPaths.revoke,
    introspection_endpoint: base + oauthPaths.introspect,
    userinfo_endpoint: base + oauthPaths.profile,
    jwks_uri: base + oauthPaths.keys,
    scopes_supported: ['openid', 'profile', 'email', 'all', 'read', 'write'],
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256', 'ES256'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'none'],
    revocation_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'none'],
    introspection_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    code_challenge_methods_supported: ['S256'],
    claims_supported: ['sub', 'iss', 'aud', 'exp', 'iat', 'auth_time', 'nonce', 'at_hash', 'email', 'email_verified', 'name', 'picture'],
    authorization_response_iss_parameter_supported: true,
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
  }
}
