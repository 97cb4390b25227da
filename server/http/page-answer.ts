import { randomBytes } from 'node:crypto'
import type { Answer } from './exchange.ts'
import { type Markup, page, raw } from './html.ts'

/**
 * A whole page as an answer. Styles and the one script run by their nonce only; nothing may frame it.
 * @param formTargets where its forms lead beside this site
 */
export function pageAnswer(title: string, body: Markup, script: string, formTargets = ''): Answer {
  const nonce = randomBytes(16).toString('base64')
  return {
    headers: {
      'content-security-policy': `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; connect-src 'self'; img-src 'self' data:; form-action 'self'${formTargets === '' ? '' : ` ${formTargets}`}; base-uri 'none'; frame-ancestors 'none'`,
      'x-frame-options': 'DENY',
    },
    raw: { type: 'text/html; charset=utf-8', body: page(title, nonce, body, raw(script)) },
  }
}

/** A page without a script. */
export function plainPage(title: string, body: Markup): Answer {
  return pageAnswer(title, body, '')
}

/** A page whose address or content holds a secret. */
export function secretPage(title: string, body: Markup, formTargets = ''): Answer {
  const answer = pageAnswer(title, body, '', formTargets)
  return { ...answer, headers: { ...answer.headers, 'referrer-policy': 'no-referrer', 'cache-control': 'no-store' } }
}
