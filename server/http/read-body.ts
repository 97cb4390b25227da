import { isUtf8 } from 'node:buffer'
import { parseJson } from '#kernel/methods/strict-json.ts'
import { BodyMalformed, MediaTypeUnsupported } from './errors.ts'

type Params = Record<string, unknown>

/** Keys that speak to the transport, not to the method. */
const transport = new Set(['_'])

/**
 * Puts a request's parameters together: an object in JSON is all there is, and the query does not count; a list in JSON becomes `data`;
 * form fields are laid over the query.
 * @param body  the bytes as they came; undefined when there were none
 * @throws MediaTypeUnsupported, BodyMalformed, JsonMalformed
 */
export function readParams(query: Params, body: Buffer | undefined, contentType: string | undefined): Params {
  if (!body || body.length === 0) return query
  const [type = '', ...attributes] = (contentType ?? '').split(';').map((part) => part.trim())
  const charset = attributes
    .find((attribute) => /^charset=/i.test(attribute))
    ?.slice(8)
    .replaceAll('"', '')
  if (charset && !/^(utf-?8|us-ascii)$/i.test(charset)) throw new MediaTypeUnsupported({ type: (contentType ?? '').slice(0, 100) })
  const kind = type.toLowerCase()
  if (kind === 'application/json' || kind.endsWith('+json')) return readJsonBody(textOf(body))
  if (kind === 'application/x-www-form-urlencoded') return { ...query, ...readForm(textOf(body)) }
  throw new MediaTypeUnsupported({ type: type.slice(0, 100) })
}

function readJsonBody(text: string): Params {
  const value = parseJson(text)
  if (Array.isArray(value)) return { data: value }
  if (typeof value !== 'object' || value === null) throw new BodyMalformed({ field: '', reason: 'the body must be a JSON object or list' })
  const params = value as Params
  for (const key of transport) delete params[key]
  return params
}

function textOf(body: Buffer): string {
  if (!isUtf8(body)) throw new BodyMalformed({ field: '', reason: 'the body is not UTF-8' })
  const text = body.toString('utf8')
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
}

/**
 * Reads `a=1&b=2`, percent-encoded, as a query or a form sends it.
 * @throws BodyMalformed for broken escapes, NUL, a name given twice or one that reaches for a prototype
 */
export function readForm(text: string): Params {
  const params: Params = {}
  if (text === '') return params
  for (const pair of text.split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = decode(equals < 0 ? pair : pair.slice(0, equals), '')
    if (transport.has(name)) continue
    if (name === '__proto__') throw new BodyMalformed({ field: name, reason: '"__proto__" cannot be a parameter' })
    if (Object.hasOwn(params, name)) throw new BodyMalformed({ field: name.slice(0, 80), reason: `"${name.slice(0, 80)}" is given twice` })
    params[name] = equals < 0 ? '' : decode(pair.slice(equals + 1), name)
  }
  return params
}

function decode(text: string, field: string): string {
  let plain = text.includes('+') ? text.replaceAll('+', ' ') : text
  if (plain.includes('%')) {
    try {
      plain = decodeURIComponent(plain)
    } catch {
      throw new BodyMalformed({ field: field.slice(0, 80), reason: 'a parameter is not percent-encoded UTF-8' })
    }
  }
  if (plain.includes('\0')) throw new BodyMalformed({ field: field.slice(0, 80), reason: 'a parameter holds the character NUL' })
  return plain
}
