import { createHmac, hash, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Site } from '#kernel/sites/site.ts'

/** 256 random bits as 43 URL-safe characters. */
export function randomToken(): string {
  return randomBytes(32).toString('base64url')
}

/** What is stored of a random token: its SHA-256. Enough, because the token itself cannot be guessed. */
export function tokenHash(token: string): string {
  return hash('sha256', token, 'base64url')
}

/** A 256-bit key of the site for one purpose; keys of different purposes tell nothing about each other. */
export function siteKey(site: Site, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', Buffer.from(site.config.encryption_key, 'base64'), '', `orchestrator/${purpose}`, 32))
}

/** A keyed hash for short secrets (recovery codes, names): useless to whoever holds only the database. */
export function keyedHash(site: Site, purpose: string, text: string): string {
  return createHmac('sha256', siteKey(site, purpose)).update(text).digest('base64url')
}

/** Compares without telling, by the time it takes, where two texts differ. */
export function isSameText(a: string, b: string): boolean {
  // Hashing first makes the lengths equal, so that not even the length shows.
  return timingSafeEqual(hash('sha256', a, 'buffer'), hash('sha256', b, 'buffer'))
}
