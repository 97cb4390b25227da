import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { ValueRefused } from '../../../errors.ts'
import { flagsCache } from '../../is-enabled.ts'

interface FeatureFlagFields {
  flag: string
  rules: { percentage: number }[]
}

/** A feature that is not on for everybody. */
export default class FeatureFlag extends Document<FeatureFlagFields> {
  validate(): void {
    const refuse = (field: string, reason: string): never => {
      throw new ValueRefused({ doctype: 'Feature Flag', field, reason })
    }
    if (!/^[a-z0-9]+([.-][a-z0-9]+)*$/.test(this.flag ?? '')) refuse('flag', 'takes lower case letters, digits, dots and hyphens.')
    for (const [at, { percentage }] of (this.rules ?? []).entries())
      if (!(Number(percentage) >= 0 && Number(percentage) <= 100)) refuse(`rules[${at}].percentage`, 'lies between 0 and 100.')
  }

  async on_change(ctx: Context): Promise<void> {
    await flagsCache.invalidateAll(ctx)
  }
}
