import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after } from 'node:test'
import Provider from 'oidc-provider'

/** A real OpenID Connect provider on this machine, whose people a test writes down. */
export interface OpenIdProvider {
  readonly issuer: string
  /** Claims by account, which is what one types at its sign-in form. */
  readonly people: Map<string, Record<string, unknown>>
  /** Gives it a new signing key, and takes the old one away. */
  rotateKeys(): void
  /** Changes what its answers say, after they were made: what a liar in between would do. */
  tamper: ((path: string, body: string) => string) | undefined
}

export const openIdClient = { id: 'orchestrator', secret: 'fake-client-secret-of-orchestrator-0123456789' }

/** Starts a provider that knows one client. */
export async function openIdProvider(redirectUri: string, signOutUri: string): Promise<OpenIdProvider> {
  const people = new Map<string, Record<string, unknown>>()
  const server: Server = createServer((request, response) => handle(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  after(() => void server.close())
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const make = () => {
    const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' })
    const provider = new Provider(issuer, {
      clients: [
        {
          client_id: openIdClient.id,
          client_secret: openIdClient.secret,
          redirect_uris: [redirectUri],
          post_logout_redirect_uris: [signOutUri],
          grant_types: ['authorization_code'],
          response_types: ['code'],
        },
      ],
      jwks: { keys: [{ ...key, kid: randomUUID(), alg: 'RS256', use: 'sig' }] },
      cookies: { keys: ['fake-cookie-key'] },
      claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'given_name', 'family_name', 'groups'] },
      pkce: { required: () => true },
      findAccount: (_context: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id, ...people.get(id) }) }),
    })
    provider.on('server_error', (_context, error) => console.error(error))
    return provider.callback()
  }
  let current = make()
  const self: OpenIdProvider = {
    issuer,
    people,
    tamper: undefined,
    rotateKeys: () => {
      current = make()
    },
  }
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const { tamper } = self
    if (tamper) rewrite(request, response, tamper)
    void current(request, response)
  }
  return self
}

/** Holds an answer's text back until it is whole, and changes it. */
function rewrite(request: IncomingMessage, response: ServerResponse, tamper: (path: string, body: string) => string): void {
  const end = response.end.bind(response)
  response.end = ((body?: unknown) => {
    if (typeof body !== 'string' && !Buffer.isBuffer(body)) return end()
    const text = tamper(request.url ?? '', body.toString())
    response.setHeader('content-length', Buffer.byteLength(text))
    return end(text)
  }) as typeof response.end
}
