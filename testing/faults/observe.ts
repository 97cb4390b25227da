import { verifyAudit } from '#kernel/audit/seal.ts'
import { sql } from '#kernel/database/sql.ts'
import type { Site } from '#kernel/sites/site.ts'
import type { SeenEntry, SeenJob, SeenSaga, World } from './world.ts'

/** What the site's database holds. */
export type Seen = Pick<World, 'entries' | 'postings' | 'counters' | 'effects' | 'jobs' | 'sagas' | 'indexed' | 'audit' | 'stuck'>

/** Reads everything, past all permissions and caches: what is in the tables counts. */
export async function observe(site: Site): Promise<Seen> {
  const read = <R>(fragment: ReturnType<typeof sql>) => site.database.query<R>(site.database.dialect.compile(fragment))
  const table = (name: string) => sql.id(`tab${name}`)
  const parts = Map.groupBy(
    await read<{ parent: string; part: number }>(sql`select parent, part from ${table('Ledger Row')}`),
    ({ parent }) => parent,
  )
  const audited = Map.groupBy(
    await read<{ docname: string }>(
      sql`select docname from ${table('Audit Entry')} where ref_doctype = ${'Ledger Entry'} and action = ${'insert'}`,
    ),
    ({ docname }) => docname,
  )
  const entries = await read<Omit<SeenEntry, 'parts' | 'audited'>>(
    sql`select name, client_ref, docstatus, amount from ${table('Ledger Entry')}`,
  )
  const jobs = await read<SeenJob>(sql`select id, job_name, state, schedule, created, lost, error from ${sql.id('__Job')}`)
  const sagas = await read<Omit<SeenSaga, 'ref'> & { context: string }>(
    sql`select name, status, error_message, told, context from ${table('Saga Log')} where saga_name = ${'ledger-order'}`,
  )
  return {
    entries: entries.map((entry) => ({
      ...entry,
      docstatus: Number(entry.docstatus),
      amount: Number(entry.amount),
      parts: (parts.get(entry.name) ?? []).map(({ part }) => Number(part)).sort((a, b) => a - b),
      audited: audited.get(entry.name)?.length ?? 0,
    })),
    postings: (await read<{ entry: string; amount: number }>(sql`select entry, amount from ${table('Ledger Posting')}`)).map((posting) => ({
      ...posting,
      amount: Number(posting.amount),
    })),
    counters: (
      await read<{ title: string; total: number; last_sequence: number }>(
        sql`select title, total, last_sequence from ${table('Ledger Counter')}`,
      )
    ).map(({ title, total, last_sequence }) => ({ title, total: Number(total), last_sequence: Number(last_sequence) })),
    effects: await read(sql`select kind, source from ${table('Ledger Effect')}`),
    jobs: jobs.map((job) => ({
      ...job,
      created: Number(job.created),
      lost: Number(job.lost),
      error: job.error ?? '',
      schedule: job.schedule ?? '',
    })),
    sagas: sagas.map(({ context, ...saga }) => ({
      ...saga,
      error_message: saga.error_message ?? '',
      told: saga.told ?? '',
      ref: (JSON.parse(context) as { input: { ref: string } }).input.ref,
    })),
    indexed: (
      await read<{ name: string }>(sql`select distinct name from ${sql.id('__Search_Entry')} where doctype = ${'Ledger Entry'}`)
    ).map(({ name }) => name),
    audit: auditComplaints(await verifyAudit(site)),
    stuck: [
      ...(await rowsIn(site, 'tabEmail Queue', ['Not Sent', 'Sending', 'Error', 'Partially Sent', 'Kept'])),
      ...(await rowsIn(site, 'tabWebhook Request Log', ['Queued', 'Retrying', 'Failed'])),
      ...(await read<{ id: string }>(sql`select id from ${sql.id('__Idempotency')} where status = 0`)).map(
        ({ id }) => `the key ${id} is taken for ever`,
      ),
    ],
  }
}

async function rowsIn(site: Site, table: string, states: readonly string[]): Promise<string[]> {
  const fragment = sql`select name, status, error from ${sql.id(table)} where status in (${sql.join([...states])})`
  const rows = await site.database.query<{ name: string; status: string; error: string | null }>(site.database.dialect.compile(fragment))
  return rows.map(({ name, status, error }) => `${table} ${name} is ${status}: ${(error ?? '').slice(0, 200)}`)
}

function auditComplaints({ altered, missing, inserted, brokenSeals }: Awaited<ReturnType<typeof verifyAudit>>): string[] {
  return Object.entries({ altered, missing, inserted, brokenSeals })
    .filter(([, list]) => list.length > 0)
    .map(([what, list]) => `the audit log has ${list.length} entries or seals that are ${what}`)
}

/** How much is left to do: jobs that wait or run, and sagas that are neither done nor undone. */
export async function unfinished(site: Site): Promise<number> {
  const count = async (fragment: ReturnType<typeof sql>) =>
    Number((await site.database.query<{ n: number }>(site.database.dialect.compile(fragment)))[0]?.n)
  return (
    (await count(sql`select count(*) as n from ${sql.id('__Job')} where state in (${sql.join(['queued', 'running', 'waiting'])})`)) +
    (await count(sql`select count(*) as n from ${sql.id('tabSaga Log')} where status = ${'running'}`))
  )
}

/** Lets the time pass that jobs and circuits wait for after a failure: half an hour of backing off would prove nothing more. */
export async function passTime(site: Site): Promise<void> {
  const { compile } = site.database.dialect
  await site.database.transaction(async (tx) => {
    await tx.execute(
      compile(sql`update ${sql.id('__Job')} set run_at = ${Date.now()} where state = ${'queued'} and run_at > ${Date.now()}`),
    )
    await tx.execute(compile(sql`delete from ${sql.id('__Circuit')}`))
  })
}
