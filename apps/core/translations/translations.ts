import type { AppPart } from '#kernel/apps/app.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'

/** A site's own translations, which every process must hear of. */
export const translationsPart: AppPart = {
  events: { Translation: { on_change: (ctx) => bumpEpoch(ctx, 'config') }, Language: { on_change: (ctx) => bumpEpoch(ctx, 'config') } },
}
