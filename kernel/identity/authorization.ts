import { InvalidCredential, MalformedAuthorization, UnknownScheme } from './errors.ts'

export interface KeyAndSecret {
  readonly key: string
  readonly secret: string
}

const longestHeader = 4096

/** An access token that this site gave to a program. */
export interface BearerToken {
  readonly bearer: string
}

/**
 * Reads an Authorization header: `token key:secret`, `Basic base64(key:secret)`, `Bearer token`; scheme in any case.
 * @throws MalformedAuthorization  no scheme and value, or a Basic value that is not base64
 * @throws UnknownScheme           any scheme but token, Basic, Bearer
 * @throws InvalidCredential       readable, but no key and secret in it
 */
export function parseAuthorization(header: string): KeyAndSecret | BearerToken {
  if (header.length > longestHeader) throw new MalformedAuthorization({ reason: 'it is too long' })
  const space = header.indexOf(' ')
  const scheme = (space < 0 ? header : header.slice(0, space)).toLowerCase()
  const value = space < 0 ? '' : header.slice(space + 1).trim()
  if (scheme !== 'token' && scheme !== 'basic' && scheme !== 'bearer') throw new UnknownScheme({ scheme: scheme.slice(0, 40) })
  if (value === '') throw new MalformedAuthorization({ reason: `nothing follows "${scheme}"` })
  if (scheme === 'bearer') return { bearer: value }
  const text = scheme === 'basic' ? decodeBasic(value) : value
  const colon = text.indexOf(':')
  if (colon < 1 || colon === text.length - 1) throw new InvalidCredential({})
  return { key: text.slice(0, colon), secret: text.slice(colon + 1) }
}

function decodeBasic(value: string): string {
  // Buffer skips characters that are not base64; a header with such characters is refused instead.
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(value)) throw new MalformedAuthorization({ reason: 'the Basic value is not base64' })
  return Buffer.from(value, 'base64').toString('utf8')
}
