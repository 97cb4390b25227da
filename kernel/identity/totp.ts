import { createHmac, randomBytes } from 'node:crypto'
import { isSameText } from './keyed-hash.ts'

const stepMs = 30_000
const digits = 6
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** A new secret of 160 bits, in base32 as authenticator apps take it. */
export function newTotpSecret(): string {
  return base32(randomBytes(20))
}

/** The address that an authenticator app reads from a QR code. */
export function otpauthUri(secret: string, issuer: string, user: string): string {
  const label = `${encodeURIComponent(issuer)}:${encodeURIComponent(user)}`
  return `otpauth://totp/${label}?secret=${secret}&issuer=${encodeURIComponent(issuer)}&algorithm=SHA1&digits=${digits}&period=${stepMs / 1000}`
}

/** The code of one 30-second step. @see RFC 6238, RFC 4226 */
export function totpCode(secret: string, step: number): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(step))
  const mac = createHmac('sha1', fromBase32(secret)).update(counter).digest()
  const offset = (mac.at(-1) as number) & 15
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 10 ** digits).padStart(digits, '0')
}

/** The step in which a moment lies. @param ms milliseconds since 1970 */
export function totpStep(ms: number): number {
  return Math.floor(ms / stepMs)
}

/**
 * The step whose code was typed: the current one, the one before or the one after, for clocks that run apart.
 * @returns undefined when it is the code of none; the caller must still see that the step was not used before
 */
export function matchingStep(secret: string, code: string, ms: number): number | undefined {
  const typed = code.replace(/\s/g, '')
  if (!/^\d{6}$/.test(typed)) return undefined
  const now = totpStep(ms)
  let found: number | undefined
  // No early way out: the time taken does not tell which step matched.
  for (const step of [now - 1, now, now + 1]) if (isSameText(totpCode(secret, step), typed)) found = step
  return found
}

/** RFC 4648 base32 without padding. */
export function base32(bytes: Uint8Array): string {
  let text = ''
  let bits = 0
  let value = 0
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xffff
    for (bits += 8; bits >= 5; bits -= 5) text += alphabet[(value >>> (bits - 5)) & 31]
  }
  return bits > 0 ? text + alphabet[(value << (5 - bits)) & 31] : text
}

function fromBase32(text: string): Buffer {
  const bytes: number[] = []
  let bits = 0
  let value = 0
  for (const character of text.toUpperCase()) {
    const index = alphabet.indexOf(character)
    if (index < 0) throw new Error('Not a base32 text.')
    value = ((value << 5) | index) & 0xfff
    bits += 5
    if (bits >= 8) {
      bits -= 8
      bytes.push((value >>> bits) & 255)
    }
  }
  return Buffer.from(bytes)
}
