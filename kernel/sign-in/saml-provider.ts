import type { Context } from '#kernel/context/context.ts'
import { exists, getDocument } from '#kernel/documents/load.ts'
import { getSecret } from '#kernel/identity/secrets.ts'
import { siteAddress } from '#kernel/identity/users.ts'
import { ProviderUnknown } from './errors.ts'
import { type EntryRules, readDomains } from './identity.ts'
import { allowsSignUp, rolesOf } from './providers.ts'

/** A SAML Login Key, read for use. */
export interface SamlProvider extends EntryRules {
  readonly kind: 'saml'
  readonly idpEntityId: string
  readonly ssoUrl: string
  readonly sloUrl: string
  /** PEM, each. */
  readonly certificates: readonly string[]
  /** Our name towards the provider: the address of our metadata. */
  readonly entityId: string
  /** Where answers come to. */
  readonly acsUrl: string
  /** Where sign-outs come to. */
  readonly logoutUrl: string
  /** PEM; undefined: requests are not signed. */
  readonly privateKey: string | undefined
  readonly certificate: string | undefined
  readonly nameIdFormat: string
  readonly attributes: {
    readonly subject: string
    readonly email: string
    readonly first: string
    readonly last: string
    readonly groups: string
  }
}

/** Reads an enabled SAML Login Key. @throws ProviderUnknown */
export async function samlProvider(ctx: Context, name: string): Promise<SamlProvider> {
  const system = ctx.asSystem('sign-in')
  if (name === '' || !(await exists(system, 'SAML Login Key', name)))
    throw new ProviderUnknown({ field: 'provider', provider: name.slice(0, 140) })
  const key = await getDocument(system, 'SAML Login Key', name)
  if (!key.enabled) throw new ProviderUnknown({ field: 'provider', provider: name })
  const text = (field: string): string => String(key[field] ?? '').trim()
  const base = siteAddress(ctx)
  return {
    kind: 'saml',
    name,
    title: text('provider_name') || name,
    idpEntityId: text('idp_entity_id'),
    ssoUrl: text('sso_url'),
    sloUrl: text('slo_url'),
    certificates: certificatesIn(text('idp_certificates')),
    entityId: base + samlPath('metadata', name),
    acsUrl: base + samlPath('acs', name),
    logoutUrl: base + samlPath('slo', name),
    privateKey: key.sign_requests === 1 ? await getSecret(system, 'SAML Login Key', name, 'sp_private_key') : undefined,
    certificate: text('sp_certificate') || undefined,
    nameIdFormat: text('name_id_format'),
    attributes: {
      subject: text('user_id_attribute'),
      email: text('email_attribute'),
      first: text('first_name_attribute'),
      last: text('last_name_attribute'),
      groups: text('role_claim'),
    },
    allowsSignUp: allowsSignUp(ctx.site, key.sign_ups),
    domains: readDomains(key.allowed_domains),
    linksByEmail: key.link_by_email === 1,
    isSecondFactor: key.counts_as_second_factor === 1,
    roles: rolesOf(key.role_mappings),
  }
}

/** Addresses of ours that a SAML provider is told. */
export function samlPath(what: 'metadata' | 'acs' | 'slo', name: string): string {
  return `/api/saml/${what}/${encodeURIComponent(name)}`
}

/** The PEM certificates in a text, in order. */
export function certificatesIn(text: string): string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[\sA-Za-z0-9+/=]+-----END CERTIFICATE-----/g) ?? []
}

/** What a provider must know of us, as SAML metadata. */
export function samlMetadata(provider: SamlProvider): string {
  const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
  const certificate = provider.privateKey && provider.certificate?.replaceAll(/-----[A-Z ]+-----|\s/g, '')
  const key = certificate
    ? `<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>${escaped(certificate)}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`
    : ''
  return `<?xml version="1.0" encoding="UTF-8"?>
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${escaped(provider.entityId)}">
<md:SPSSODescriptor AuthnRequestsSigned="${provider.privateKey !== undefined}" WantAssertionsSigned="true" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">${key}
<md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="${escaped(provider.logoutUrl)}"/>
<md:NameIDFormat>${escaped(provider.nameIdFormat)}</md:NameIDFormat>
<md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="${escaped(provider.acsUrl)}" index="0" isDefault="true"/>
</md:SPSSODescriptor>
</md:EntityDescriptor>
`
}
