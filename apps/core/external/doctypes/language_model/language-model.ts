import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { readUrl } from '#kernel/external/safe-fetch.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'

interface LanguageModelFields {
  base_url: string | null
}

/** A language model that the site may ask; kernel/language-models asks it. */
export default class LanguageModel extends Document<LanguageModelFields> {
  validate(): void {
    if (this.base_url) readUrl(this.base_url, 'base_url')
  }

  on_change(ctx: Context): Promise<void> {
    return bumpEpoch(ctx, 'config')
  }

  after_rename(ctx: Context): Promise<void> {
    return bumpEpoch(ctx, 'config')
  }

  after_delete(ctx: Context): Promise<void> {
    return bumpEpoch(ctx, 'config')
  }
}
