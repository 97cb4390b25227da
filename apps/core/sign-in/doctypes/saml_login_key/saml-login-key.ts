import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { readUrl } from '#kernel/external/safe-fetch.ts'
import { getSecret } from '#kernel/identity/secrets.ts'
import { siteAddress } from '#kernel/identity/users.ts'
import { SignInSettingsInvalid } from '#kernel/sign-in/errors.ts'
import { removeLinksTo } from '#kernel/sign-in/links.ts'
import { certificatesIn, samlPath } from '#kernel/sign-in/saml-provider.ts'
import { demandMappableRoles } from '../../role-mappings.ts'

interface SamlLoginKeyFields {
  enabled: number
  provider_name: string
  metadata_url: string | null
  sso_url: string
  slo_url: string | null
  idp_certificates: string
  sign_requests: number
  sp_private_key: string | null
  sp_certificate: string | null
  name_id_format: string | null
  user_id_attribute: string | null
  role_mappings: { role: string }[]
}

/** A SAML identity provider with whose accounts people sign in; how is in kernel/sign-in. */
export default class SamlLoginKey extends Document<SamlLoginKeyFields> {
  autoname(): void {
    this.name = this.provider_name
      .trim()
      .toLowerCase()
      .replace(/[\s-]+/g, '_')
  }

  async validate(ctx: Context): Promise<void> {
    const refuse = (field: string, reason: string): never => {
      throw new SignInSettingsInvalid({ field, reason })
    }
    if (!/^[\p{L}\p{N}_.]{1,70}$/u.test(this.name)) refuse('provider_name', 'a name has letters, digits, blanks and dots only, up to 70.')
    for (const field of ['sso_url', 'slo_url'] as const) if (this[field]) readUrl(this[field], field)
    const certificates = certificatesIn(this.idp_certificates)
    if (certificates.length === 0) refuse('idp_certificates', 'there is no certificate in PEM.')
    for (const certificate of certificates)
      if (!isReadable(() => new X509Certificate(certificate))) refuse('idp_certificates', 'a certificate cannot be read.')
    if (this.name_id_format?.endsWith(':transient') && !this.user_id_attribute)
      refuse('user_id_attribute', 'a transient name is another each time, so an attribute must say who somebody is.')
    demandMappableRoles(this.role_mappings)
    this.metadata_url = siteAddress(ctx) + samlPath('metadata', this.name)
    if (this.sign_requests) await this.demandOwnKey(ctx, refuse)
  }

  private async demandOwnKey(ctx: Context, refuse: (field: string, reason: string) => never): Promise<void> {
    const given = this.sp_private_key
    const key = given && !/^\*+$/.test(given) ? given : await getSecret(ctx, 'SAML Login Key', this.name, 'sp_private_key')
    if (!key || !isReadable(() => createPrivateKey(key))) refuse('sp_private_key', 'there is no private key in PEM that can be read.')
    const certificate = certificatesIn(this.sp_certificate ?? '')[0]
    if (!certificate || !isReadable(() => new X509Certificate(certificate)))
      refuse('sp_certificate', 'there is no certificate in PEM that can be read.')
  }

  async on_trash(ctx: Context): Promise<void> {
    await removeLinksTo(ctx, 'saml', this.name)
  }

  before_rename(): void {
    throw new SignInSettingsInvalid({ field: 'name', reason: 'the name is part of the address that the provider knows.' })
  }
}

function isReadable(read: () => unknown): boolean {
  try {
    read()
    return true
  } catch {
    return false
  }
}
