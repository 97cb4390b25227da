/** How the client says who it is: an API key, a bearer token, or the cookie session that signing in opens. */
export type Credentials = { key: string; secret: string } | { token: string } | 'session'

/**
 * What identifies one client to the server from call to call.
 *
 * A browser keeps the cookies itself and hides them from scripts. Elsewhere nobody does, so they are kept here; a signed-in client in
 * Node is therefore one person's, and is not to be shared between requests of different people.
 */
export interface Session {
  /** Headers of the next call; `unsafe` for one that changes something, which a cookie session must prove to be meant. */
  headers(unsafe: boolean): Record<string, string>
  /** Takes over the cookies of an answer, where scripts may see them. */
  remember(answer: Headers): void
  /** Sets or, by undefined, forgets the token against forged requests. */
  setCsrfToken(token: string | undefined): void
  /** Whether calls rest on cookies, so that such a token can be asked of them. */
  readonly usesCookies: boolean
}

export function openSession(credentials: Credentials): Session {
  const authorization = authorizationOf(credentials)
  const cookies = new Map<string, string>()
  let csrfToken: string | undefined
  return {
    usesCookies: authorization === undefined,
    headers: (unsafe) => {
      if (authorization !== undefined) return { Authorization: authorization }
      const headers: Record<string, string> = {}
      if (cookies.size > 0) headers.Cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      const token = csrfToken ?? tokenOfPage()
      if (unsafe && token !== undefined) headers['X-Frappe-CSRF-Token'] = token
      return headers
    },
    remember: (answer) => {
      if (authorization !== undefined) return
      for (const line of answer.getSetCookie()) {
        const [pair = '', ...attributes] = line.split(';')
        const at = pair.indexOf('=')
        if (at < 1) continue
        const name = pair.slice(0, at).trim()
        if (isExpired(attributes)) cookies.delete(name)
        else cookies.set(name, pair.slice(at + 1).trim())
      }
    },
    setCsrfToken: (token) => {
      csrfToken = token
    },
  }
}

function authorizationOf(credentials: Credentials): string | undefined {
  if (credentials === 'session') return undefined
  return 'token' in credentials ? `Bearer ${credentials.token}` : `token ${credentials.key}:${credentials.secret}`
}

/** The server's pages carry the token of their session for the scripts in them. */
function tokenOfPage(): string | undefined {
  const page = globalThis as { csrf_token?: unknown; frappe?: { csrf_token?: unknown } }
  const token = page.csrf_token ?? page.frappe?.csrf_token
  return typeof token === 'string' && token !== '' && token !== 'None' ? token : undefined
}

function isExpired(attributes: readonly string[]): boolean {
  return attributes.some((attribute) => {
    const [name = '', value = ''] = attribute.split('=', 2).map((part) => part.trim())
    if (name.toLowerCase() === 'max-age') return Number(value) <= 0
    return name.toLowerCase() === 'expires' && Date.parse(value) <= Date.now()
  })
}
