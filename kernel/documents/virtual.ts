import type { Context } from '#kernel/context/context.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import type { AnyDocument } from './document.ts'
import { NotForDocuments } from './errors.ts'

/** Static functions that the controller of a virtual DocType supplies in place of a table; for lists see kernel/query/virtual.ts. */
export interface VirtualController {
  load(ctx: Context, name: string): Promise<Record<string, unknown> | undefined>
  insert(ctx: Context, document: AnyDocument): Promise<void>
  update(ctx: Context, document: AnyDocument): Promise<void>
  remove(ctx: Context, name: string): Promise<void>
}

/** The functions of a virtual DocType; one that is not supplied refuses. @throws NotForDocuments */
export function virtualController(ctx: Context, meta: Meta): VirtualController {
  const supplied = (ctx.site.apps.controller(meta.name) ?? {}) as Partial<VirtualController>
  const missing = (verb: string) => async (): Promise<never> => {
    throw new NotForDocuments({ doctype: meta.name, reason: `its documents are not stored here, and it offers no way to ${verb} them.` })
  }
  return {
    load: supplied.load?.bind(supplied) ?? missing('read'),
    insert: supplied.insert?.bind(supplied) ?? missing('add'),
    update: supplied.update?.bind(supplied) ?? missing('change'),
    remove: supplied.remove?.bind(supplied) ?? missing('delete'),
  }
}
