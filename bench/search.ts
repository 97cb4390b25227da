import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pino } from 'pino'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { insertRows, type Writer } from '#kernel/documents/rows.ts'
import { insert } from '#kernel/documents/save.ts'
import { principalOf } from '#kernel/identity/principals.ts'
import { rebuildSearch } from '#kernel/search/rebuild.ts'
import { search } from '#kernel/search/search.ts'
import { createSite, dropSite } from '#kernel/sites/create-site.ts'
import type { OpenSite } from '#kernel/sites/open-site.ts'
import { openRuntime } from '#kernel/sites/runtime.ts'
import type { Engine, Finding } from './report.ts'
import { appFolders, temporarySites } from './world.ts'

export interface SearchWorld {
  readonly engine: Engine
  /** A server on which the database is made; absent for SQLite. */
  readonly url?: string
}

const organizations = 20
const confined = 'confined@bench.example'

/** How long a search takes among that many documents, of all tenants and of one; how fast they are indexed; what the index costs a save. */
export async function searchSpeed({ engine, url }: SearchWorld, documents: number): Promise<Finding[]> {
  const sitesFolder = await temporarySites()
  const runtime = await openRuntime({ sitesFolder, appFolders, log: pino({ level: 'silent' }) })
  const host = `bench-search-${process.pid}.localhost`
  try {
    const { site } = await createSite(runtime, {
      host,
      adminPassword: 'fake-Administrator-pass-1',
      dbType: engine,
      ...(engine === 'sqlite' ? { config: { durable: false } } : {}),
      ...(url ? { dbUrl: url } : {}),
    })
    await prepare(site)
    await fill(site, documents)
    const started = performance.now()
    await rebuildSearch((_key, work) => site.asSystem('bench', work), { doctype: 'Bench Article' })
    const rate = documents / ((performance.now() - started) / 1000)
    const [all, one] = [await timesOf(site, 'Administrator'), await timesOf(site, confined)]
    const size = `among ${documents.toLocaleString('en')} documents`
    const limit = engine === 'sqlite' ? { limit: 50 } : {}
    return [
      { engine, what: `search ${size}: slowest twentieth`, unit: 'ms', ours: at(all, 0.95), ...limit, compares: 'at most' },
      { engine, what: `search ${size}: half`, unit: 'ms', ours: at(all, 0.5), compares: 'at most' },
      {
        engine,
        what: `the same by somebody confined to one tenant of ${organizations}: slowest twentieth`,
        unit: 'ms',
        ours: at(one, 0.95),

        compares: 'at most',
      },
      { engine, what: 'documents indexed by a rebuild', unit: 'per second', ours: rate, compares: 'at least' },
      ...(await saves(site, engine)),
    ]
  } finally {
    await dropSite(runtime, host).catch(() => undefined)
    await runtime.close()
    await rm(dirname(sitesFolder), { recursive: true, force: true })
  }
}

const fields = (isSearched: 0 | 1) => [
  { fieldname: 'subject', label: 'Subject', fieldtype: 'Data', in_global_search: isSearched },
  { fieldname: 'body', label: 'Body', fieldtype: 'Text', in_global_search: isSearched },
  { fieldname: 'organization', label: 'Organization', fieldtype: 'Link', options: 'Organization' },
]

async function prepare(site: OpenSite): Promise<void> {
  await site.asSystem('bench data', async (ctx) => {
    for (let n = 0; n < organizations; n++) await insert(ctx, 'Organization', { organization_name: `Organization ${n}` })
    await insert(ctx, 'Role', { role_name: 'Bench Reader' })
  })
  for (const [name, isSearched] of [['Bench Article', 1] as const, ['Bench Silent Article', 0] as const])
    await site.asSystem('bench data', (ctx) =>
      insert(ctx, 'DocType', {
        name,
        module: 'Core',
        custom: 1,
        autoname: 'hash',
        title_field: 'subject',
        fields: fields(isSearched),
        permissions: [{ role: 'Bench Reader', read: 1 }],
      }),
    )
  await site.freshen()
  await site.asSystem('bench data', async (ctx) => {
    await insert(ctx, 'User', { email: confined, first_name: 'One', enabled: 1, send_welcome_email: 0, roles: [{ role: 'Bench Reader' }] })
    await insert(ctx, 'User Permission', { user: confined, allow: 'Organization', for_value: 'Organization 7', apply_to_all_doctypes: 1 })
  })
  await site.freshen()
}

async function fill(site: OpenSite, documents: number): Promise<void> {
  const meta = await site.meta.get('Bench Article')
  const now = '2026-11-01 12:00:00.000000'
  for (let start = 0; start < documents; start += 5000)
    await site.database.transaction(async (tx) => {
      const rows = Array.from({ length: Math.min(5000, documents - start) }, (_, index) => {
        const number = start + index
        const row = {
          doctype: meta.name,
          name: `A-${String(number).padStart(7, '0')}`,
          owner: 'Administrator',
          creation: now,
          modified: now,
        }
        return { ...row, modified_by: 'Administrator', docstatus: 0, idx: 0, ...article(number) } as unknown as AnyDocument
      })
      for (let at = 0; at < rows.length; at += 100) await insertRows(tx as unknown as Writer, meta, rows.slice(at, at + 100))
    })
}

/** Texts in which few words are common and most are rare, as in any language; the same in every run. */
function article(number: number): { subject: string; body: string; organization: string } {
  const words = (count: number, salt: number) => Array.from({ length: count }, (_, index) => word(number * 61 + index * 7 + salt)).join(' ')
  return { subject: words(5, 1), body: words(40, 500), organization: `Organization ${number % organizations}` }
}

const vocabulary = 30_000

function word(seed: number): string {
  let state = (seed * 2654435761) >>> 0
  state ^= state >>> 15
  const chance = ((Math.imul(state, 2246822519) >>> 0) % 1_000_000) / 1_000_000
  return wordNumber(Math.floor(vocabulary ** chance) - 1)
}

function wordNumber(rank: number): string {
  const syllables = ['ba', 'ce', 'di', 'fo', 'gu', 'ha', 'je', 'ki', 'lo', 'mu', 'na', 'pe', 'ri', 'so', 'tu', 'va', 'we', 'xi', 'yo', 'zu']
  let [text, rest] = ['', rank * 7919 + 8000]
  for (; rest > 0; rest = Math.floor(rest / 20)) text += syllables[rest % 20]
  return text
}

/** Rare and common words, several, a phrase, beginnings, as they come while somebody types. */
function queries(): string[] {
  const asked: string[] = []
  for (let n = 0; n < 40; n++) {
    const [rare, middle, common] = [wordNumber(1000 + n * 331), wordNumber(50 + n * 13), wordNumber(2 + (n % 12))]
    asked.push(rare, middle, `${middle} ${common}`, `"${common} ${middle}"`, rare.slice(0, 4), `${common} -${rare}`, common)
  }
  return asked
}

async function timesOf(site: OpenSite, user: string): Promise<number[]> {
  const who = await principalOf(site, user)
  const ask = (text: string) =>
    site.run(who, (ctx) => search(ctx, { text, wire: { version: 2, zone: 'UTC' } }), { via: 'bench', readOnly: true })
  const asked = queries()
  for (const text of asked.slice(0, 30)) await ask(text)
  const times: number[] = []
  for (const text of asked) {
    const started = performance.now()
    await ask(text)
    times.push(performance.now() - started)
  }
  return times.sort((a, b) => a - b)
}

async function saves(site: OpenSite, engine: Engine): Promise<Finding[]> {
  const perSave = async (doctype: string, count: number): Promise<number> => {
    const started = performance.now()
    for (let n = 0; n < count; n++) await site.asSystem('bench', (ctx) => insert(ctx, doctype, { ...article(n), organization: null }))
    return ((performance.now() - started) / count) * 1000
  }
  const rounds: [number, number][] = []
  for (let round = 0; round < 5; round++) rounds.push([await perSave('Bench Article', 200), await perSave('Bench Silent Article', 200)])
  const best = (index: 0 | 1) => Math.min(...rounds.slice(1).map((round) => round[index]))
  return [
    { engine, what: 'insert with 45 searched words, against one without', unit: 'µs', ours: best(0), floor: best(1), compares: 'ratio' },
  ]
}

function at(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}
