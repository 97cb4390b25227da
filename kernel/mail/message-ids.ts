import { hash, randomBytes } from 'node:crypto'
import { domainOf } from './addresses.ts'

/**
 * A Message-ID that nobody guesses: whoever names it in an answer has seen the mail.
 * @param from the sender's address, whose domain it bears
 */
export function newMessageId(from: string): string {
  return `<${randomBytes(18).toString('base64url')}@${domainOf(from) || 'localhost'}>`
}

/** By what a mail is found again, whatever length its Message-ID has; empty for a mail without one. */
export function messageKey(id: string | undefined): string {
  const bare = (id ?? '').trim()
  return bare === '' ? '' : hash('sha256', bare.startsWith('<') ? bare : `<${bare}>`, 'base64url')
}
