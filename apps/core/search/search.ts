import type { AppPart } from '#kernel/apps/app.ts'
import type { DocumentListener } from '#kernel/documents/document.ts'
import { indexChanged, indexRemoved, indexRenamed } from '#kernel/search/keep-index.ts'
import { openSearchService } from '#kernel/search/opensearch/connection.ts'
import { clearDocType, feedDocuments } from '#kernel/search/opensearch/feed.ts'
import { markLinking, markStale, rebuildSearch } from '#kernel/search/rebuild.ts'
import { embedDocument } from '#kernel/search/vectors.ts'
import { learnWordsSince } from '#kernel/search/words.ts'
import { searchMethods } from './methods.ts'

/** With the waits between them these are two or three hours. */
const feedAttempts = 13

const renamed: DocumentListener = async (ctx, document, extra) => {
  await indexRenamed(ctx, document, extra)
  await markLinking(ctx, document.doctype)
}

/** Finding documents by their text: the index follows every change, and an hourly look sees to what changed otherwise. */
export const searchPart: AppPart = {
  services: [openSearchService],
  methods: searchMethods,
  events: { '*': { on_change: indexChanged, after_delete: indexRemoved, after_rename: renamed } },
  jobs: {
    'rebuild-search': {
      queue: 'long',
      asSystem: 'bring the search index up to date',
      run: async (_ctx, { doctype, force, round }, job) => ({
        documents: await rebuildSearch((key, work) => job.step(`${round ?? ''} ${key}`.trim().slice(0, 140), work), {
          ...(typeof doctype === 'string' && doctype !== '' ? { doctype } : {}),
          force: force === true,
          onProgress: (at, documents) => job.progress(50, `${at}, ${documents} documents`),
        }),
      }),
    },
    'learn-words': {
      queue: 'long',
      asSystem: 'learn words to suggest',
      run: async (ctx) => ({ entries: await learnWordsSince(ctx, Math.floor(ctx.clock.now() / 86_400_000) - 2) }),
    },
    'feed-opensearch': {
      asSystem: 'bring OpenSearch up to date',
      attempts: feedAttempts,
      run: async ({ site }, { doctype, names }, { attempt, signal }) => {
        const [of, list] = [String(doctype), Array.isArray(names) ? names.map(String) : []]
        try {
          return await feedDocuments(site, of, list, signal)
        } catch (error) {
          // Nobody need retry it by hand: the hourly look goes through the DocType again.
          if (attempt >= feedAttempts) await site.asSystem('note what OpenSearch has missed', (ctx) => markStale(ctx, of))
          throw error
        }
      },
    },
    'clear-opensearch': {
      asSystem: 'take what is no longer searched out of OpenSearch',
      run: async ({ site }, { doctype }, { signal }) => clearDocType(site, String(doctype), signal),
    },
    'embed-document': {
      asSystem: 'make the vectors of a document',
      run: async (ctx, { doctype, name }) => ({ chunks: await embedDocument(ctx, String(doctype), String(name)) }),
    },
  },
  schedules: [
    { every: 'hourly', job: 'rebuild-search' },
    { every: 'daily', job: 'learn-words' },
  ],
}
