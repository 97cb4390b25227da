import type { Context } from '#kernel/context/context.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import type { AnyDocument, HookName } from './document.ts'

/** Tells everybody who listens to an event of this document: its controller, extensions, apps. One after another; the first error ends it. */
export async function runHook(
  ctx: Context,
  meta: Meta,
  document: AnyDocument,
  event: HookName,
  extra?: Record<string, unknown>,
): Promise<void> {
  for (const listener of ctx.site.apps.listeners(meta.name, event)) await listener(ctx, document, extra)
}
