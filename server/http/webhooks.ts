import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Apps } from '#kernel/apps/apps.ts'
import { mostWebhookBytes, receiveWebhook, type WebhookAddress } from '#kernel/webhooks/receive.ts'
import type { Site } from '#kernel/sites/site.ts'
import { answerHeaders } from './headers.ts'

interface WebhookParams {
  provider: string
  endpoint: string
}

/**
 * Addresses of webhooks, `/api/webhook/<sender>/<Incoming Webhook>`. They stand apart from all others: the bytes are verified before
 * anything reads them, and neither sessions nor keys mean anything here.
 */
export function serveWebhooks(app: FastifyInstance, findSite: (headers: FastifyRequest['headers']) => Promise<Site>, apps: Apps): void {
  const options = { method: ['GET', 'POST'], exposeHeadRoute: false, bodyLimit: mostWebhookBytes }
  app.route<{ Params: WebhookParams }>({
    ...options,
    url: '/api/webhook/:provider/:endpoint',
    handler: async (request, reply) => take(await findSite(request.headers), request, reply, request.params),
  })
  for (const { name, method } of apps.all.flatMap((one) => one.webhooks ?? []))
    if (method !== undefined)
      app.route({
        ...options,
        url: `/api/method/${method}`,
        handler: async (request, reply) => {
          const { org } = queryOf(request)
          return take(await findSite(request.headers), request, reply, { provider: name, ...(org !== undefined && { organization: org }) })
        },
      })
}

async function take(
  site: Site,
  request: FastifyRequest,
  reply: FastifyReply,
  address: Omit<WebhookAddress, 'isGet'>,
): Promise<FastifyReply> {
  const answer = await receiveWebhook(
    site,
    { ...address, isGet: request.method === 'GET' },
    {
      body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
      headers: headersOf(request),
      url: addressOf(site, request),
      query: queryOf(request),
    },
  )
  reply.headers({ ...answerHeaders, 'x-request-id': request.id })
  return answer ? reply.type(answer.type).send(answer.body) : reply.type('text/plain; charset=utf-8').send('')
}

function queryOf(request: FastifyRequest): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(request.raw.url?.split('?', 2)[1] ?? ''))
}

/** The address as the sender knows it: configured where it is, because a proxy may have changed what arrives here. */
function addressOf(site: Site, request: FastifyRequest): string {
  const { host_name: configured } = site.config
  const base =
    typeof configured === 'string' && /^https?:\/\//.test(configured)
      ? configured.replace(/\/+$/, '')
      : `${request.protocol}://${typeof configured === 'string' && configured !== '' ? configured : request.host}`
  return base + (request.raw.url ?? '/')
}

function headersOf(request: FastifyRequest): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(request.headers))
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
  return headers
}
