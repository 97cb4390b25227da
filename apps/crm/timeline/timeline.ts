import { Type } from 'typebox'
import type { AppPart } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import { datetimeType } from '#kernel/fields/dates/date-types.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { checkedPerDocument, defineMethod } from '#kernel/methods/method.ts'
import { BadInput } from '#kernel/methods/errors.ts'
import { wireV1 } from '#kernel/methods/wire-v1.ts'
import { relatedTo } from './related.ts'
import { type Entry, type Kind, kinds, sources } from './sources.ts'

const path = 'orchestrator.crm.timeline'
/** Entries of a page, at most. */
const most = 200

/** Everything that happened around a document, the latest first, page by page; each entry as far as the caller may read what it is about. */
const timeline = defineMethod({
  path,
  summary: 'Mails, calls, notes, tasks, files, stages and field changes of a document and of those it came from, the latest first.',
  verbs: ['GET', 'POST'],
  input: Type.Object({
    doctype: Type.String({ minLength: 1, maxLength: 140 }),
    name: Type.String({ minLength: 1, maxLength: 140 }),
    kinds: Type.Optional(Type.Array(Type.String())),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: most })),
    /** `cursor` of the page before. */
    before: Type.Optional(Type.String({ maxLength: 400 })),
  }),
  rule: checkedPerDocument('the document, and each one that adds to its timeline, is read as the caller'),
  async handler(ctx, given) {
    const document = await getDocument(ctx, given.doctype, given.name)
    const wanted = wantedKinds(given.kinds)
    const limit = given.limit ?? 50
    const cursor = given.before === undefined ? undefined : readCursor(given.before)
    const entries = await entriesOf(ctx, [document, ...(await relatedTo(ctx, document))], wanted, limit, cursor)
    const page = entries.slice(0, limit)
    const last = page.at(-1)
    const wire = wireV1(ctx)
    return {
      entries: page.map(({ at, ...entry }) => ({ at: datetimeType.toWire(at, wire), ...entry })),
      ...(entries.length > limit && last ? { cursor: `${last.at}|${keyOf(last)}` } : {}),
    }
  },
})

function wantedKinds(given: readonly string[] | undefined): ReadonlySet<Kind> {
  const bad = given?.findIndex((kind) => !(kinds as readonly string[]).includes(kind)) ?? -1
  if (bad >= 0) throw new BadInput({ method: path, field: `kinds[${bad}]`, reason: `must be one of ${kinds.join(', ')}` })
  return new Set((given as Kind[] | undefined) ?? kinds)
}

interface Cursor {
  readonly at: string
  readonly key: string
}

function readCursor(text: string): Cursor {
  const [at = '', key] = [text.slice(0, 26), text.slice(27)]
  if (!/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$/.test(at) || text[26] !== '|' || !key)
    throw new BadInput({ method: path, field: 'before', reason: 'must be the cursor of an earlier page' })
  return { at, key }
}

const keyOf = (entry: Entry): string => `${entry.kind}:${entry.name}`

async function entriesOf(
  ctx: Context,
  documents: readonly { doctype: string; name: string }[],
  wanted: ReadonlySet<Kind>,
  limit: number,
  cursor: Cursor | undefined,
): Promise<Entry[]> {
  const found = new Map<string, Entry>()
  for (const [doctype, list] of Map.groupBy(documents, (one) => one.doctype)) {
    const names = list.map(({ name }) => String(name))
    for (const source of sources) {
      if (!source.kinds.some((kind) => wanted.has(kind))) continue
      const entries = await source.read(ctx, { doctype, names, until: cursor?.at, limit: limit + 1 })
      // A talk may be about one document and linked to others: it is one entry, of the one that comes first.
      for (const entry of entries) if (wanted.has(entry.kind) && !found.has(keyOf(entry))) found.set(keyOf(entry), entry)
    }
  }
  return [...found.values()]
    .sort((one, other) => (one.at === other.at ? compare(keyOf(one), keyOf(other)) : compare(other.at, one.at)))
    .filter((entry) => !cursor || entry.at < cursor.at || (entry.at === cursor.at && keyOf(entry) > cursor.key))
}

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)

/** One history of what was said and done about somebody. */
export const timelinePart: AppPart = { methods: [timeline] }
