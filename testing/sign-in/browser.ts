/** What a page answered, after redirects were followed as far as asked. */
export interface Visit {
  readonly status: number
  /** Where the answer came from. */
  readonly url: string
  readonly headers: Headers
  readonly text: string
}

/** A browser without scripts: it keeps cookies by origin, follows redirects, and sends forms. */
export interface Browser {
  /** Opens an address. @param options `follow: false` stops at the first answer */
  open(url: string, options?: { follow?: boolean | ((url: string) => boolean) }): Promise<Visit>
  /** Sends the first form of a page, with some fields laid over its own. */
  submit(
    page: Visit,
    values?: Readonly<Record<string, string>>,
    options?: { follow?: boolean | ((url: string) => boolean) },
  ): Promise<Visit>
  cookies(url: string): ReadonlyMap<string, string>
}

/** Opens a browser that has been nowhere. */
export function browser(): Browser {
  const jars = new Map<string, Map<string, string>>()
  const jarOf = (url: string): Map<string, string> => {
    const { origin } = new URL(url)
    const jar = jars.get(origin) ?? new Map<string, string>()
    jars.set(origin, jar)
    return jar
  }
  type Follow = boolean | ((url: string) => boolean)
  const go = async (url: string, init: RequestInit, follow: Follow): Promise<Visit> => {
    for (let hops = 0; hops < 15; hops++) {
      const jar = jarOf(url)
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
      const answer = await fetch(url, {
        ...init,
        redirect: 'manual',
        headers: { accept: 'text/html', cookie, ...(init.headers as object) },
      })
      for (const line of answer.headers.getSetCookie()) {
        const [pair = '', ...attributes] = line.split(';')
        const [name = '', ...value] = pair.split('=')
        const isGone = attributes.some((one) => /max-age=0$/i.test(one.trim()) || /expires=Thu, 01 Jan 1970/i.test(one))
        if (isGone) jar.delete(name)
        else jar.set(name, value.join('='))
      }
      const text = await answer.text()
      const refresh = /http-equiv="refresh" content="0;url=([^"]+)"/.exec(text)?.[1]
      const next = answer.headers.get('location') ?? (refresh && plain(refresh))
      const visit = { status: answer.status, url, headers: answer.headers, text }
      if (!next) return visit
      const target = new URL(next, url).href
      if (follow === false || (typeof follow === 'function' && !follow(target)))
        return { ...visit, headers: new Headers({ location: target }) }
      url = target
      init = { method: 'GET' }
    }
    throw new Error(`It redirects for ever: ${url}`)
  }
  return {
    open: (url, { follow = true } = {}) => go(url, { method: 'GET' }, follow),
    submit: (page, values = {}, { follow = true } = {}) => {
      const form = /<form[^>]*>([\s\S]*?)<\/form>/.exec(page.text)
      if (!form) throw new Error(`There is no form on ${page.url}: ${page.text.slice(0, 300)}`)
      const action = /action="([^"]+)"/.exec(form[0] ?? '')?.[1] ?? page.url
      const fields: Record<string, string> = {}
      for (const [input] of (form[1] ?? '').matchAll(/<input[^>]*>/g)) {
        const name = /name="([^"]+)"/.exec(input)?.[1]
        if (name) fields[name] = plain(/value="([^"]*)"/.exec(input)?.[1] ?? '')
      }
      const body = new URLSearchParams({ ...fields, ...values })
      return go(new URL(plain(action), page.url).href, { method: 'POST', body, headers: { origin: new URL(page.url).origin } }, follow)
    },
    cookies: (url) => jarOf(url),
  }
}

function plain(text: string): string {
  return text
    .replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replaceAll('&amp;', '&')
    .replaceAll('&quot;', '"')
}
