import { histogram } from '#kernel/metrics/metrics.ts'
import { withBrowser } from './browser.ts'
import { PrintTooLarge } from './errors.ts'

/** A file that a page shows, by the path in its HTML. */
export interface PageFile {
  readonly type: string
  readonly content: Uint8Array
}

export interface PdfOptions {
  /** What `src` attributes and styles may name, by path such as `/files/logo.png`; whatever else they name stays empty. */
  files?: ReadonlyMap<string, PageFile>
  /** Milliseconds, waiting for a turn included; default 30,000. */
  timeoutMs?: number
  /** Milliseconds since 1970 that the file says it was made at; the same HTML and moment make the same bytes. */
  made?: number
}

/** Characters of HTML that one PDF may be made of. */
const longestHtml = 20_000_000
const origin = 'http://print.invalid'

const durations = histogram<'outcome'>(
  {
    name: 'px_print_pdf_seconds',
    help: 'Seconds to make a PDF, waiting for a turn included, by outcome: done, failed',
    labels: ['outcome'],
  },
  [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
)

/**
 * Draws a whole HTML page as PDF; paper and margins are what its `@page` rule says. Nothing in the page runs, and it reaches nothing but
 * `data:` addresses and the given files: no network, no local file, no other page.
 * @throws PdfUnavailable, PdfTimedOut, PrintTooLarge
 */
export async function htmlToPdf(html: string, options: PdfOptions = {}): Promise<Uint8Array> {
  if (html.length > longestHtml) throw new PrintTooLarge({ field: 'html', limit: longestHtml, what: 'characters of HTML' })
  const began = performance.now()
  let outcome = 'failed'
  try {
    const pdf = await draw(html, options)
    outcome = 'done'
    return pdf
  } finally {
    durations.observe({ outcome }, (performance.now() - began) / 1000)
  }
}

function draw(html: string, { files = new Map(), timeoutMs = 30_000, made = Date.now() }: PdfOptions): Promise<Uint8Array> {
  return withBrowser(timeoutMs, async (context) => {
    const page = await context.newPage()
    await page.setJavaScriptEnabled(false)
    await page.setRequestInterception(true)
    let isOpened = false
    page.on('request', (request) => {
      const url = request.url()
      const answer = (): Promise<void> => {
        if (!isOpened && url === `${origin}/` && request.isNavigationRequest() && request.frame() === page.mainFrame()) {
          isOpened = true
          return request.respond({ status: 200, contentType: 'text/html; charset=utf-8', headers: pageHeaders, body: html })
        }
        if (url.startsWith('data:') && !request.isNavigationRequest()) return request.continue()
        const file = url.startsWith(`${origin}/`) && !request.isNavigationRequest() ? files.get(pathOf(url)) : undefined
        if (file) return request.respond({ status: 200, contentType: file.type, body: Buffer.from(file.content) })
        // Rather nothing than the browser's mark for a broken picture.
        if (request.resourceType() === 'image') return request.respond({ status: 200, contentType: 'image/gif', body: emptyPicture })
        return request.abort('blockedbyclient')
      }
      // The page may be gone before it is answered.
      answer().catch(() => undefined)
    })
    await page.goto(`${origin}/`, { waitUntil: 'load', timeout: timeoutMs })
    const pdf = await page.pdf({ preferCSSPageSize: true, printBackground: true, timeout: timeoutMs, tagged: true, waitForFonts: false })
    return steady(pdf, made)
  })
}

/** A transparent pixel. */
const emptyPicture = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64')

/** The second wall behind the interception; it lets pictures ask, so that the interception can answer that there is none. */
const pageHeaders = {
  'content-security-policy': `default-src 'none'; img-src data: http: https:; style-src 'unsafe-inline'; font-src data:; form-action 'none'; base-uri 'none'`,
  'referrer-policy': 'no-referrer',
}

function pathOf(url: string): string {
  try {
    return decodeURIComponent(new URL(url).pathname)
  } catch {
    return ''
  }
}

/**
 * The same bytes for the same page: a stated moment in place of that of drawing, and elements counted from 1 instead of from the browser's
 * start. Both keep their length, so that the places of all objects stay right.
 */
function steady(pdf: Uint8Array, made: number): Uint8Array {
  let text = Buffer.from(pdf.buffer, pdf.byteOffset, pdf.byteLength).toString('latin1')
  const moment = new Date(made).toISOString().replaceAll(/\D/g, '').slice(0, 14)
  text = text.replaceAll(/(\/(?:CreationDate|ModDate) \(D:)\d{14}/g, (_, before: string) => before + moment)
  const numbers = [...text.matchAll(/\(node(\d{8})\)/g)].map(([, digits]) => Number(digits))
  const least = numbers.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
  text = text.replaceAll(/\(node(\d{8})\)/g, (_, digits: string) => `(node${String(Number(digits) - least + 1).padStart(8, '0')})`)
  return Buffer.from(text, 'latin1')
}
