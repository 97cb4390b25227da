import { randomBytes } from 'node:crypto'
import { AppError } from '#client/rules/errors.ts'
import type { Context } from '#kernel/context/context.ts'
import { printHtml } from '#kernel/print/print-document.ts'
import { contextOfKey } from '#kernel/print/share-links.ts'
import type { Answer, Call } from './exchange.ts'
import { errorPage } from './html.ts'

const pageType = 'text/html; charset=utf-8'

/**
 * `/printview?doctype=…&name=…`: a document as it prints, for those who may print it and those who have a link's key. Nothing that a
 * template or a text of the document brings along runs; only the browser's print dialog is opened where `trigger_print` asks for it.
 */
export async function printPage(ctx: Context, { query }: Call): Promise<Answer> {
  const text = (key: string) => (typeof query[key] === 'string' ? query[key] : '')
  const about = { doctype: text('doctype'), name: text('name') }
  const key = text('key')
  try {
    const page = await printHtml(key === '' ? ctx : await contextOfKey(ctx, key, about), {
      ...about,
      format: text('format') || text('print_format'),
      letterHead: /^(1|true)$/i.test(text('no_letterhead')) ? false : text('letterhead'),
      language: /^[A-Za-z]{2,3}([-_][A-Za-z\d]{2,8})*$/.test(text('_lang')) ? text('_lang') : undefined,
    })
    const nonce = randomBytes(16).toString('base64')
    const script = /^(1|true)$/i.test(text('trigger_print'))
      ? `<script nonce="${nonce}">addEventListener('load', () => print())</script>`
      : ''
    // Behind all that was drawn, so that no text of the page can take the place.
    const end = page.lastIndexOf('</body>')
    return { headers: headersFor(nonce), raw: { type: pageType, body: page.slice(0, end) + script + page.slice(end) } }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return { status: error.status, headers: headersFor(''), raw: { type: pageType, body: errorPage(error.status, error.message) } }
  }
}

function headersFor(nonce: string): Record<string, string> {
  const script = nonce === '' ? '' : ` script-src 'nonce-${nonce}';`
  return {
    'content-security-policy': `default-src 'none';${script} img-src 'self' data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'`,
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  }
}
