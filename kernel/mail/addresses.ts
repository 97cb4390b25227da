import { isEmail } from '#client/rules/formats.ts'
import { BadMail } from './errors.ts'

/** Who a mail goes to or comes from. */
export interface Address {
  /** As written, its domain in lower case. */
  readonly address: string
  /** May be empty. */
  readonly name: string
}

/** Addresses in one field of one mail. */
const mostAddresses = 500

/**
 * `ann@example.com` or `Ann Lee <ann@example.com>`. Whatever could begin another header is refused, not repaired.
 * @throws BadMail
 */
export function readAddress(text: string, field: string): Address {
  if (/\p{Cc}|[\u2028\u2029]/u.test(text)) throw new BadMail({ field, reason: 'an address holds a line break or control character.' })
  const match = /^([^<>]*)<([^<>]+)>$/.exec(text.trim())
  const name = (match?.[1] ?? '')
    .trim()
    .replace(/^"(.*)"$/, '$1')
    .trim()
  const bare = (match?.[2] ?? text).trim()
  if (!isEmail(bare)) throw new BadMail({ field, reason: `"${bare.slice(0, 100)}" is no address.` })
  const at = bare.lastIndexOf('@')
  return { address: bare.slice(0, at) + bare.slice(at).toLowerCase(), name: name.slice(0, 140) }
}

/** Each address once, in order. @throws BadMail with the index */
export function readAddresses(texts: readonly string[] | undefined, field: string): Address[] {
  if (!texts) return []
  if (texts.length > mostAddresses) throw new BadMail({ field, reason: `it names more than ${mostAddresses} addresses.` })
  const found = new Map<string, Address>()
  for (const [index, text] of texts.entries()) {
    const read = readAddress(text, `${field}[${index}]`)
    if (!found.has(sameKey(read.address))) found.set(sameKey(read.address), read)
  }
  return [...found.values()]
}

/** By what two spellings of an address are the same mailbox, as far as a sender can tell. */
export function sameKey(address: string): string {
  return address.trim().toLowerCase()
}

/** The part after the @, in lower case; '' where there is none. */
export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase()
}

/** Addresses as people list them: separated by commas, semicolons or lines; a comma in quotes belongs to a name. */
export function splitAddresses(text: string): string[] {
  const parts: string[] = []
  let part = ''
  let quoted = false
  for (const character of text.replaceAll('\r', '')) {
    if (character === '"') quoted = !quoted
    if (!quoted && /[,;\n]/.test(character)) {
      parts.push(part)
      part = ''
    } else part += character
  }
  return [...parts, part].map((one) => one.trim()).filter(Boolean)
}
