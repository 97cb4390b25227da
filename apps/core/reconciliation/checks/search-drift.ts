import type { Context } from '#kernel/context/context.ts'
import { ident, join, sql, tableOf } from '#kernel/database/sql.ts'
import { find } from '#kernel/documents/load.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { hasCountedNames } from '#kernel/query/columns.ts'
import { type CheckedBatch, defineReconciliation, type Healing } from '#kernel/reconciliation/reconciliation.ts'
import { indexDocument } from '#kernel/search/keep-index.ts'
import { searchIndex } from '#kernel/search/search-index.ts'
import { searchPlan } from '#kernel/search/search-plan.ts'

const atOnce = 500
const entries = sql.id('__Search_Entry')

/** Documents first, for entries that are missing; then entries, for documents that are gone. */
type Phase = 'documents' | 'entries'

/** Documents that a search does not find, and hits that lead nowhere. What is still being built is no drift. */
export const searchDrift = defineReconciliation({
  name: 'search_index',
  title: 'Search index that differs from the documents',
  every: '30 2 * * *',
  healAtMost: 1000,
  check: (ctx, { after }) => check(ctx, after),
  heal: (ctx, { doctype = '', name = '' }) => heal(ctx, doctype, name),
})

async function check(ctx: Context, after: string): Promise<CheckedBatch> {
  const [last = '', phase = 'documents', from = ''] = after === '' ? [] : (JSON.parse(after) as [string, Phase, string])
  const built = await builtDocTypes(ctx)
  // From the very name on while its phases are not done.
  const doctype = built.find((one) => (after === '' ? true : one >= last))
  if (doctype === undefined) return { checked: 0, discrepancies: [] }
  const place: [Phase, string] = doctype === last ? [phase as Phase, from] : ['documents', '']
  const names = await namesOf(ctx, doctype, ...place)
  const there = await namesAmong(ctx, doctype, place[0] === 'documents' ? 'entries' : 'documents', names)
  const kind = place[0] === 'documents' ? 'not in the index' : 'only in the index'
  const discrepancies = names.filter((name) => !there.has(name)).map((name) => ({ kind, doctype, name }))
  const next = nextPlace(built, doctype, place[0], names)
  return { checked: names.length, discrepancies, ...(next && { next: JSON.stringify(next) }) }
}

function nextPlace(built: readonly string[], doctype: string, phase: Phase, names: readonly string[]): [string, Phase, string] | undefined {
  if (names.length === atOnce) return [doctype, phase, names.at(-1) as string]
  if (phase === 'documents') return [doctype, 'entries', '']
  const following = built[built.indexOf(doctype) + 1]
  return following === undefined ? undefined : [following, 'documents', '']
}

async function builtDocTypes(ctx: Context): Promise<string[]> {
  const rows = await ctx.db.query<{ doctype: string }>(
    ctx.db.dialect.compile(sql`select doctype from ${sql.id('__Search_State')} where is_done = 1`),
  )
  const found: string[] = []
  for (const { doctype } of rows) {
    // Names that are numbers sort otherwise as texts than in their table; there are few of them, and all are the platform's own.
    if ((await ctx.site.meta.exists(doctype)) && !hasCountedNames(await ctx.site.meta.get(doctype))) found.push(doctype)
  }
  return found.sort()
}

async function namesOf(ctx: Context, doctype: string, phase: Phase, after: string): Promise<string[]> {
  const limit = sql.lit(atOnce)
  const rows = await ctx.db.query<{ name: string }>(
    ctx.db.dialect.compile(
      phase === 'documents'
        ? sql`select name from ${ident(tableOf(doctype))} where name > ${after} and docstatus < 2 order by name limit ${limit}`
        : sql`select distinct name from ${entries} where doctype = ${doctype} and name > ${after} order by name limit ${limit}`,
    ),
  )
  return rows.map(({ name }) => name)
}

async function namesAmong(ctx: Context, doctype: string, phase: Phase, names: readonly string[]): Promise<Set<string>> {
  if (names.length === 0) return new Set()
  const list = join(names.map((name) => sql`${name}`))
  const rows = await ctx.db.query<{ name: string }>(
    ctx.db.dialect.compile(
      phase === 'documents'
        ? sql`select name from ${ident(tableOf(doctype))} where docstatus < 2 and name in (${list})`
        : sql`select distinct name from ${entries} where doctype = ${doctype} and name in (${list})`,
    ),
  )
  return new Set(rows.map(({ name }) => name))
}

async function heal(ctx: Context, doctype: string, name: string): Promise<Healing> {
  const meta: Meta = await ctx.site.meta.get(doctype)
  const plan = await searchPlan(ctx, meta)
  await ctx.db.begin()
  // Locked, so that nobody's newer text is overwritten with what was read before.
  const document = await find(ctx, meta, name, true)
  if (document && plan && document.docstatus !== 2) await indexDocument(ctx, plan, document, true)
  else await searchIndex(ctx).remove(ctx, doctype, name)
  return 'healed'
}
