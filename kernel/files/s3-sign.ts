import { createHmac, hash } from 'node:crypto'

/** What signs a request: version 4 of Amazon's signatures. */
export interface Signer {
  readonly accessKey: string
  readonly secretKey: string
  readonly region: string
}

const algorithm = 'AWS4-HMAC-SHA256'

/**
 * The headers that sign a request to S3, those given among them.
 * @param url with its query
 * @param headers names in lower case; `host` and the length are not signed along
 * @param payload SHA-256 of the body, in hex
 * @param now milliseconds since 1970; the service refuses clocks that are a quarter of an hour off
 */
export function signedHeaders(
  signer: Signer,
  method: string,
  url: URL,
  headers: Readonly<Record<string, string>>,
  payload: string,
  now: number,
): Record<string, string> {
  const time = timestamp(now)
  const sent: Record<string, string> = { ...headers, host: url.host, 'x-amz-content-sha256': payload, 'x-amz-date': time }
  const names = Object.keys(sent).sort()
  const request = canonical(
    method,
    url,
    url.searchParams,
    names.map((name) => `${name}:${collapse(sent[name])}\n`).join(''),
    names.join(';'),
    payload,
  )
  const scope = scopeOf(signer, time)
  const signature = sign(signer, time, scope, request)
  return {
    ...sent,
    authorization: `${algorithm} Credential=${signer.accessKey}/${scope},SignedHeaders=${names.join(';')},Signature=${signature}`,
  }
}

/** An address with which anybody may get what the signer may get. @param seconds for how long, at most a week */
export function presignedUrl(signer: Signer, url: URL, seconds: number, now: number): string {
  const time = timestamp(now)
  const scope = scopeOf(signer, time)
  const query = new URLSearchParams(url.searchParams)
  query.set('X-Amz-Algorithm', algorithm)
  query.set('X-Amz-Credential', `${signer.accessKey}/${scope}`)
  query.set('X-Amz-Date', time)
  query.set('X-Amz-Expires', String(seconds))
  query.set('X-Amz-SignedHeaders', 'host')
  const request = canonical('GET', url, query, `host:${url.host}\n`, 'host', 'UNSIGNED-PAYLOAD')
  return `${url.origin}${url.pathname}?${queryText(query)}&X-Amz-Signature=${sign(signer, time, scope, request)}`
}

/** A query as S3 signs it: sorted, everything but letters, digits and `-._~` encoded. The request must carry the same spelling. */
export function queryText(query: URLSearchParams): string {
  return [...query]
    .map(([name, value]) => [encodePart(name), encodePart(value)] as const)
    .sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

/** One part of a path or query, encoded as S3 signs it. */
export function encodePart(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
}

function canonical(method: string, url: URL, query: URLSearchParams, headers: string, names: string, payload: string): string {
  return [method, url.pathname, queryText(query), headers, names, payload].join('\n')
}

function sign({ secretKey, region }: Signer, time: string, scope: string, request: string): string {
  const text = [algorithm, time, scope, hash('sha256', request)].join('\n')
  const key = [time.slice(0, 8), region, 's3', 'aws4_request'].reduce<Buffer>(
    (from, part) => createHmac('sha256', from).update(part).digest(),
    Buffer.from(`AWS4${secretKey}`),
  )
  return createHmac('sha256', key).update(text).digest('hex')
}

function scopeOf({ region }: Signer, time: string): string {
  return `${time.slice(0, 8)}/${region}/s3/aws4_request`
}

function timestamp(now: number): string {
  return new Date(now).toISOString().replaceAll(/[-:]|\.\d{3}/g, '')
}

function collapse(value = ''): string {
  return value.trim().replaceAll(/ +/g, ' ')
}
