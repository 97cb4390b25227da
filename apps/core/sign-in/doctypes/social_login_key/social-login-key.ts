import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { readUrl } from '#kernel/external/safe-fetch.ts'
import { siteAddress } from '#kernel/identity/users.ts'
import { SignInSettingsInvalid } from '#kernel/sign-in/errors.ts'
import { removeLinksTo } from '#kernel/sign-in/links.ts'
import { isPlainAllowed } from '#kernel/sign-in/oidc-client.ts'
import { callbackPath, presets } from '#kernel/sign-in/providers.ts'
import { demandMappableRoles } from '../../role-mappings.ts'

interface SocialLoginKeyFields {
  enable_social_login: number
  social_login_provider: string
  provider_name: string
  client_id: string | null
  base_url: string | null
  authorize_url: string | null
  access_token_url: string | null
  api_endpoint: string | null
  redirect_url: string | null
  api_endpoint_args: string | null
  auth_url_data: string | null
  role_mappings: { role: string }[]
}

/** Parameters that the sign-in itself sets; one from the settings would undo a check. */
const ownParameters = new Set([
  'client_id',
  'redirect_uri',
  'state',
  'nonce',
  'code_challenge',
  'code_challenge_method',
  'response_mode',
  'request',
  'request_uri',
])

/** A provider with whose accounts people sign in; how is in kernel/sign-in. */
export default class SocialLoginKey extends Document<SocialLoginKeyFields> {
  autoname(): void {
    this.name = this.provider_name
      .trim()
      .toLowerCase()
      .replace(/[\s-]+/g, '_')
  }

  validate(ctx: Context): void {
    const refuse = (field: string, reason: string): never => {
      throw new SignInSettingsInvalid({ field, reason })
    }
    if (!/^[\p{L}\p{N}_.]{1,70}$/u.test(this.name)) refuse('provider_name', 'a name has letters, digits, blanks and dots only, up to 70.')
    for (const field of ['base_url', 'authorize_url', 'access_token_url', 'api_endpoint'] as const) {
      const address = this[field]?.trim()
      if (!address) continue
      if (readUrl(address, field).protocol === 'http:' && !isPlainAllowed(ctx.site, address)) refuse(field, 'it must begin with https://.')
    }
    for (const field of ['api_endpoint_args', 'auth_url_data'] as const) demandTexts(field, this[field])
    demandMappableRoles(this.role_mappings)
    this.redirect_url = siteAddress(ctx) + callbackPath(this.social_login_provider, this.name)
    if (!this.enable_social_login) return
    if (!this.client_id) refuse('client_id', 'without it the provider does not know who asks.')
    const preset = presets[this.social_login_provider]
    if (!preset?.issuer && !preset?.endpoints && !this.base_url && !this.authorize_url)
      refuse('base_url', 'it is not known where the provider is.')
    if (this.authorize_url && this.social_login_provider === 'Custom' && (!this.access_token_url || !this.api_endpoint))
      refuse('access_token_url', 'a provider without OpenID Connect needs all three addresses.')
  }

  async on_trash(ctx: Context): Promise<void> {
    await removeLinksTo(ctx, 'oidc', this.name)
  }

  before_rename(): void {
    throw new SignInSettingsInvalid({ field: 'name', reason: 'the name is part of the address that the provider knows.' })
  }
}

function demandTexts(field: string, text: string | null): void {
  if (!text?.trim()) return
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new SignInSettingsInvalid({ field, reason: 'it is no JSON.' }, { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new SignInSettingsInvalid({ field, reason: 'it is no JSON object.' })
  const own = Object.keys(value).find((key) => ownParameters.has(key))
  if (own) throw new SignInSettingsInvalid({ field, reason: `${own} is set by the sign-in itself.` })
}
