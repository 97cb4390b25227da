import type { Site } from '#kernel/sites/site.ts'

/** The sign-in rules of a site, from System Settings, with the defaults that hold where nothing is set. */
export interface IdentitySettings {
  /** Milliseconds without a request after which a session ends. */
  readonly idleMs: number
  /** Milliseconds after which a session ends however busy it is (site config `session_max_hours`). */
  readonly absoluteMs: number
  readonly oneSessionPerUser: boolean
  /** Failures in a row after which sign-in closes. */
  readonly allowedFailures: number
  /** Milliseconds that it stays closed. */
  readonly lockMs: number
  readonly loginWithUserName: boolean
  readonly loginWithMobile: boolean
  readonly passwordLoginDisabled: boolean
  readonly minimumPasswordLength: number
  readonly twoFactor: boolean
  readonly otpIssuer: string
  readonly resetLinkMs: number
  /** Reset mails per user and hour. */
  readonly resetsPerHour: number
  /** Days after which a password must be renewed at the next sign-in; 0: never. */
  readonly passwordDays: number
  readonly language: string
}

const minute = 60_000
const hour = 60 * minute

/** The settings in force, derived once until a setting changes. */
export function identitySettings(site: Site): IdentitySettings {
  const known = site.cache.config.get('identity:settings') as { source: unknown; settings: IdentitySettings } | undefined
  // A site replaces the whole map when a setting changes, so the map itself tells whether ours is still right.
  if (known?.source === site.settings) return known.settings
  const settings = readSettings(site.settings, site)
  site.cache.config.set('identity:settings', { source: site.settings, settings })
  return settings
}

function readSettings(values: ReadonlyMap<string, string | null>, site: Site): IdentitySettings {
  const number = (field: string, fallback: number) => {
    const value = Number(values.get(field) || Number.NaN)
    return Number.isFinite(value) && value > 0 ? value : fallback
  }
  const isSet = (field: string) => Number(values.get(field) || 0) > 0
  const maxHours = Number(site.config.session_max_hours)
  return {
    idleMs: expiryMs(values.get('session_expiry')),
    absoluteMs: (maxHours > 0 ? maxHours : 30 * 24) * hour,
    oneSessionPerUser: isSet('deny_multiple_sessions'),
    allowedFailures: Math.min(number('allow_consecutive_login_attempts', 10), 100),
    lockMs: number('allow_login_after_fail', 60) * 1000,
    loginWithUserName: isSet('allow_login_using_user_name'),
    loginWithMobile: isSet('allow_login_using_mobile_number'),
    passwordLoginDisabled: isSet('disable_user_pass_login'),
    minimumPasswordLength: Math.min(Math.max(number('minimum_password_length', 8), 8), 64),
    twoFactor: isSet('enable_two_factor_auth'),
    otpIssuer: values.get('otp_issuer_name') || site.host,
    resetLinkMs: number('reset_password_link_expiry_duration', 3600) * 1000,
    resetsPerHour: number('password_reset_limit', 3),
    passwordDays: number('force_user_to_reset_password', 0),
    language: values.get('language') || 'en',
  }
}

/** `240:00` (hours and minutes) in milliseconds; anything unreadable means ten days. */
export function expiryMs(text: string | null | undefined): number {
  const match = /^(\d{1,5}):([0-5]?\d)(?::[0-5]?\d)?$/.exec(text ?? '')
  const ms = match ? Number(match[1]) * hour + Number(match[2]) * minute : 0
  return ms > 0 ? ms : 240 * hour
}
