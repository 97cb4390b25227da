import { Type } from 'typebox'
import { and, where } from '#client/rules/predicate.ts'
import type { AppPart, JobDefinition } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { load } from '#kernel/documents/load.ts'
import { save } from '#kernel/documents/save.ts'
import { checkedPerDocument, defineDocumentMethod, defineMethod } from '#kernel/methods/method.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { findDuplicates } from './find-duplicates.ts'
import { merge } from './merge.ts'
import { undoMerge } from './undo-merge.ts'

const name = Type.String({ minLength: 1, maxLength: 140 })

const mergeMethod = defineMethod({
  path: 'orchestrator.crm.merge',
  summary: 'Makes one of two leads, contacts or customers; can be undone for 30 days.',
  verbs: ['POST'],
  input: Type.Object({
    doctype: name,
    kept: name,
    absorbed: name,
    /** Fields whose value the kept one takes from the other even where it has one. */
    take: Type.Optional(Type.Array(Type.String({ maxLength: 140 }), { maxItems: 200 })),
  }),
  rule: checkedPerDocument('both records are opened for writing, and the one that goes for deleting, as the caller'),
  handler: async (ctx, { doctype, kept, absorbed, take }) => ({ merge: await merge(ctx, doctype, kept, absorbed, take), kept }),
})

const undo = defineDocumentMethod({
  verb: 'undo',
  doctype: 'CRM Merge',
  summary: 'Takes the merge back: both records are as they were.',
  input: Type.Object({}),
  needs: 'write',
  handler: (ctx, document) => undoMerge(ctx, document),
})

/** Journals hold what somebody may have wanted forgotten: when they are of no more use, they go. */
const closeMerges: JobDefinition = {
  asSystem: 'merges that can no longer be undone lose their journal',
  run: async (ctx: Context) => {
    const meta = await ctx.site.meta.get('CRM Merge')
    const over = and(where('state', 'in', ['Merged', 'Undone']), where('undo_until', '<', nowText(ctx)), where('journal', 'set'))
    const found = await findRows(ctx, meta, over, { fields: ['name', 'state'], limit: 500 })
    for (const row of found)
      await save(ctx, await load(ctx, meta, row.name, true), { journal: null, ...(row.state === 'Merged' && { state: 'Final' }) })
    return { closed: found.length }
  },
}

/** Records that look like one, and making them one. */
export const duplicatesPart: AppPart = {
  methods: [findDuplicates, mergeMethod],
  documentMethods: [undo],
  jobs: { 'close-merges': closeMerges },
  schedules: [{ every: 'daily', job: 'close-merges' }],
}
