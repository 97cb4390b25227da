import { after } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { createServer, type ServerOptions } from '#server/http/server.ts'
import { type TestSite, testSite, type TestSiteOptions } from './site.ts'

/** A throwaway site behind a real server. */
export interface TestServer extends TestSite {
  readonly app: FastifyInstance
  /** `http://127.0.0.1:port`, listening. */
  readonly url: string
  /** The Authorization header of the Administrator's key. */
  readonly authorization: string
  /** An Authorization header for a user, by a fresh API key. */
  keyOf(user: string): Promise<string>
  /** One request, answered as JSON. A body is sent as JSON unless it is text. */
  call(verb: string, path: string, options?: CallOptions): Promise<CallAnswer>
}

export interface CallOptions {
  body?: unknown
  headers?: Record<string, string>
  /** The Authorization header; default: the Administrator's; '' for a guest. */
  as?: string
}

export interface CallAnswer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The answer read as JSON; undefined when it is none. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly json: any
}

/** Makes a site, serves it on a free port, and takes both away when the file's tests are done. */
export async function testServer(options: TestSiteOptions & ServerOptions = {}): Promise<TestServer> {
  const site = await testSite(options)
  const app = createServer(site.runtime, options)
  const url = (await app.listen({ port: 0, host: '127.0.0.1' })).replace('[::1]', '127.0.0.1')
  after(() => app.close())
  const authorization = `token ${site.administrator.api_key}:${site.administrator.api_secret}`
  const call = async (verb: string, path: string, { body, headers = {}, as = authorization }: CallOptions = {}): Promise<CallAnswer> => {
    const isText = typeof body === 'string' || body instanceof Uint8Array
    const response = await fetch(url + path, {
      method: verb,
      redirect: 'manual',
      headers: {
        ...(as && { authorization: as }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: isText ? (body as string) : JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, json: readJson(text) }
  }
  const keyOf = async (user: string) => {
    const { json } = await call('POST', '/api/method/frappe.core.doctype.user.user.generate_keys', { body: { user } })
    return `token ${json.message.api_key}:${json.message.api_secret}`
  }
  return { ...site, app, url, authorization, keyOf, call }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
