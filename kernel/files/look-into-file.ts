import type { Context } from '#kernel/context/context.ts'
import { find } from '#kernel/documents/load.ts'
import { indexDocument } from '#kernel/search/keep-index.ts'
import { searchPlan } from '#kernel/search/search-plan.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { placeOf } from './file-names.ts'
import { fileStoreOf } from './file-store.ts'
import { hasText, keepText, textOfFile } from './file-text.ts'
import { hasPreviews, makePreviews } from './previews.ts'

/**
 * What is done with a file after its upload: small pictures are made of it, and what it says is kept for search.
 * @returns what was found; undefined where the file has gone meanwhile
 * @throws PicturesBusy, StoreUnavailable
 */
export async function lookIntoFile(ctx: Context, name: string): Promise<{ pictures: boolean; characters: number } | undefined> {
  const meta = await ctx.site.meta.get('File')
  const file = await find(ctx, meta, name)
  const place = file && placeOf(String(file.file_url ?? ''))
  const store = fileStoreOf(ctx.site)
  if (!file || !place || !(await store.stat(place))) return undefined
  const type = String(file.content_type ?? '')
  const isPicture = hasPreviews(type)
  const pictures = isPicture && (await makePreviews(ctx.site, place, String(file.content_hash)))
  const text = hasText(type) ? await textOfFile(await store.localPath(place), type) : ''
  // Bytes are read before anything is written: nobody waits for them.
  if (isPicture && !pictures) await writeThrough(ctx, 'File', name, { thumbnail_url: null })
  if (text === '') return { pictures, characters: 0 }
  await keepText(ctx, name, text)
  const plan = await searchPlan(ctx, meta)
  if (plan) await indexDocument(ctx, plan, file)
  return { pictures, characters: text.length }
}
