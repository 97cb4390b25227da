import type { CookieJar } from './cookie-jar.ts'

interface PageOptions {
  /** The server that the page came from. */
  origin: string
  /** The page's cookies. */
  jar: CookieJar
  /**
   * What else it has. A document, which holds cookies and nothing else; an XMLHttpRequest, which serves for forms with files only: with
   * more to find, clients would expect more of it.
   */
  has: readonly ('document' | 'XMLHttpRequest')[]
}

/** What pages of Frappe apps find on their window. */
interface PageWindow {
  csrf_token: string | undefined
}

/**
 * Lets this process pass for a page of the server, as far as clients look: a window, and a fetch that takes addresses without host.
 * @returns the window, and a function that takes all away again
 */
export function openPage({ origin, jar, has }: PageOptions): { window: PageWindow; close: () => void } {
  const location = new URL(origin)
  const window = Object.assign(new EventTarget(), { location, csrf_token: undefined, setTimeout, clearTimeout })
  const page: Record<string, unknown> = {
    window,
    fetch: jar.fetchFrom(origin),
  }
  if (has.includes('document')) page.document = Object.defineProperty(new EventTarget(), 'cookie', { get: () => jar.header() })
  if (has.includes('XMLHttpRequest')) page.XMLHttpRequest = UploadRequest
  const before = new Map(Object.keys(page).map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]))
  for (const [name, value] of Object.entries(page)) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
  return {
    window,
    close: () => {
      for (const [name, descriptor] of before) {
        if (descriptor) Object.defineProperty(globalThis, name, descriptor)
        else Reflect.deleteProperty(globalThis, name)
      }
    },
  }
}

/** As much of XMLHttpRequest as forms with files need, on top of the page's fetch. */
class UploadRequest extends EventTarget {
  static readonly DONE = 4
  readonly upload = new EventTarget()
  readyState = 0
  status = 0
  responseText = ''
  onreadystatechange: (() => void) | null = null
  #verb = 'GET'
  #address = ''
  readonly #headers = new Headers()

  open(verb: string, address: string): void {
    this.#verb = verb
    this.#address = address
  }

  setRequestHeader(name: string, value: string): void {
    this.#headers.set(name, value)
  }

  send(body: FormData): void {
    this.upload.dispatchEvent(new Event('loadstart'))
    this.#exchange(body).catch(() => this.dispatchEvent(new Event('error')))
  }

  async #exchange(body: FormData): Promise<void> {
    const answer = await fetch(this.#address, { method: this.#verb, headers: this.#headers, body })
    this.upload.dispatchEvent(Object.assign(new Event('progress'), { lengthComputable: true, loaded: 1, total: 1 }))
    this.upload.dispatchEvent(new Event('load'))
    this.responseText = await answer.text()
    this.status = answer.status
    this.readyState = UploadRequest.DONE
    this.onreadystatechange?.()
  }
}
