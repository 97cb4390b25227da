/** Names under which secrets travel: in headers, bodies, configuration. Lower case, without separators. */
const secretKeys: ReadonlySet<string> = new Set(
  `authorization proxyauthorization cookie setcookie password pwd passwd newpassword oldpassword currentpassword adminpassword confirmpassword
  passphrase secret apisecret clientsecret secrethash secretkey privatekey token accesstoken refreshtoken idtoken csrftoken xfrappecsrftoken otp
  otpsecret tmpid recoverycode recoverycodes sid sessionid encryptionkey resetpasswordkey dburl dbpassword opensearchpassword mailpassword smtppassword imappassword redisurl apikeysecret s3secretkey xamzsignature`.split(
    /\s+/,
  ),
)

const cover = '[redacted]'
const deepest = 8
const mostKeys = 200

/** Whether a key names a secret, however it is spelled: `new_password`, `newPassword`, `New-Password`. */
export function isSecretKey(key: string): boolean {
  return secretKeys.has(key.replace(/[-_\s.]/g, '').toLowerCase())
}

/** A copy for the log in which the values of secret keys are covered, at any depth; what is too deep or too wide is left out. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value)
  if (typeof value !== 'object' || value === null || value instanceof Error) return value
  if (depth >= deepest) return '[deep]'
  if (Array.isArray(value)) return value.slice(0, mostKeys).map((item) => redact(item, depth + 1))
  const copy: Record<string, unknown> = Object.create(null)
  for (const [key, item] of Object.entries(value).slice(0, mostKeys)) copy[key] = isSecretKey(key) ? cover : redact(item, depth + 1)
  return copy
}

/** Covers secrets in a URL's query and passwords in connection addresses; other text stays as it is. */
export function redactText(text: string): string {
  if (!text.includes('=') && !text.includes('://')) return text
  return text
    .replace(/([?&;\s]|^)([A-Za-z_-]{2,40})=([^&;\s"']+)/g, (whole, before: string, key: string) =>
      isSecretKey(key) || key === 'key' ? `${before}${key}=${cover}` : whole,
    )
    .replace(/(:\/\/[^:@/\s]{0,100}):[^@/\s]{1,200}@/g, `$1:${cover}@`)
}

/**
 * Options for pino: every object that is logged passes through `redact`, so that no logger call can leak by forgetting a path.
 * Spread into the logger's own options.
 */
export const logRedaction = {
  formatters: {
    log: (object: Record<string, unknown>): Record<string, unknown> => redact(object) as Record<string, unknown>,
  },
}
