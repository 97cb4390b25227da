import type { Context } from '#kernel/context/context.ts'
import type { Meta } from './meta.ts'
import { MetaStore } from './store.ts'

/** A definition as this unit of work has changed it, before anybody else can see it. */
export function metaWithin(ctx: Context, doctype: string): Promise<Meta> {
  return new MetaStore(() => ctx.db, ctx.site.apps).get(doctype)
}
