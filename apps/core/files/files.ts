import type { AppPart } from '#kernel/apps/app.ts'
import { keptText } from '#kernel/files/file-text.ts'
import { lookIntoFile } from '#kernel/files/look-into-file.ts'
import { findOrphans, orphanDays } from '#kernel/files/orphans.ts'
import { archiveMethods } from './archive-methods.ts'

/** What is done with files beside taking and giving them: small pictures, text for search, archives, and clearing away what nobody needs. */
export const filesPart: AppPart = {
  methods: archiveMethods,
  // Only of public files: who may read a private one is decided document by document, which a search cannot do.
  searchTexts: { File: (ctx, file) => (file.is_private || file.is_folder ? undefined : keptText(ctx, String(file.name))) },
  jobs: {
    'look-into-file': {
      queue: 'long',
      asSystem: 'make small pictures of a file, and keep what it says for search',
      run: (ctx, { file }) => lookIntoFile(ctx, String(file)),
    },
    'remove-orphans': {
      queue: 'long',
      asSystem: 'remove bytes that no File document names',
      run: async (ctx, _input, job) => {
        if (orphanDays(ctx.site) === 0) return { removed: 0 }
        const { orphans, bytes } = await findOrphans(ctx.site, { remove: true, signal: job.signal })
        return { removed: orphans, bytes }
      },
    },
  },
  schedules: [{ every: 'weekly', job: 'remove-orphans' }],
}
