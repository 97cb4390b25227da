import { hash } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { UniqueViolated } from '#kernel/database/errors.ts'
import { sql } from '#kernel/database/sql.ts'
import { getSecret } from '#kernel/identity/secrets.ts'
import { guest } from '#kernel/identity/principals.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { counter } from '#kernel/metrics/metrics.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import type { Site } from '#kernel/sites/site.ts'
import { WebhookEventGone, WebhookRefused, WebhookTooLarge, WebhookUnknown } from './errors.ts'
import type { EndpointSecrets, HandshakeAnswer, ReceivedWebhook, VerifiedWebhook, WebhookProvider } from './provider.ts'

const events = sql.id('__Webhook_Event')
const defaultMaxBytes = 1_000_000
/** Bytes that any webhook may have. */
export const mostWebhookBytes = 5_000_000
/** Looks for the first of two equal events until it is committed, or gone; the sender sends again what takes longer. */
const mostRounds = 100
/** Milliseconds between two of them. */
const roundMs = 5
/** The DocType that holds addresses and secrets. */
const endpointDoctype = 'Incoming Webhook'

const received = counter({ name: 'px_webhooks_received_total', help: 'Webhooks that came in', labels: ['provider', 'outcome'] })

interface Endpoint {
  readonly name: string
  readonly app: string
  readonly provider: WebhookProvider
  readonly organization: string | null
  readonly account: string | null
  readonly secrets: EndpointSecrets
}

/** A webhook as its job gets it. */
export interface WebhookEvent extends VerifiedWebhook {
  /** Name of the Incoming Webhook at whose address it came. */
  readonly endpoint: string
  readonly provider: string
  /** Whose account the address belongs to, whatever the event says. */
  readonly organization: string | null
  readonly account: string | null
  /** Milliseconds since 1970. */
  readonly received: number
}

/** Where a webhook came in. */
export interface WebhookAddress {
  readonly provider: string
  /** Name of the Incoming Webhook; absent: that of the organization, else the only one. */
  readonly endpoint?: string
  readonly organization?: string
  readonly isGet: boolean
}

/**
 * Takes a webhook: proves over the raw bytes who sent it, writes it down together with the job that handles it, and is done. One that came
 * before is acknowledged and forgotten.
 * @returns what the sender wants to hear, where it tries the address out; undefined: an empty answer will do
 * @throws WebhookUnknown, WebhookRefused, WebhookTooLarge
 */
export async function receiveWebhook(site: Site, address: WebhookAddress, webhook: ReceivedWebhook): Promise<HandshakeAnswer | undefined> {
  await site.freshen()
  const endpoint = findEndpoint(await endpointsOf(site), address)
  if (!endpoint) {
    received.inc({ provider: 'unknown', outcome: 'unknown' })
    throw new WebhookUnknown({})
  }
  const { provider, secrets } = endpoint
  const limit = Math.min(provider.maxBytes ?? defaultMaxBytes, mostWebhookBytes)
  if (webhook.body.byteLength > limit) throw new WebhookTooLarge({ limit })
  if (address.isGet) return answerGet(endpoint, webhook)
  const complaint = provider.verify(webhook, secrets.signing, site.clock.now())
  if (complaint !== undefined) {
    received.inc({ provider: provider.name, outcome: 'refused' })
    site.log.warn({ provider: provider.name, endpoint: endpoint.name, complaint }, 'a webhook was refused')
    throw new WebhookRefused({})
  }
  const handshake = provider.handshake?.(webhook, secrets, true)
  if (handshake) return handshake
  const isNew = await keep(site, endpoint, { ...webhook, json: readJson(webhook.body) })
  received.inc({ provider: provider.name, outcome: isNew ? 'taken' : 'known' })
  return undefined
}

/** The webhook behind a job's `{ event }`. @throws WebhookEventGone when it is kept no longer */
export async function readWebhook(ctx: Context, event: string): Promise<WebhookEvent> {
  const [row] = await ctx.db.query<{ endpoint: string; provider: string; received: number; url: string; headers: string; body: string }>(
    ctx.db.dialect.compile(sql`select endpoint, provider, received, url, headers, body from ${events} where id = ${event}`),
  )
  if (!row) throw new WebhookEventGone({ event: event.slice(0, 140) })
  const endpoint = (await endpointsOf(ctx.site)).get(row.endpoint)
  const body = Buffer.from(row.body, 'base64')
  return {
    endpoint: row.endpoint,
    provider: row.provider,
    organization: endpoint?.organization ?? null,
    account: endpoint?.account ?? null,
    received: Number(row.received),
    url: row.url,
    query: Object.fromEntries(new URL(row.url).searchParams),
    headers: JSON.parse(row.headers) as Record<string, string>,
    body,
    json: readJson(body),
  }
}

/** Forgets webhooks that came before a time: one that is sent again after that counts as new. @returns how many */
export async function forgetWebhooks(ctx: Context, before: number): Promise<number> {
  const { changes } = await ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${events} where received < ${before}`))
  return changes
}

/** The providers that the site's apps declare, by name. */
export function webhookProviders(site: Site): ReadonlyMap<string, { readonly app: string; readonly provider: WebhookProvider }> {
  return new Map(site.apps.all.flatMap((app) => (app.webhooks ?? []).map((provider) => [provider.name, { app: app.name, provider }])))
}

function answerGet({ provider, secrets }: Endpoint, webhook: ReceivedWebhook): HandshakeAnswer {
  const handshake = provider.handshake?.(webhook, secrets, false)
  received.inc({ provider: provider.name, outcome: handshake ? 'handshake' : 'refused' })
  if (!handshake) throw new WebhookRefused({})
  return handshake
}

/**
 * Writes the event and its job in one transaction. Of several that come at once with the same id, the others wait for the first to be
 * committed, so that none is acknowledged before it is kept.
 */
async function keep(site: Site, endpoint: Endpoint, webhook: VerifiedWebhook): Promise<boolean> {
  const { provider } = endpoint
  const key = provider.key?.(webhook) || hash('sha256', webhook.body, 'base64url')
  const id = hash('sha256', JSON.stringify([endpoint.name, key]), 'base64url')
  const { compile } = site.database.dialect
  for (let round = 1; ; round++) {
    const [known] = await site.database.query(compile(sql`select id from ${events} where id = ${id}`))
    if (known) return false
    try {
      await site.run(
        guest,
        async (ctx) => {
          await ctx.db.execute(
            compile(sql`insert into ${events} (id, endpoint, provider, received, url, headers, body)
              values (${id}, ${endpoint.name}, ${provider.name}, ${ctx.clock.now()}, ${webhook.url},
                ${JSON.stringify(harmless(webhook.headers))}, ${webhook.body.toString('base64')})`),
          )
          await enqueue(ctx, `${endpoint.app}.${provider.job}`, { event: id })
        },
        { via: 'webhook' },
      )
      return true
    } catch (error) {
      if (!UniqueViolated.is(error) || round === mostRounds) throw error
      // On SQLite the first one may be in the same batch as this one, whose commit is still to come, and may fail: only what can be read
      // by others is kept.
      await pause(roundMs)
    }
  }
}

/** The account that is meant. Where several could be, none is: a guess could take one account's event for another's. */
function findEndpoint(
  endpoints: ReadonlyMap<string, Endpoint>,
  { provider, endpoint, organization }: WebhookAddress,
): Endpoint | undefined {
  if (endpoint !== undefined) {
    const found = endpoints.get(endpoint)
    return found?.provider.name === provider ? found : undefined
  }
  const own = [...endpoints.values()].filter((one) => one.provider.name === provider)
  const meant = organization === undefined ? own : own.filter((one) => one.organization === organization)
  return meant.length === 1 ? meant[0] : undefined
}

/** Headers that neither prove nor identify anybody. */
function harmless(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !/auth|cookie|secret|token|signature|key|forwarded|real-ip/.test(name)),
  )
}

function readJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

/** Every enabled address, with its secrets; read once until a setting changes, so that an unknown address costs nothing. */
async function endpointsOf(site: Site): Promise<ReadonlyMap<string, Endpoint>> {
  const cacheKey = 'webhooks:endpoints'
  const known = site.cache.config.get(cacheKey) as ReadonlyMap<string, Endpoint> | undefined
  if (known) return known
  const epoch = site.epoch.config
  const providers = webhookProviders(site)
  const endpoints = await site.asSystem('read the addresses of webhooks', async (ctx) => {
    const meta = await site.meta.get(endpointDoctype)
    const rows = await findRows(ctx, meta, where('enabled', '=', 1), { fields: ['name', 'provider', 'organization', 'account'] })
    const found: [string, Endpoint][] = []
    for (const row of rows) {
      const declared = providers.get(String(row.provider))
      if (!declared) continue
      const secret = (fieldname: string) => getSecret(ctx, endpointDoctype, row.name, fieldname)
      const [current, previous, verifyToken] = [await secret('secret'), await secret('previous_secret'), await secret('verify_token')]
      const secrets = { signing: [current, previous].filter((one) => one !== undefined && one !== ''), ...(verifyToken && { verifyToken }) }
      const facts = { organization: (row.organization as string | null) || null, account: (row.account as string | null) || null }
      found.push([row.name, { name: row.name, ...declared, ...facts, secrets: secrets as EndpointSecrets }])
    }
    return new Map(found)
  })
  if (site.epoch.config === epoch) site.cache.config.set(cacheKey, endpoints)
  return endpoints
}
