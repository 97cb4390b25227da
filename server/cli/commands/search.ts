import { rebuildSearch, searchStatus } from '#kernel/search/rebuild.ts'
import { learnWordsSince } from '#kernel/search/words.ts'
import { type Call, type Command, one, type Outcome } from '../command.ts'

export const searchCommands: readonly Command[] = [
  {
    name: 'search rebuild',
    summary: 'Index the documents whose search index is not up to date; stopped, it goes on where it was',
    arguments: [],
    options: {
      doctype: { value: 'DOCTYPE', summary: 'only this one' },
      force: { summary: 'what is up to date too, from the beginning' },
    },
    onSite: true,
    example: 'orc search rebuild --site crm.example.com',
    run: rebuild,
  },
  {
    name: 'search status',
    summary: 'Tell how far the search index of each DocType is',
    arguments: [],
    options: {},
    onSite: true,
    example: 'orc search status --site crm.example.com',
    run: status,
  },
]

async function rebuild(call: Call): Promise<Outcome> {
  const site = await call.site()
  const doctype = one(call.options, 'doctype')
  const documents = await rebuildSearch((_key, work) => site.asSystem('orc search rebuild', work), {
    ...(doctype ? { doctype: (await site.meta.get(doctype)).name } : {}),
    force: call.switches.has('force'),
    onProgress: (at, total) => call.terminal.note(`${at}: ${total} documents`),
  })
  await site.asSystem('orc search rebuild', (ctx) => learnWordsSince(ctx, Math.floor(ctx.clock.now() / 86_400_000) - 2))
  return { value: { documents }, text: `Indexed ${documents} documents.` }
}

async function status(call: Call): Promise<Outcome> {
  const site = await call.site()
  const statuses = await site.asSystem('orc search status', searchStatus)
  const lines = statuses.map(
    ({ doctype, state, documents, entries }) => `${doctype}: ${state}, ${documents} documents gone through, ${entries} entries`,
  )
  return { value: statuses, text: lines.join('\n') || 'No DocType is searched.' }
}
