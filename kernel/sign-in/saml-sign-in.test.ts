import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Browser, browser, type Visit } from '#testing/sign-in/browser.ts'
import { selfSigned } from '#testing/sign-in/certificate.ts'
import { type Claims, samlEntity, samlIdentityProvider, samlSignOn, samlSignOut } from '#testing/sign-in/saml-provider.ts'
import { signInStage } from '#testing/sign-in/stage.ts'

const stage = await signInStage()
const [key, ownKey, strangerKey] = [selfSigned('idp.example'), selfSigned('site.example'), selfSigned('stranger.example')]
await stage.make('SAML Login Key', {
  provider_name: 'Corp',
  enabled: 1,
  idp_entity_id: samlEntity,
  sso_url: samlSignOn,
  slo_url: samlSignOut,
  idp_certificates: key.certificate,
  allowed_domains: 'corp.example',
  sign_ups: 'Allow',
  sign_requests: 1,
  sp_private_key: ownKey.privateKey,
  sp_certificate: ownKey.certificate,
})
const metadata = (await stage.call('GET', '/api/saml/metadata/corp', { as: '' })).text
const idp = samlIdentityProvider(metadata, key, true)
const stranger = samlIdentityProvider(metadata, strangerKey, true)
const start = `${stage.url}/api/method/orchestrator.sign_in.start?kind=saml&provider=corp`

interface Journey {
  readonly visitor: Browser
  readonly request: string
}

async function depart(visitor = browser()): Promise<Journey> {
  const leaving = await visitor.open(start, { follow: false })
  return { visitor, request: leaving.headers.get('location') ?? assert.fail(leaving.text) }
}

/** Posts an answer as the provider's page would: from another site, so without cookies. */
async function post(xml: string, journey: Journey, relay = new URL(journey.request).searchParams.get('RelayState') ?? '') {
  return stage.call('POST', '/api/saml/acs/corp', {
    as: '',
    body: new URLSearchParams({ SAMLResponse: Buffer.from(xml).toString('base64'), RelayState: relay }).toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://idp.example' },
  })
}

/** The whole way. @param spoil changes the signed answer before it is posted */
async function comeIn(
  claims: Claims,
  spoil: (xml: string) => string = (xml) => xml,
): Promise<{ who: string; page: Visit | undefined; journey: Journey; status: number }> {
  const journey = await depart()
  const answer = await post(spoil(await idp.answer(journey.request, claims)), journey)
  const location = answer.headers.get('location')
  const page = location ? await journey.visitor.open(stage.url + location) : undefined
  return { who: await stage.whoIs(journey.visitor), page, journey, status: answer.status }
}

const mail = (address: string) => ({ email: [address], givenName: ['Ann'], sn: ['Archer'] })

test('our metadata and signed request are read by the provider, and its answer signs somebody up and in', async () => {
  const { who, status, page } = await comeIn({ nameId: 'ann-1', attributes: mail('ann@corp.example') })
  assert.deepEqual([status, who], [303, 'ann@corp.example'], page?.text.slice(-400) ?? 'no page')
  // The identity is what counts from now on.
  assert.equal((await comeIn({ nameId: 'ann-1', attributes: mail('other@corp.example') })).who, 'ann@corp.example')
})

test('the provider is believed about its own domains only, and never about administrators', async () => {
  await stage.person('dana@elsewhere.example')
  await stage.person('boss@corp.example', ['System Manager'])
  for (const [nameId, address] of [
    ['e1', 'dana@elsewhere.example'],
    ['e2', 'boss@corp.example'],
    ['e3', 'x@evil.corp.example'],
    ['e4', ''],
  ] as const) {
    const { who, page } = await comeIn({ nameId, attributes: mail(address) })
    assert.deepEqual([who, page?.status], ['Guest', 403], address)
  }
})

test('an answer that is meant for another time, place, request or party is refused, however well signed', async () => {
  const past = new Date(Date.now() - 3_600_000).toISOString()
  const future = new Date(Date.now() + 3_600_000).toISOString()
  for (const over of [
    { Audience: 'https://other.example/metadata' },
    { SubjectRecipient: 'https://other.example/acs' },
    { InResponseTo: '_another-request' },
    { Issuer: 'https://evil.example/metadata' },
    { ConditionsNotOnOrAfter: past },
    { ConditionsNotBefore: future },
    { SubjectConfirmationDataNotOnOrAfter: past },
    { AuthnStatement: '' },
    { StatusCode: 'urn:oasis:names:tc:SAML:2.0:status:Responder', AuthnStatement: '' },
  ] as Record<string, string>[]) {
    const { who, status } = await comeIn({ nameId: 'ann-1', attributes: mail('ann@corp.example'), over })
    assert.deepEqual([who, status], ['Guest', 401], JSON.stringify(over))
  }
})

test('the clocks may differ by less than a minute', async () => {
  const soon = new Date(Date.now() + 30_000).toISOString()
  assert.equal((await comeIn({ nameId: 'ann-1', over: { ConditionsNotBefore: soon } })).who, 'ann@corp.example')
})

test('whoever alters, wraps, strips or forges a signature gets nobody’s session', async () => {
  await comeIn({ nameId: 'victim-1', attributes: mail('victim@corp.example') })
  const evil = (xml: string) => xml.replaceAll('mallory-1', 'victim-1').replaceAll('mallory@corp.example', 'victim@corp.example')
  const assertionOf = (xml: string) => /<saml:Assertion[\s\S]*<\/saml:Assertion>/.exec(xml)?.[0] ?? assert.fail()
  const unsigned = (xml: string) => xml.replace(/<ds:Signature[\s\S]*?<\/ds:Signature>/, '')
  const forged = (xml: string) => unsigned(evil(assertionOf(xml))).replace(/ ID="[^"]+"/, ' ID="_forged"')
  const sameId = (xml: string) => unsigned(evil(assertionOf(xml)))
  const attacks: Record<string, (xml: string) => string> = {
    altered: evil,
    'no signature': (xml) => unsigned(evil(xml)),
    'forged beside the signed one': (xml) => xml.replace(/<saml:Assertion/, `${forged(xml)}<saml:Assertion`),
    'forged after the signed one': (xml) => xml.replace('</samlp:Response>', `${forged(xml)}</samlp:Response>`),
    'same id beside': (xml) => xml.replace(/<saml:Assertion/, `${sameId(xml)}<saml:Assertion`),
    'signed one in extensions': (xml) =>
      xml
        .replace(assertionOf(xml), `${forged(xml)}`)
        .replace('<samlp:Status>', `<samlp:Extensions>${assertionOf(xml)}</samlp:Extensions><samlp:Status>`),
    'signed one inside the forged': (xml) =>
      xml.replace(assertionOf(xml), forged(xml).replace('</saml:Assertion>', `${assertionOf(xml)}</saml:Assertion>`)),
    'signed one inside the signature of the forged': (xml) => {
      const signature = /<ds:Signature[\s\S]*?<\/ds:Signature>/.exec(xml)?.[0] ?? ''
      const original = xml.replace(signature, '')
      const carrier = signature.replace('</ds:Signature>', `<ds:Object>${assertionOf(original)}</ds:Object></ds:Signature>`)
      return xml.replace(assertionOf(xml), forged(xml).replace('<saml:Subject>', `${carrier}<saml:Subject>`))
    },
    'another root around it': (xml) =>
      `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol">${forged(xml)}${xml}</samlp:Response>`,
    'document type with an entity': (xml) => `<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/passwd">]>${xml.replace('mallory-1', '&e;')}`,
    'document type with many entities': (xml) => `<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>${xml}`,
    'old digest': (xml) =>
      xml.replaceAll('http://www.w3.org/2001/04/xmldsig-more#rsa-sha256', 'http://www.w3.org/2000/09/xmldsig#rsa-sha1'),
    'a shared secret instead of a key': (xml) =>
      xml.replaceAll('http://www.w3.org/2001/04/xmldsig-more#rsa-sha256', 'http://www.w3.org/2000/09/xmldsig#hmac-sha1'),
    'no XML': () => 'x',
    nothing: () => '',
  }
  for (const [name, attack] of Object.entries(attacks)) {
    const { who, status } = await comeIn({ nameId: 'mallory-1', attributes: mail('mallory@corp.example') }, attack)
    assert.deepEqual([who, status], ['Guest', 401], name)
  }
  const journey = await depart()
  const bySomebodyElse = await post(await stranger.answer(journey.request, { nameId: 'victim-1' }), journey)
  assert.equal(bySomebodyElse.status, 401)
})

test('a comment in a name does not cut it: the name is all of its text', async () => {
  const { who } = await comeIn({ nameId: 'ann-1<!-- -->.evil', attributes: mail('cut@corp.example') })
  assert.equal(who, 'cut@corp.example')
  const inAddress = await comeIn({ nameId: 'cut-2', attributes: { email: ['ann@corp.example<!-- -->.evil.example'] } })
  assert.equal(inAddress.who, 'Guest')
  // A comment put in afterwards changes no signature, and no name either.
  const later = await comeIn({ nameId: 'ann-1', attributes: mail('ann@corp.example') }, (xml) => xml.replace('>ann-1<', '>ann<!-- -->-1<'))
  assert.ok(['Guest', 'ann@corp.example'].includes(later.who))
})

test('an answer comes once, to a request of ours, in the browser that asked', async () => {
  const journey = await depart()
  const xml = await idp.answer(journey.request, { nameId: 'ann-1' })
  assert.equal((await post(xml, journey, '')).status, 401)
  assert.equal((await post(xml, journey, 'A'.repeat(43))).status, 401)
  const answer = await post(xml, journey)
  const ticket = stage.url + answer.headers.get('location')
  // Login CSRF: another browser is given the ticket.
  const victim = browser()
  assert.equal((await victim.open(ticket)).status, 401)
  await journey.visitor.open(ticket)
  assert.equal(await stage.whoIs(journey.visitor), 'ann@corp.example')
  assert.equal((await journey.visitor.open(ticket)).status, 401)
  assert.equal((await post(xml, journey)).status, 401)
  // The answer to one request does not answer the next.
  assert.equal((await post(xml, await depart())).status, 401)
})

test('who signs out at the provider is signed out here; an unsigned message ends nothing', async () => {
  const { journey, who } = await comeIn({ nameId: 'ann-1' })
  assert.equal(who, 'ann@corp.example')
  const url = idp.signOut('ann-1')
  assert.ok(url.startsWith(`${stage.url}/api/saml/slo/corp?`), url)
  const bare = new URL(url)
  bare.searchParams.delete('Signature')
  bare.searchParams.delete('SigAlg')
  const other = new URL(idp.signOut('somebody-else')).searchParams.get('SAMLRequest') ?? ''
  const swapped = `${url.replace(/SAMLRequest=[^&]+/, '')}&SAMLRequest=${encodeURIComponent(other)}`
  const twice = `${url}&SAMLRequest=${encodeURIComponent(other)}`
  for (const bad of [bare.href, swapped, twice, stranger.signOut('ann-1')]) {
    const { status } = await browser().open(bad, { follow: false })
    assert.ok(status >= 400 && status < 500, `${status}: ${bad.slice(-200)}`)
    assert.equal(await stage.whoIs(journey.visitor), 'ann@corp.example')
  }
  const done = await browser().open(url, { follow: false })
  assert.equal(await stage.whoIs(journey.visitor), 'Guest')
  assert.ok(done.headers.get('location')?.startsWith(`${samlSignOut}?SAMLResponse=`))
})

test('signing out here leads to the provider with a message that it can read', async () => {
  const { journey } = await comeIn({ nameId: 'ann-1' })
  const csrf = JSON.parse((await journey.visitor.open(`${stage.url}/api/method/frappe.sessions.get_csrf_token`)).text).message
  const { json } = await stage.call('POST', '/api/method/orchestrator.sign_in.logout', {
    as: '',
    body: {},
    headers: { cookie: [...journey.visitor.cookies(stage.url)].map((pair) => pair.join('=')).join('; '), 'x-frappe-csrf-token': csrf },
  })
  assert.equal(await idp.readSignOut(json.message.redirect_to, 'request'), 'ann-1')
  assert.equal(await stage.whoIs(journey.visitor), 'Guest')
})

test('settings without what proves the provider are refused', async () => {
  for (const [values, field] of [
    [{ idp_certificates: 'nonsense' }, 'idp_certificates'],
    [{ sign_requests: 1 }, 'sp_private_key'],
    [{ name_id_format: 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient' }, 'user_id_attribute'],
  ] as const)
    await assert.rejects(
      stage.make('SAML Login Key', {
        provider_name: 'Bad',
        idp_entity_id: 'x',
        sso_url: samlSignOn,
        idp_certificates: key.certificate,
        ...values,
      }),
      { code: 'sign-in/settings-invalid', field },
    )
})
