import { randomUUID } from 'node:crypto'
import * as samlify from 'samlify'
import type { Certified } from './certificate.ts'

const template = samlify.SamlLib.defaultLoginResponseTemplate.context

samlify.setSchemaValidator({ validate: () => Promise.resolve('not checked here') })

export const samlEntity = 'https://idp.example/metadata'
export const samlSignOn = 'https://idp.example/sso'
export const samlSignOut = 'https://idp.example/slo'

/** What an answer says, where it is not what is right. */
export interface Claims {
  readonly nameId: string
  readonly attributes?: Readonly<Record<string, readonly string[]>>
  /** Values over the right ones: `Audience`, `SubjectRecipient`, `InResponseTo`, `Issuer`, `ConditionsNotOnOrAfter` … */
  readonly over?: Readonly<Record<string, string>>
}

/** A real SAML identity provider: another program's code makes, signs and reads the messages. */
export interface SamlIdentityProvider {
  /** Reads a request of ours and answers it, signed. @returns the XML of the response */
  answer(requestUrl: string, claims: Claims): Promise<string>
  /** A signed message that somebody signed out there, as an address of ours. */
  signOut(nameId: string): string
  /** Checks a sign-out message of ours. */
  readSignOut(url: string, kind: 'request' | 'response'): Promise<string>
}

/** Starts a provider from our metadata, with a key of its own. */
export function samlIdentityProvider(
  metadata: string,
  { privateKey, certificate }: Certified,
  isRequestSigned = false,
): SamlIdentityProvider {
  const redirect = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect'
  const provider = samlify.IdentityProvider({
    entityID: samlEntity,
    privateKey,
    signingCert: certificate,
    wantAuthnRequestsSigned: isRequestSigned,
    requestSignatureAlgorithm: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    nameIDFormat: ['urn:oasis:names:tc:SAML:2.0:nameid-format:persistent'],
    singleSignOnService: [{ Binding: redirect, Location: samlSignOn }],
    singleLogoutService: [{ Binding: redirect, Location: samlSignOut }],
    wantLogoutResponseSigned: false,
    wantLogoutRequestSigned: true,
  })
  const party = samlify.ServiceProvider({ metadata, wantLogoutRequestSigned: true, wantLogoutResponseSigned: false })
  const queryOf = (url: string) => ({
    query: Object.fromEntries(new URL(url).searchParams),
    octetString: new URL(url).search.slice(1).split('&Signature=')[0],
  })
  return {
    answer: async (requestUrl, claims) => {
      const request = await provider.parseLoginRequest(party, 'redirect', queryOf(requestUrl))
      const now = Date.now()
      const at = (ms: number) => new Date(now + ms).toISOString()
      const acs = party.entityMeta.getAssertionConsumerService('post') as string
      const tags: Record<string, string> = {
        ID: `_${randomUUID()}`,
        AssertionID: `_${randomUUID()}`,
        Destination: acs,
        SubjectRecipient: acs,
        Audience: party.entityMeta.getEntityID(),
        Issuer: samlEntity,
        IssueInstant: at(0),
        StatusCode: 'urn:oasis:names:tc:SAML:2.0:status:Success',
        ConditionsNotBefore: at(-1000),
        ConditionsNotOnOrAfter: at(300_000),
        SubjectConfirmationDataNotOnOrAfter: at(300_000),
        NameIDFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
        NameID: claims.nameId,
        InResponseTo: String(request.extract.request?.id),
        AuthnStatement: `<saml:AuthnStatement AuthnInstant="${at(0)}" SessionIndex="_session-${claims.nameId}"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>`,
        AttributeStatement: attributesXml(claims.attributes ?? {}),
        ...claims.over,
      }
      const { context } = await provider.createLoginResponse(party, request as never, 'post', {}, () => ({
        id: tags.ID as string,
        context: template.replaceAll(/\{(\w+)\}/g, (whole, tag: string) => tags[tag] ?? whole),
      }))
      return Buffer.from(context, 'base64').toString('utf8')
    },
    signOut: (nameId) => provider.createLogoutRequest(party, 'redirect', { logoutNameID: nameId }, { relayState: 'back' } as never).context,
    readSignOut: async (url, kind) => {
      const read =
        kind === 'request'
          ? provider.parseLogoutRequest(party, 'redirect', queryOf(url))
          : provider.parseLogoutResponse(party, 'redirect', queryOf(url))
      const { extract } = await read
      return String(kind === 'request' ? extract.nameID : extract.response?.inResponseTo)
    },
  }
}

function attributesXml(attributes: Readonly<Record<string, readonly string[]>>): string {
  const rows = Object.entries(attributes).map(
    ([name, values]) =>
      `<saml:Attribute Name="${name}">${values.map((value) => `<saml:AttributeValue xsi:type="xs:string">${value}</saml:AttributeValue>`).join('')}</saml:Attribute>`,
  )
  return rows.length === 0 ? '' : `<saml:AttributeStatement>${rows.join('')}</saml:AttributeStatement>`
}
