/** Cookies as a browser would keep them for one server; the clients under test leave that to the browser they expect around them. */
export class CookieJar {
  readonly #cookies = new Map<string, string>()

  /** The value of the Cookie header; empty when there are none. */
  header(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  /** Decoded, as a page's script reads it; undefined when there is none. */
  get(name: string): string | undefined {
    const value = this.#cookies.get(name)
    return value === undefined ? undefined : decodeURIComponent(value)
  }

  /** Takes over the lines of Set-Cookie. */
  take(lines: readonly string[]): void {
    for (const line of lines) {
      const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
      const at = pair.indexOf('=')
      const isGone = attributes.some(
        (one) => /^max-age=0$/i.test(one) || (/^expires=/i.test(one) && Date.parse(one.slice(8)) <= Date.now()),
      )
      if (isGone) this.#cookies.delete(pair.slice(0, at))
      else this.#cookies.set(pair.slice(0, at), pair.slice(at + 1))
    }
  }

  /** A fetch that keeps and sends cookies. Addresses without host go to `origin`, as in a page of that server. */
  fetchFrom(origin: string): typeof fetch {
    const bare = globalThis.fetch
    return async (input, init) => {
      const request = new Request(typeof input === 'string' ? new URL(input, origin) : input, init)
      if (this.#cookies.size > 0) request.headers.set('Cookie', this.header())
      const answer = await bare(request)
      this.take(answer.headers.getSetCookie())
      return answer
    }
  }
}
