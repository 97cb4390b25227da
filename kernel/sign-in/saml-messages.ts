import { createPublicKey, verify } from 'node:crypto'
import { inflateRawSync } from 'node:zlib'
import type { CacheProvider, SAML } from '@node-saml/node-saml'
import type { Context } from '#kernel/context/context.ts'
import { OutsideSignInFailed } from './errors.ts'
import type { SamlProvider } from './saml-provider.ts'

/** What an assertion says, once signature, issuer, audience, recipient, request and times are proven. */
export interface Assertion {
  readonly id: string
  readonly nameId: string
  readonly nameIdFormat: string
  readonly sessionIndex: string
  readonly attributes: ReadonlyMap<string, readonly string[]>
}

const skewMs = 60_000
const requestMs = 10 * 60_000
const mostMessageBytes = 256 * 1024

/** The library for one provider. @param requestId the only request that an answer may be to */
export async function samlFor(provider: SamlProvider, requestId: string): Promise<SAML> {
  const { SAML: Library, ValidateInResponseTo } = await import('@node-saml/node-saml')
  return new Library({
    callbackUrl: provider.acsUrl,
    issuer: provider.entityId,
    audience: provider.entityId,
    entryPoint: provider.ssoUrl,
    logoutUrl: provider.sloUrl || provider.ssoUrl,
    idpIssuer: provider.idpEntityId,
    idpCert: [...provider.certificates],
    identifierFormat: provider.nameIdFormat,
    disableRequestedAuthnContext: true,
    wantAssertionsSigned: true,
    wantAuthnResponseSigned: false,
    acceptedClockSkewMs: skewMs,
    validateInResponseTo: ValidateInResponseTo.always,
    requestIdExpirationPeriodMs: requestMs,
    cacheProvider: onlyRequest(requestId),
    generateUniqueId: () => requestId,
    signatureAlgorithm: 'sha256',
    digestAlgorithm: 'sha256',
    ...(provider.privateKey && { privateKey: provider.privateKey }),
  })
}

/** Which requests are open is kept with the sign-in itself; the library is told of one. */
function onlyRequest(requestId: string): CacheProvider {
  const since = new Date().toISOString()
  return {
    saveAsync: async (_key, value) => ({ value, createdAt: Date.now() }),
    getAsync: async (key) => (key === requestId ? since : null),
    removeAsync: async (key) => key,
  }
}

type Node = { readonly _?: string; readonly $?: Readonly<Record<string, string>> } & { readonly [name: string]: readonly Node[] }

/** Reads and proves an answer to our request. @throws OutsideSignInFailed, whatever is wrong with it */
export async function readSamlResponse(ctx: Context, provider: SamlProvider, message: string, requestId: string): Promise<Assertion> {
  const refuse = (cause?: unknown): never => {
    ctx.site.log.warn({ err: cause, provider: provider.name }, 'a SAML answer was refused')
    throw new OutsideSignInFailed({ provider: provider.title, reason: 'its answer could not be verified' }, { cause })
  }
  if (message.length > mostMessageBytes) refuse(new Error('The message is too long.'))
  demandPlainXml(Buffer.from(message, 'base64').toString('utf8'), refuse)
  const saml = await samlFor(provider, requestId)
  const { profile } = await saml.validatePostResponseAsync({ SAMLResponse: message }).catch(refuse)
  const assertion = (profile?.getAssertion?.() as { Assertion?: Node } | undefined)?.Assertion ?? refuse()
  // Read from what was signed, and from nothing else.
  const { $: head, Issuer: issuer, Subject: subject, AuthnStatement: statements, AttributeStatement: statementsOfAttributes } = assertion
  if (!head?.ID || issuer?.length !== 1 || issuer[0]?._?.trim() !== provider.idpEntityId) refuse(new Error('The issuer is another.'))
  const name = subject?.length === 1 && subject[0]?.NameID?.length === 1 ? subject[0].NameID[0] : undefined
  if (!statements?.length || !name?._) refuse(new Error('It says of nobody that they signed in.'))
  const confirmations = subject?.[0]?.SubjectConfirmation ?? []
  if (!confirmations.some((one) => isForUs(one, provider, requestId, ctx.clock.now())))
    refuse(new Error('It is meant for another place or request.'))
  return {
    id: head?.ID ?? '',
    nameId: name?._?.trim() ?? '',
    nameIdFormat: name?.$?.Format ?? '',
    sessionIndex: statements?.[0]?.$?.SessionIndex ?? '',
    attributes: attributesOf(statementsOfAttributes ?? []),
  }
}

function isForUs(confirmation: Node, provider: SamlProvider, requestId: string, now: number): boolean {
  const data = confirmation.SubjectConfirmationData?.[0]?.$
  return (
    confirmation.$?.Method === 'urn:oasis:names:tc:SAML:2.0:cm:bearer' &&
    data?.Recipient === provider.acsUrl &&
    data.InResponseTo === requestId &&
    data.NotOnOrAfter !== undefined &&
    Date.parse(data.NotOnOrAfter) + skewMs > now
  )
}

function attributesOf(statements: readonly Node[]): Map<string, string[]> {
  const attributes = new Map<string, string[]>()
  for (const attribute of statements.flatMap((statement) => statement.Attribute ?? [])) {
    const values = (attribute.AttributeValue ?? []).map((value) => value._ ?? '').filter((value) => value !== '')
    const key = attribute.$?.Name ?? ''
    attributes.set(key, [...(attributes.get(key) ?? []), ...values])
  }
  return attributes
}

/** No document type, so no entities; no SHA-1; no way to spell an algorithm so that this check does not see it. */
function demandPlainXml(xml: string, refuse: (cause: unknown) => never): void {
  if (/<!(?!--)/.test(xml)) refuse(new Error('It declares a document type.'))
  if (/Algorithm\s*=\s*(?:"[^"]*&|'[^']*&)/.test(xml)) refuse(new Error('An algorithm is spelt in references.'))
  if (/#(?:rsa-|dsa-|hmac-)?(?:sha1|md5)["']|#rsa-md5["']/i.test(xml)) refuse(new Error('It is signed with SHA-1 or MD5.'))
}

/** A message about the end of a session, with a proven signature. */
export interface LogoutMessage {
  readonly kind: 'request' | 'response'
  readonly id: string
  readonly nameId: string
  readonly sessionIndex: string
  /** Where the answer to a request goes; undefined for a response. */
  readonly answer: string | undefined
}

/**
 * Reads a message of the redirect binding. It must be signed; the signature covers the query as it came, so that is what is read.
 * @param search the query of the address, without `?`
 * @throws OutsideSignInFailed
 */
export async function readLogoutMessage(ctx: Context, provider: SamlProvider, search: string): Promise<LogoutMessage> {
  const refuse = (cause?: unknown): never => {
    ctx.site.log.warn({ err: cause, provider: provider.name }, 'a SAML sign-out was refused')
    throw new OutsideSignInFailed({ provider: provider.title, reason: 'its message could not be verified' }, { cause })
  }
  const raw = rawParameters(search) ?? refuse(new Error('A parameter came twice.'))
  const kind = raw.has('SAMLRequest') ? 'SAMLRequest' : 'SAMLResponse'
  if (!raw.has(kind) || (kind === 'SAMLRequest' && raw.has('SAMLResponse'))) refuse(new Error('It is no message.'))
  if (!isSignedQuery(provider, raw, kind)) refuse(new Error('It is not signed by the provider.'))
  const message = decoded(raw.get(kind))
  try {
    const xml = inflateRawSync(Buffer.from(message, 'base64'), { maxOutputLength: mostMessageBytes }).toString('utf8')
    demandPlainXml(xml, refuse)
    const requestId = /\bInResponseTo="([^"]{1,200})"/.exec(xml)?.[1] ?? ''
    const saml = await samlFor(provider, kind === 'SAMLResponse' ? requestId : `_${crypto.randomUUID()}`)
    const { profile } = await saml.validateRedirectAsync({ [kind]: message }, '')
    if (kind === 'SAMLResponse') return { kind: 'response', id: '', nameId: '', sessionIndex: '', answer: undefined }
    if (!profile?.nameID || typeof profile.ID !== 'string') return refuse(new Error('It names nobody.'))
    const relay = decoded(raw.get('RelayState'))
    const answer = provider.sloUrl ? await saml.getLogoutResponseUrlAsync(profile, relay, {}, true) : undefined
    return { kind: 'request', id: profile.ID, nameId: profile.nameID, sessionIndex: profile.sessionIndex ?? '', answer }
  } catch (error) {
    return refuse(error)
  }
}

/** The parameters as they stand in the address; undefined when one of ours comes twice. */
function rawParameters(search: string): Map<string, string> | undefined {
  const parameters = new Map<string, string>()
  for (const part of search.split('&')) {
    const [name = '', ...value] = part.split('=')
    if (!['SAMLRequest', 'SAMLResponse', 'RelayState', 'SigAlg', 'Signature'].includes(decoded(name))) continue
    if (parameters.has(decoded(name))) return undefined
    parameters.set(decoded(name), value.join('='))
  }
  return parameters
}

function isSignedQuery(provider: SamlProvider, raw: ReadonlyMap<string, string>, kind: string): boolean {
  const digest = {
    'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256': 'sha256',
    'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512': 'sha512',
  }[decoded(raw.get('SigAlg'))]
  if (!digest || !raw.has('Signature')) return false
  const signed = [kind, 'RelayState', 'SigAlg'].filter((name) => raw.has(name)).map((name) => `${name}=${raw.get(name)}`)
  const signature = Buffer.from(decoded(raw.get('Signature')), 'base64')
  return provider.certificates.some((certificate) => verify(digest, Buffer.from(signed.join('&')), createPublicKey(certificate), signature))
}

function decoded(text: string | undefined): string {
  try {
    return decodeURIComponent((text ?? '').replaceAll('+', ' '))
  } catch {
    return ''
  }
}
