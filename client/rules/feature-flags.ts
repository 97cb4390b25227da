/** For whom a feature is on. */
export interface FeatureFlag {
  readonly name: string
  /** The master switch: off is off for everybody, whatever the rules say. */
  readonly enabled: boolean
  /** What holds where no rule speaks. */
  readonly onByDefault: boolean
  /** Whom a share counts: single people, or whole organizations. */
  readonly spreadBy: 'User' | 'Organization'
  /** The first that concerns somebody decides. */
  readonly rules: readonly FeatureRule[]
}

export interface FeatureRule {
  /** Empty: all organizations. */
  readonly organization: string
  /** Empty: all roles. */
  readonly role: string
  /** 0 to 100: the share of those concerned for whom it is on. */
  readonly percentage: number
}

/** Who asks. */
export interface FeatureAsker {
  readonly user: string
  readonly roles: ReadonlySet<string>
  /** All organizations of the asker; a question about one of them names that one alone. */
  readonly organizations: readonly string[]
}

export interface FeatureAnswer {
  readonly on: boolean
  /** What decided: `off`, `default`, or the place of the rule from 1. */
  readonly by: 'off' | 'default' | number
}

/**
 * Whether a feature is on for somebody. The same answer each time: a share is drawn by a hash of feature and person (or organization), so
 * raising it takes the feature from nobody, and two features are drawn apart.
 */
export function decideFeature(flag: FeatureFlag, asker: FeatureAsker): FeatureAnswer {
  if (!flag.enabled) return { on: false, by: 'off' }
  for (const [at, rule] of flag.rules.entries()) {
    if (rule.role !== '' && !asker.roles.has(rule.role)) continue
    const concerned = rule.organization === '' ? asker.organizations : asker.organizations.filter((one) => one === rule.organization)
    if (rule.organization !== '' && concerned.length === 0) continue
    // Without an organization there is nothing to spread over: one draw for all such people.
    const drawn = flag.spreadBy === 'User' ? [asker.user] : concerned.length > 0 ? concerned : ['']
    return { on: drawn.some((unit) => shareOf(flag.name, unit) < rule.percentage), by: at + 1 }
  }
  return { on: flag.onByDefault, by: 'default' }
}

/** Where somebody stands among all, from 0 (on first) to 100 (exclusive), in hundredths. */
export function shareOf(feature: string, unit: string): number {
  return (hash(`${feature}\n${unit}`) % 10_000) / 100
}

/** FNV-1a over UTF-16 units, 32 bits, with a final mix: neighbours such as user1 and user2 must not stand side by side. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193)
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return (value ^ (value >>> 16)) >>> 0
}
