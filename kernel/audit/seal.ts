import { hash } from 'node:crypto'
import { sql, type Sql } from '#kernel/database/sql.ts'
import type { Site } from '#kernel/sites/site.ts'
import { entryHash, hashedColumns } from './audit.ts'
import { instantOfText, textOfInstant } from '#kernel/context/time.ts'

const entriesTable = sql.id('tabAudit Entry')
const sealsTable = sql.id('tabAudit Seal')
/** Entries per seal; keeps a seal's row below half a megabyte. */
const entriesPerSeal = 5000
/**
 * A transaction may commit this much later than it wrote its entry: so far back a new seal looks for entries that its predecessors
 * passed over. Longer than any transaction is allowed to last.
 */
const lateMs = 3_600_000

interface EntryRow {
  name: number | string
  entry_hash: string | null
  at: string
}

interface SealRow {
  name: number | string
  sealed_at: string
  first_entry: string
  last_entry: string
  entry_count: number
  entry_hashes: string
  previous_hash: string | null
  seal_hash: string
}

/**
 * Chains what was written since the last seal: a seal lists the hashes of its entries and the hash of the seal before. Runs in the
 * background, one process at a time, and never touches an entry.
 * @returns how many entries were sealed
 */
export async function sealAudit(site: Site): Promise<number> {
  return site.database.exclusively('audit-seal', async () => {
    let sealed = 0
    for (;;) {
      const count = await sealOnce(site)
      sealed += count
      if (count < entriesPerSeal) return sealed
    }
  })
}

async function sealOnce(site: Site): Promise<number> {
  const { compile } = site.database.dialect
  const now = site.clock.now()
  const recent = await recentSeals(site, now)
  const passed = new Set(recent.flatMap((seal) => seal.entry_hashes.split('\n').map((line) => line.split(' ')[0] ?? '')))
  const before = await lastSeal(site, recent[0])
  const last = recent.at(-1) ?? before
  // What the last seal before the recent ones passed over can no longer arrive; what those passed over still may.
  const fresh = await freshEntries(site, Number(before?.last_entry ?? 0) + 1, passed)
  if (fresh.length === 0) return 0
  const lines = fresh.map((row) => `${row.name} ${row.entry_hash ?? ''}`).join('\n')
  const previous = last?.seal_hash ?? ''
  const at = textOfInstant(now)
  const values: [string, string | number][] = [
    ['sealed_at', at],
    ['first_entry', String(fresh[0]?.name)],
    ['last_entry', String(Math.max(Number(last?.last_entry ?? 0), Number(fresh.at(-1)?.name)))],
    ['entry_count', fresh.length],
    ['entry_hashes', lines],
    ['previous_hash', previous],
    ['seal_hash', sealHash(previous, at, lines)],
    ['owner', 'Administrator'],
    ['creation', at],
    ['modified', at],
    ['modified_by', 'Administrator'],
    ['docstatus', 0],
    ['idx', 0],
  ]
  await site.database.transaction((tx) =>
    tx.execute(
      compile(
        sql`insert into ${sealsTable} (${sql.join(values.map(([column]) => sql.id(column)))}) values (${sql.join(values.map(([, value]) => value))})`,
      ),
    ),
  )
  return fresh.length
}

async function recentSeals(site: Site, now: number): Promise<SealRow[]> {
  const since = textOfInstant(now - lateMs)
  return site.database.query<SealRow>(
    site.database.dialect.compile(sql`select * from ${sealsTable} where sealed_at >= ${since} order by name`),
  )
}

/** The last seal of all, or the last one before another. */
async function lastSeal(site: Site, before: SealRow | undefined): Promise<SealRow | undefined> {
  const condition = before ? sql`where name < ${before.name}` : sql``
  const [seal] = await site.database.query<SealRow>(
    site.database.dialect.compile(sql`select * from ${sealsTable} ${condition} order by name desc limit 1`),
  )
  return seal
}

async function freshEntries(site: Site, from: number, passed: ReadonlySet<string>): Promise<EntryRow[]> {
  const fresh: EntryRow[] = []
  for await (const rows of entryBatches<EntryRow>(site, sql`name, entry_hash, at`, from)) {
    for (const row of rows) if (!passed.has(String(row.name))) fresh.push(row)
    if (fresh.length >= entriesPerSeal) return fresh.slice(0, entriesPerSeal)
  }
  return fresh
}

/** Rows of the entries' table in order, from a name on, so many at a time that a large log fits through a small memory. */
async function* entryBatches<R extends { name: number | string }>(site: Site, columns: Sql, from: number): AsyncGenerator<R[]> {
  const { compile } = site.database.dialect
  for (let next = from; ; ) {
    const rows = await site.database.query<R>(
      compile(sql`select ${columns} from ${entriesTable} where name >= ${next} order by name limit ${sql.raw(String(entriesPerSeal))}`),
    )
    yield rows
    if (rows.length < entriesPerSeal) return
    next = Number(rows.at(-1)?.name) + 1
  }
}

function sealHash(previous: string, at: string, lines: string): string {
  return hash('sha256', JSON.stringify([previous, at, lines]), 'base64url')
}

/** What `verifyAudit` found. All lists empty: the log is whole. Entries are named as in the table. */
export interface AuditReport {
  readonly entries: number
  readonly seals: number
  /** Not sealed yet; checked against their own hash only. */
  readonly pending: number
  /** Content differs from what was written or sealed. */
  readonly altered: string[]
  /** Sealed but gone. */
  readonly missing: string[]
  /** Older than the last seals, but in none of them. */
  readonly inserted: string[]
  /** Seals whose own content or link to the one before does not fit. */
  readonly brokenSeals: string[]
}

/** Reads the whole log and checks each entry and seal. Takes about 10 s for a million entries. */
export async function verifyAudit(site: Site): Promise<AuditReport> {
  const { sealed, seals, broken, lastSealedAt, lastEntry } = await readSeals(site)
  const altered: string[] = []
  const inserted: string[] = []
  let entries = 0
  let pending = 0
  const columns = sql.join([sql.id('name'), sql.id('entry_hash'), ...hashedColumns.map((name) => sql.id(name))])
  for await (const rows of entryBatches<EntryRow & Record<string, string | null>>(site, columns, Number.MIN_SAFE_INTEGER)) {
    for (const row of rows) {
      entries++
      const name = String(row.name)
      const expected = sealed.get(name)
      const content = hashedColumns.map((column) => row[column] ?? null)
      const isIntact = entryHash(content) === row.entry_hash
      if (!isIntact || (expected !== undefined && expected !== row.entry_hash)) altered.push(name)
      else if (expected === undefined) {
        const isOld = Number(name) <= lastEntry && instantOfText(row.at) < lastSealedAt - lateMs
        if (isOld) inserted.push(name)
        else pending++
      }
      sealed.delete(name)
    }
  }
  return { entries, seals, pending, altered, missing: [...sealed.keys()], inserted, brokenSeals: broken }
}

async function readSeals(site: Site) {
  const sealed = new Map<string, string>()
  const broken: string[] = []
  let seals = 0
  let previous = ''
  let lastSealedAt = 0
  let lastEntry = 0
  for (let after = -1; ; ) {
    const rows = await site.database.query<SealRow>(
      site.database.dialect.compile(sql`select * from ${sealsTable} where name > ${after} order by name limit 50`),
    )
    for (const seal of rows) {
      seals++
      const isChained = (seal.previous_hash ?? '') === previous
      if (!isChained || sealHash(seal.previous_hash ?? '', seal.sealed_at, seal.entry_hashes) !== seal.seal_hash)
        broken.push(String(seal.name))
      for (const line of seal.entry_hashes.split('\n')) {
        const space = line.indexOf(' ')
        sealed.set(line.slice(0, space), line.slice(space + 1))
      }
      previous = seal.seal_hash
      lastSealedAt = Math.max(lastSealedAt, instantOfText(seal.sealed_at))
      lastEntry = Math.max(lastEntry, Number(seal.last_entry))
      after = Number(seal.name)
    }
    if (rows.length < 50) return { sealed, seals, broken, lastSealedAt, lastEntry }
  }
}
