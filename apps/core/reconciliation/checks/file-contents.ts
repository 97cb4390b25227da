import { and, where } from '#client/rules/predicate.ts'
import { placeOf } from '#kernel/files/file-names.ts'
import { fileStoreOf } from '#kernel/files/file-store.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { defineReconciliation, type Discrepancy } from '#kernel/reconciliation/reconciliation.ts'

const atOnce = 200

/** Files whose bytes are gone or cut short. Nobody but a backup can put that right. */
export const fileContents = defineReconciliation({
  name: 'file_contents',
  title: 'Files without their content',
  every: '0 2 * * *',
  alertAbove: 0,
  check: async (ctx, { after }) => {
    const files = and(where('is_folder', '=', 0), where('name', '>', after))
    const fields = ['name', 'file_url', 'file_size']
    const rows = await findRows(ctx, await ctx.site.meta.get('File'), files, { fields, limit: atOnce })
    const store = fileStoreOf(ctx.site)
    const discrepancies: Discrepancy[] = []
    for (const { name, file_url: url, file_size: size } of rows) {
      const place = placeOf(String(url ?? ''))
      // A link to elsewhere has no content here.
      if (!place) continue
      const stored = await store.stat(place)
      if (!stored) discrepancies.push({ kind: 'content missing', doctype: 'File', name })
      else if (size !== null && Number(size) !== stored.size)
        discrepancies.push({ kind: 'content has another size', doctype: 'File', name, detail: `${stored.size} bytes instead of ${size}` })
    }
    return { checked: rows.length, discrepancies, ...(rows.length === atOnce && { next: rows.at(-1)?.name }) }
  },
})
