import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument, DocumentListener } from '#kernel/documents/document.ts'
import { attachedTexts, dayOf } from './attached-texts.ts'
import { entriesOf, sameTexts } from './document-text.ts'
import { keepsDatabaseIndex, usesOpenSearch } from './opensearch/connection.ts'
import { feedLater } from './opensearch/feed.ts'
import { searchIndex } from './search-index.ts'
import { type SearchPlan, searchPlan } from './search-plan.ts'
import { forgetVectors, keepVectors } from './vectors.ts'

/** For `on_change` of every DocType: brings the index up to date in the same transaction, if a searched text changed. */
export const indexChanged: DocumentListener = (ctx, document, extra) => {
  const meta = ctx.site.meta.cached(document.doctype)
  const plan = meta && searchPlan(ctx, meta)
  if (!plan) return undefined
  const before = extra?.before as AnyDocument | undefined
  if (plan instanceof Promise) return plan.then((made) => (made ? update(ctx, made, document, before) : undefined))
  return update(ctx, plan, document, before)
}

/** For `after_delete`. */
export const indexRemoved: DocumentListener = async (ctx, document) => {
  if (await planOf(ctx, document.doctype)) await forget(ctx, document.doctype, String(document.name))
}

/** For `after_rename`: the new name is indexed by the `on_change` that follows. */
export const indexRenamed: DocumentListener = async (ctx, document, extra) => {
  if (typeof extra?.old === 'string' && (await planOf(ctx, document.doctype))) await forget(ctx, document.doctype, extra.old)
}

async function planOf(ctx: Context, doctype: string): Promise<SearchPlan | undefined> {
  return searchPlan(ctx, await ctx.site.meta.get(doctype))
}

function update(ctx: Context, plan: SearchPlan, document: AnyDocument, before: AnyDocument | undefined): Promise<void> | undefined {
  if (before && sameTexts(plan, document, before)) return undefined
  return document.docstatus === 2 ? forget(ctx, document.doctype, String(document.name)) : indexDocument(ctx, plan, document)
}

async function forget(ctx: Context, doctype: string, name: string): Promise<void> {
  if (keepsDatabaseIndex(ctx.site)) await searchIndex(ctx).remove(ctx, doctype, name)
  if (usesOpenSearch(ctx.site)) await feedLater(ctx, doctype, [name])
  await forgetVectors(ctx, doctype, name)
}

/** Writes what is searched of a document, or has it sent. @param prune  also takes away variants that its DocType had in an earlier form */
export async function indexDocument(ctx: Context, plan: SearchPlan, document: AnyDocument, prune = false): Promise<void> {
  if (keepsDatabaseIndex(ctx.site)) await putEntries(ctx, plan, document, prune)
  if (usesOpenSearch(ctx.site)) await feedLater(ctx, document.doctype, [String(document.name)])
  await keepVectors(ctx, document)
}

/** Writes the entries of a document into the database's index, and takes those away that its DocType had in an earlier form (`prune`). */
export async function putEntries(ctx: Context, plan: SearchPlan, document: AnyDocument, prune: boolean): Promise<void> {
  const [doctype, name] = [document.doctype, String(document.name)]
  const entries = entriesOf(plan, document, await attachedTexts(ctx, document))
  const index = searchIndex(ctx)
  for (const entry of entries) await index.put(ctx, { doctype, name, day: dayOf(document) }, entry)
  if (!prune) return
  const variants = entries.map(({ variant }) => variant)
  await index.remove(ctx, doctype, name, variants)
}
