import { createHmac, hash } from 'node:crypto'
import type { Principal } from '#kernel/context/context.ts'
import { CacheKeyInvalid } from './errors.ts'

/** What may name an entry: text, numbers, and lists or objects of such. */
export type CacheKey = null | boolean | number | string | readonly CacheKey[] | { readonly [name: string]: CacheKey }

/** A key as text: the same for the same key, whatever the order of its names, and different for different ones. @throws CacheKeyInvalid */
export function keyText(cache: string, key: CacheKey): string {
  // The commonest kinds first, marked apart: the text "1" is not the number 1.
  if (typeof key === 'string') return `s${key}`
  const text = canonical(cache, key, 0)
  if (text.length > 10_000) throw new CacheKeyInvalid({ cache, reason: 'is longer than 10,000 characters' })
  return `j${text}`
}

function canonical(cache: string, key: unknown, depth: number): string {
  if (depth > 8) throw new CacheKeyInvalid({ cache, reason: 'is nested too deeply' })
  if (key === null || typeof key === 'boolean' || typeof key === 'string') return JSON.stringify(key)
  if (typeof key === 'number') {
    if (!Number.isFinite(key)) throw new CacheKeyInvalid({ cache, reason: 'holds a number that is none' })
    return JSON.stringify(key)
  }
  if (Array.isArray(key)) return `[${key.map((part) => canonical(cache, part, depth + 1)).join(',')}]`
  if (typeof key !== 'object' || key === undefined || ![Object.prototype, null].includes(Object.getPrototypeOf(key)))
    throw new CacheKeyInvalid({ cache, reason: `holds a ${typeof key}, which does not name anything` })
  const parts = Object.keys(key)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonical(cache, (key as Record<string, unknown>)[name], depth + 1)}`)
  return `{${parts.join(',')}}`
}

const principals = new WeakMap<Principal, string>()

/**
 * Everything of a person on which a value may depend, apart from rights, whose every change raises the epoch `access`: full rights and
 * the scopes of an API key make another person of the same name.
 */
export function principalText(user: Principal, isElevated: boolean): string {
  let text = principals.get(user)
  if (text === undefined) {
    text = JSON.stringify([user.name, user.unrestricted, user.userType, user.language, [...user.roles].sort(), user.scopes ?? null])
    principals.set(user, text)
  }
  return isElevated ? `e${text}` : `p${text}`
}

/** A key for a store that others share, too: nobody who lacks the site's secret can say which it is, or make one. */
export function sharedKey(secret: string, parts: readonly unknown[]): string {
  return createHmac('sha256', secret).update(JSON.stringify(parts)).digest('base64url')
}

/** Which of a cache's counters an entry hangs on. */
export function slotOf(text: string, slots: number): number {
  return Number.parseInt(hash('sha256', text, 'hex').slice(0, 8), 16) % slots
}
