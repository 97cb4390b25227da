import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { ReceivedWebhook } from './provider.ts'
import {
  hmacOfBody,
  metaHandshake,
  slackHandshake,
  standardSignature,
  type Verify,
  verifyFrappe,
  verifyHubSignature,
  verifySlack,
  verifyStandard,
  verifyStripe,
  verifyTelegram,
  verifyTwilio,
} from './verify.ts'

const at = 1_764_000_000
const now = at * 1000
const frappeBody = '{"doctype":"Service Ticket","name":"TKT-0001","event":"on_update"}'
const twilioUrl = 'https://ops.example.test/api/method/inbox.webhook.twilio?org=ORG-001'
const bodyHash = '037dd63c38bf15d5762159b8bd8a24139e56dffcce6996c5b5d008658c00f552'
const twilioForm = {
  To: '+15557650001',
  Body: 'Hello & bye = ok?',
  AccountSid: 'AC00000000000000000000000000000001',
  From: '+15551230001',
  NumMedia: '0',
  MessageSid: 'SM00000000000000000000000000000001',
}

interface Vector {
  readonly verify: Verify
  readonly secret: string
  readonly webhook: ReceivedWebhook
  /** Its time is part of what is signed. */
  readonly isTimed?: boolean
  /** The header that carries the proof. */
  readonly proof: string
  /** The proof is a shared word: it says nothing of the body. */
  readonly isToken?: boolean
}

const webhook = (body: string, headers: Record<string, string>, url = 'https://ops.example.test/', query = {}): ReceivedWebhook => ({
  body: Buffer.from(body),
  headers,
  url,
  query,
})

const stripeSum = '03ed5d71202061287633a99e7fe50c068fa014ef084a669b269cdbfb663a78aa'
const metaSum = 'sha256=e8f66bc5f28ed0891c883c6ca7bb4844a6fbad7d185901635846ed25918be48c'

/** Published and computed elsewhere: each must fit, and nothing that differs in a bit may. */
const vectors: Record<string, Vector> = {
  Stripe: {
    verify: verifyStripe,
    secret: 'whsec_test_platform_5f1d',
    proof: 'stripe-signature',
    isTimed: true,
    webhook: webhook(
      '{"id":"evt_1TestBosk001","object":"event","type":"payment_intent.succeeded","created":1764000000,"data":{"object":{"id":"pi_1TestBosk001","amount":12500,"currency":"usd"}}}',
      { 'stripe-signature': `t=${at},v1=${stripeSum}` },
    ),
  },
  Meta: {
    verify: verifyHubSignature,
    secret: 'meta_app_secret_test_a1b2',
    proof: 'x-hub-signature-256',
    webhook: webhook(
      String.raw`{"object":"whatsapp_business_account","entry":[{"id":"1001","changes":[{"field":"messages","value":{"messages":[{"id":"wamid.TEST001","from":"15551230001","timestamp":"1764000000","type":"text","text":{"body":"Caf\u00e9 \ud83d\ude00"}}]}}]}]}`,
      { 'x-hub-signature-256': metaSum },
    ),
  },
  'Twilio form': {
    verify: verifyTwilio,
    secret: 'twilio_auth_token_test_9c',
    proof: 'x-twilio-signature',
    webhook: webhook(
      new URLSearchParams(twilioForm).toString(),
      { 'x-twilio-signature': 'xYFrjV03y2zm9OLt/6psAmhorXM=', 'content-type': 'application/x-www-form-urlencoded' },
      twilioUrl,
      { org: 'ORG-001' },
    ),
  },
  'Twilio JSON': {
    verify: verifyTwilio,
    secret: 'twilio_auth_token_test_9c',
    proof: 'x-twilio-signature',
    webhook: webhook(
      '{"EventType":"onMessageAdded","MessageSid":"IM001"}',
      { 'x-twilio-signature': 'zwaOW/mgePS+AXQYGI4uvbodpPE=', 'content-type': 'application/json' },
      `${twilioUrl}&bodySHA256=${bodyHash}`,
      { org: 'ORG-001', bodySHA256: bodyHash },
    ),
  },
  Slack: {
    verify: verifySlack,
    secret: 'slack_signing_secret_test_77',
    proof: 'x-slack-signature',
    isTimed: true,
    webhook: webhook('token=legacy&team_id=T001&command=%2Fops&text=open+tickets&user_id=U001', {
      'x-slack-request-timestamp': String(at),
      'x-slack-signature': 'v0=a574731adcbdb558d4b0f46c0655aa7d0cc7c0d92cda208eac4083c504677100',
    }),
  },
  Telegram: {
    verify: verifyTelegram,
    secret: 'tg_Secret-Token_0123456789',
    proof: 'x-telegram-bot-api-secret-token',
    isToken: true,
    webhook: webhook('{"update_id":1}', { 'x-telegram-bot-api-secret-token': 'tg_Secret-Token_0123456789' }),
  },
  Frappe: {
    verify: verifyFrappe,
    secret: 'frappe_webhook_secret_test',
    proof: 'x-frappe-webhook-signature',
    webhook: webhook(frappeBody, { 'x-frappe-webhook-signature': 'VmUR48DytNqZ5OBJUGkn6NQtxMIQCRS9Mti4BaER1i0=' }),
  },
  Standard: {
    verify: verifyStandard,
    secret: 'whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=',
    proof: 'webhook-signature',
    isTimed: true,
    webhook: webhook(frappeBody, {
      'webhook-id': 'msg_test001',
      'webhook-timestamp': String(at),
      'webhook-signature': 'v1,bwbrV1MLmBfuqlC5BY+w5reWq8jMW1lSpioSkca8WBY=',
    }),
  },
}

for (const [name, { verify, secret, webhook: sent, isTimed, isToken, proof }] of Object.entries(vectors))
  suite(`webhooks of ${name}`, () => {
    const refused = (changed: Partial<ReceivedWebhook>, secrets: readonly string[] = [secret], when = now) =>
      assert.equal(typeof verify({ ...sent, ...changed }, secrets, when), 'string')
    const signature = sent.headers[proof] ?? ''

    test('what the sender signed is believed, also with the secret before or after it', () => {
      assert.equal(verify(sent, [secret], now), undefined)
      assert.equal(verify(sent, ['another', secret], now), undefined)
      assert.equal(verify(sent, [secret, 'another'], now), undefined)
    })

    test('without its secret, or with an empty one, nobody is believed', () => {
      for (const secrets of [[], [''], ['another'], [secret.slice(1)], [`x${secret}`]]) refused({}, secrets)
    })

    test('a proof that differs in a character, is cut, doubled, emptied or gone is refused', () => {
      const flipped = signature.slice(0, -3) + (signature.at(-3) === 'a' ? 'b' : 'a') + signature.slice(-2)
      for (const text of [flipped, signature.slice(0, -1), `${signature}0`, '', 'sha256=', 'v1,', 'undefined', 'null'])
        refused({ headers: { ...sent.headers, [proof]: text } })
      const { [proof]: _gone, ...rest } = sent.headers
      refused({ headers: rest })
    })

    if (!isToken)
      test('a changed body is refused', () => {
        refused({ body: Buffer.concat([sent.body, Buffer.from(' ')]) })
        refused({ body: Buffer.alloc(0) })
        const flipped = Buffer.from(sent.body)
        flipped[flipped.length - 3] = (flipped.at(-3) as number) ^ 1
        refused({ body: flipped })
      })

    if (isTimed)
      test('a signed time may be five minutes off and no more', () => {
        for (const seconds of [-300, 300]) assert.equal(verify(sent, [secret], now + seconds * 1000), undefined)
        for (const seconds of [-301, 301, 86_400]) refused({}, [secret], now + seconds * 1000)
      })
  })

suite('webhooks of certain senders', () => {
  const only = (name: string) => vectors[name] as Vector

  test('any of several Stripe signatures may fit; the test scheme proves nothing', () => {
    const { webhook: sent, secret } = only('Stripe')
    const with_ = (header: string) => verifyStripe({ ...sent, headers: { 'stripe-signature': header } }, [secret], now)
    assert.equal(with_(`t=${at}, v1=${'0'.repeat(64)},v1=${stripeSum}`), undefined)
    for (const header of [`t=${at},v0=${stripeSum}`, `v1=${stripeSum}`, `t=,v1=${stripeSum}`, `t=${at + 1},v1=${stripeSum}`, `t=${at}`])
      assert.ok(with_(header), header)
  })

  test('the body of Meta counts as it was sent, not as it reads', () => {
    const { webhook: sent, secret } = only('Meta')
    const rewritten = Buffer.from(JSON.stringify(JSON.parse(sent.body.toString())))
    assert.ok(verifyHubSignature({ ...sent, body: rewritten }, [secret], now))
    assert.equal(
      verifyHubSignature(
        {
          ...sent,
          body: rewritten,
          headers: { 'x-hub-signature-256': 'sha256=ada2318187f5914dd429354185101c33b3c761d3a266a78003660b217d3efce7' },
        },
        [secret],
        now,
      ),
      undefined,
    )
  })

  test('a Twilio address may be signed with or without its port, and belongs to its account', () => {
    const { webhook: sent, secret } = only('Twilio form')
    assert.equal(verifyTwilio({ ...sent, url: twilioUrl.replace('.test/', '.test:443/') }, [secret], now), undefined)
    assert.ok(verifyTwilio({ ...sent, url: twilioUrl.replace('ORG-001', 'ORG-002') }, [secret], now))
    assert.ok(verifyTwilio({ ...sent, headers: { ...sent.headers, 'content-type': 'application/json' } }, [secret], now))
  })

  test("GitHub's published example fits", () => {
    const headers = { 'x-hub-signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17' }
    assert.equal(verifyHubSignature(webhook('Hello, World!', headers), ["It's a Secret to Everybody"], now), undefined)
  })

  test('a plain signature can be of another kind', () => {
    const verify = hmacOfBody({ header: 'x-signature', algorithm: 'sha512', encoding: 'base64' })
    assert.ok(verify(webhook('a', { 'x-signature': 'b' }), ['c'], now))
  })

  test('a Standard signature counts only with the id it was made for', () => {
    const { webhook: sent, secret } = only('Standard')
    assert.ok(verifyStandard({ ...sent, headers: { ...sent.headers, 'webhook-id': 'msg_test002' } }, [secret], now))
    const several = `v1,AAAA v2,BBBB ${sent.headers['webhook-signature']}`
    assert.equal(verifyStandard({ ...sent, headers: { ...sent.headers, 'webhook-signature': several } }, [secret], now), undefined)
    assert.equal(standardSignature(secret, 'msg_test001', String(at), frappeBody), sent.headers['webhook-signature'])
  })

  test("Meta's first call is answered only with the token that was agreed on", () => {
    const call = (query: Record<string, string>) => metaHandshake(webhook('', {}, '', query), { signing: [], verifyToken: 'agreed' })
    const query = { 'hub.mode': 'subscribe', 'hub.challenge': '1158201444', 'hub.verify_token': 'agreed' }
    assert.equal(call(query)?.body, '1158201444')
    assert.equal(call({ ...query, 'hub.verify_token': 'other' }), undefined)
    assert.equal(call({ ...query, 'hub.challenge': '<script>' }), undefined)
    assert.equal(metaHandshake(webhook('', {}, '', { ...query, 'hub.verify_token': '' }), { signing: [], verifyToken: '' }), undefined)
  })

  test("Slack's first call is answered only when it is signed", () => {
    const call = webhook('{"type":"url_verification","challenge":"abc123"}', {})
    assert.equal(slackHandshake(call, { signing: [] }, true)?.body, 'abc123')
    assert.equal(slackHandshake(call, { signing: [] }, false), undefined)
    assert.equal(slackHandshake(webhook('{"type":"event_callback","challenge":"abc123"}', {}), { signing: [] }, true), undefined)
  })
})
